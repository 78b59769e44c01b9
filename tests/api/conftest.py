"""What the tests of the API objects share: a small Canary to start from, and Kubernetes' rules for schemas."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

Body = dict[str, Any]
Make = Callable[..., Body]

_ALLOWED = {
    "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "required",
    "nullable", "multipleOf", "properties", "items", "additionalProperties", "oneOf", "anyOf", "allOf", "not",
    "x-kubernetes-validations", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-embedded-resource",
}  # fmt: skip
_STRUCTURAL_ONLY = ("type", "default", "description", "nullable", "additionalProperties")


@pytest.fixture
def canary() -> Make:
    """A Canary of ten lines, with other fields of the spec on request."""

    def make(**spec: Any) -> Body:
        body: Body = {
            "apiVersion": "progressive.delivery/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "reviews", "namespace": "bookinfo", "generation": 3},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
                "service": {"port": 9080},
                "analysis": {},
            },
        }
        body["spec"].update(spec)
        return body

    return make


@pytest.fixture
def structural_problems() -> Callable[[Body], list[str]]:
    """The rules of Kubernetes' "structural schema", as far as they can be checked without a server."""
    return lambda schema: list(_problems(schema, "", top=True))


def _problems(schema: Body, path: str, *, top: bool = False) -> Iterator[str]:
    yield from (f"{path}: unknown keyword {key}" for key in schema if key not in _ALLOWED)
    yield from _type_problems(schema, path)
    for key in ("oneOf", "anyOf", "allOf"):
        for branch in schema.get(key, ()):
            yield from _branch_problems(branch, f"{path}/{key}", schema)
    if "not" in schema:
        yield from _branch_problems(schema["not"], f"{path}/not", schema)
    for name, inner in schema.get("properties", {}).items():
        if not (top and name == "metadata"):
            yield from _problems(inner, f"{path}.{name}")
    if "items" in schema:
        yield from _problems(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _problems(schema["additionalProperties"], f"{path}{{}}")


def _type_problems(schema: Body, path: str) -> Iterator[str]:
    if "type" not in schema and not schema.get("x-kubernetes-int-or-string"):
        yield f"{path}: no type"
    if not isinstance(schema.get("type", ""), str):
        yield f"{path}: several types"
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        yield f"{path}: a list without the type of its items"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: properties and additionalProperties exclude each other"
    if not schema.get("description") and path and not path.endswith(("[]", "{}", ".metadata")):
        yield f"{path}: no description"
    yield from (f"{path}: required {name} is no property" for name in schema.get("required", ())
                if name not in schema.get("properties", {}))  # fmt: skip


def _branch_problems(branch: Body, path: str, outer: Body) -> Iterator[str]:
    """Below a junctor only values may be restricted, and only properties that the outer schema has."""
    yield from (f"{path}: {key} below a junctor" for key in _STRUCTURAL_ONLY if key in branch)
    yield from (
        f"{path}: {name} is no property" for name in branch.get("required", ()) if name not in outer["properties"]
    )
    for key in ("oneOf", "anyOf", "allOf"):
        for inner in branch.get(key, ()):
            yield from _branch_problems(inner, f"{path}/{key}", outer)
    if "not" in branch:
        yield from _branch_problems(branch["not"], f"{path}/not", outer)
