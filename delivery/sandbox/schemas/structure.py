"""What an API server asks of a schema before it takes a CustomResourceDefinition: that it is structural."""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.sandbox.schemas.complaints import forbidden, invalid, required, unsupported
from delivery.sandbox.schemas.formats import expression
from delivery.sandbox.schemas.validation import Walk

Schema = Mapping[str, Any]

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "deprecated")
_FREE = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")
_ONLY_OUTSIDE = (
    "type",
    "default",
    "additionalProperties",
    "title",
    "description",
    "nullable",
    "x-kubernetes-list-type",
)
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def problems(schema: Any, path: str = "openAPIV3Schema") -> list[Cause]:
    """What keeps `schema` from being structural, each with its place; empty if nothing does."""
    return _node(schema, path, root=True)


def _node(schema: Any, path: str, *, root: bool = False, item: bool = False) -> list[Cause]:
    if not isinstance(schema, Mapping):
        return [invalid(path, schema, "must be an object")]
    if found := [word for word in _FORBIDDEN if schema.get(word)]:
        return [forbidden(f"{path}.{word}", f"{word} is not supported") for word in found]
    causes = _type(schema, path, root=root, item=item) + _pattern(schema, path) + _list_type(schema, path)
    for word in _JUNCTORS:
        causes += _junctor(schema, word, path)
    causes += _below(schema, path)
    return causes or _default(schema, path)


def _type(schema: Schema, path: str, *, root: bool, item: bool) -> list[Cause]:
    type_ = schema.get("type") or ""
    if root and type_ != "object":
        return [invalid(f"{path}.type", type_, "must be object at the root")]
    if not type_ and not any(schema.get(word) for word in _FREE):
        what = "array items" if item else "object fields"
        return [required(f"{path}.type", f"must not be empty for specified {what}")]
    if type_ and type_ not in _TYPES:
        return [unsupported(f"{path}.type", type_, _TYPES)]
    if type_ == "array" and "items" not in schema:
        return [required(f"{path}.items", "must be specified")]
    return []


def _pattern(schema: Schema, path: str) -> list[Cause]:
    try:
        expression(schema.get("pattern") or "")
    except ValueError as error:
        why = f"must be a valid regular expression, but isn't: {error}"
        return [invalid(f"{path}.pattern", schema["pattern"], why)]
    return []


def _list_type(schema: Schema, path: str) -> list[Cause]:
    causes = []
    if schema.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(forbidden(f"{path}.uniqueItems", why))
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    if list_type not in (None, "atomic", "set", "map"):
        causes.append(unsupported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "map", "set")))
    if list_type == "map" and not keys:
        why = "must not be empty if x-kubernetes-list-type is map"
        causes.append(required(f"{path}.x-kubernetes-list-map-keys", why))
    return causes


def _junctor(schema: Schema, word: str, path: str) -> list[Cause]:
    """Branches of unions restrict values; what a value is made of has to be said outside of them."""
    if word not in schema:
        return []
    if schema.get("x-kubernetes-int-or-string") and word == "anyOf" and schema[word] == _INT_OR_STRING:
        return []
    branches = schema[word] if word != "not" else [schema[word]]
    causes: list[Cause] = []
    for number, branch in enumerate(branches):
        place = f"{path}.{word}" if word == "not" else f"{path}.{word}[{number}]"
        causes += _branch(branch, place, free=bool(schema.get("x-kubernetes-int-or-string")))
    return causes


def _branch(branch: Any, path: str, *, free: bool) -> list[Cause]:
    if not isinstance(branch, Mapping):
        return [invalid(path, branch, "must be an object")]
    if free and branch == {"anyOf": _INT_OR_STRING}:
        return []
    words = {"default": "undefined"}
    causes = [
        forbidden(f"{path}.{key}", f"must be {words.get(key, 'empty')} to be structural")
        for key in _ONLY_OUTSIDE
        if key in branch
    ]
    for name, inner in (branch.get("properties") or {}).items():
        causes += _branch(inner, f"{path}.properties[{name}]", free=False)
    if "items" in branch:
        causes += _branch(branch["items"], f"{path}.items", free=False)
    return causes + _pattern(branch, path)


def _below(schema: Schema, path: str) -> list[Cause]:
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if not isinstance(properties, Mapping):
        return [invalid(f"{path}.properties", properties, "must be an object")]
    causes: list[Cause] = []
    for name, inner in properties.items():
        causes += _node(inner, f"{path}.properties[{name}]")
    if others not in (None, True, False):
        causes += _node(others, f"{path}.additionalProperties")
    if properties and others:
        both = "additionalProperties and properties are mutual exclusive"
        causes.append(forbidden(f"{path}.additionalProperties", both))
    if "items" in schema:
        causes += _node(schema["items"], f"{path}.items", item=True)
    return causes


def _default(schema: Schema, path: str) -> list[Cause]:
    """A default has to be a value that the schema accepts."""
    if schema.get("default") is None:
        return []
    walk = Walk()
    walk.visit(schema["default"], schema, "")
    return [
        Cause(f"{path}.default{'.' if each.field else ''}{each.field}", each.message, each.reason)
        for each in walk.causes
    ]
