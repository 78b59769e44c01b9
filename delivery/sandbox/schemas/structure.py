"""What an API server asks of a schema before it takes a CustomResourceDefinition."""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.sandbox.schemas.formats import expression

Schema = Mapping[str, Any]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems")
_FREE = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


def problems(schema: Any, path: str = "openAPIV3Schema") -> list[Cause]:
    """What keeps `schema` from being structural, each with its place; empty if nothing does."""
    return _node(schema, path, root=True)


def _node(schema: Any, path: str, *, root: bool = False) -> list[Cause]:
    if not isinstance(schema, Mapping):
        return [Cause(path, f"Invalid value: {schema!r}: must be an object", "FieldValueInvalid")]
    causes = [
        Cause(f"{path}.{word}", "Forbidden: must not be used in a structural schema", "FieldValueForbidden")
        for word in _FORBIDDEN
        if schema.get(word)
    ]
    causes += _type(schema, path, root=root) + _pattern(schema, path)
    if schema.get("uniqueItems"):
        causes.append(
            Cause(f"{path}.uniqueItems", "Forbidden: uniqueItems cannot be set to true", "FieldValueForbidden")
        )
    return causes + _below(schema, path)


def _type(schema: Schema, path: str, *, root: bool) -> list[Cause]:
    type_ = schema.get("type") or ""
    if root and type_ != "object":
        return [Cause(f"{path}.type", f'Invalid value: "{type_}": must be object at the root')]
    if not type_ and not any(schema.get(word) for word in _FREE):
        return [
            Cause(f"{path}.type", "Required value: must not be empty for specified object fields", "FieldValueRequired")
        ]
    if type_ and type_ not in _TYPES:
        supported = ", ".join(f'"{name}"' for name in _TYPES)
        return [
            Cause(
                f"{path}.type", f'Unsupported value: "{type_}": supported values: {supported}', "FieldValueNotSupported"
            )
        ]
    if type_ == "array" and "items" not in schema:
        return [Cause(f"{path}.items", "Required value: must be specified", "FieldValueRequired")]
    return []


def _pattern(schema: Schema, path: str) -> list[Cause]:
    try:
        expression(schema.get("pattern") or "")
    except ValueError as error:
        return [Cause(f"{path}.pattern", f"Invalid value: {error}")]
    return []


def _below(schema: Schema, path: str) -> list[Cause]:
    causes: list[Cause] = []
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if not isinstance(properties, Mapping):
        return [Cause(f"{path}.properties", f"Invalid value: {properties!r}: must be an object")]
    for name, inner in properties.items():
        causes += _node(inner, f"{path}.properties[{name}]")
    if others is False:
        causes.append(Cause(f"{path}.additionalProperties", "Forbidden: must not be false", "FieldValueForbidden"))
    elif others is not None and others is not True:
        causes += _node(others, f"{path}.additionalProperties")
    if properties and others:
        both = "Forbidden: additionalProperties and properties are mutual exclusive"
        causes.append(Cause(f"{path}.additionalProperties", both, "FieldValueForbidden"))
    if "items" in schema:
        causes += _node(schema["items"], f"{path}.items")
    return causes
