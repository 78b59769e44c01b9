"""From a model to the structural schema that Kubernetes asks of a CRD.

Pydantic writes JSON Schema 2020; the API server takes an older dialect with every type said at its place. What has no
translation raises here, so that a schema never says less than its model without anybody noticing.
"""

from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]

_KEPT = (
    "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "nullable", "multipleOf",
)  # fmt: skip
_DROPPED = ("title", "examples", "uniqueItems", "$defs", "deprecated", "readOnly", "writeOnly", "discriminator")
_JUNCTORS = ("oneOf", "anyOf", "allOf", "not")
INT_OR_STRING = "x-kubernetes-int-or-string"
PRESERVE = "x-kubernetes-preserve-unknown-fields"


def structural(schema: Mapping[str, Any]) -> Schema:
    """The structural form of a JSON schema as pydantic writes it. Raises ValueError for what has no such form."""
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any], seen: tuple[str, ...] = ()) -> Schema:
    node = _const_as_enum(_joined(node))
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in seen:
            raise ValueError(f"{name} contains itself, which no structural schema can say")
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _convert({**definitions[name], **rest}, definitions, (*seen, name))
    out: Schema = {}
    for key, value in node.items():
        _entry(out, key, value, lambda inner: _convert(inner, definitions, seen))
    return out


def _joined(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Unions in the one form that has a translation: a type or null, an integer or a string, all of one."""
    for junctor in ("anyOf", "oneOf", "allOf"):
        branches = [branch for branch in node.get(junctor, ()) if branch.get("type") != "null"]
        if not branches or all(_is_value_rule(branch) for branch in branches):
            continue
        rest = {key: value for key, value in node.items() if key != junctor}
        if len(branches) == 1:
            return _joined({**branches[0], **rest})
        if {branch.get("type") for branch in branches} == {"integer", "string"}:
            return {INT_OR_STRING: True, **rest}
        raise ValueError(f"no structural form of {junctor}: {branches}")
    return node


def _is_value_rule(branch: Mapping[str, Any]) -> bool:
    """Whether it only restricts values ("this property is there") and so may stand in a union."""
    return set(branch) <= {"required", "not", "anyOf", "oneOf", "allOf"}


def _const_as_enum(node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "const" not in node:
        return node
    return {**{key: value for key, value in node.items() if key != "const"}, "enum": [node["const"]]}


def _entry(out: Schema, key: str, value: Any, convert: Callable[[Mapping[str, Any]], Schema]) -> None:
    """Translate one keyword of a schema into `out`."""
    if key == "default" and not value:
        return  # absent and empty are the same to us, so the stored object stays as its author wrote it
    if key == "description":
        out[key] = " ".join(value.split())
    elif key in _KEPT or key.startswith("x-kubernetes-") or key in _JUNCTORS:
        out[key] = value
    elif key == "properties":
        out[key] = {name: convert(inner) for name, inner in value.items()}
    elif key in ("items", "prefixItems"):
        out["items"] = convert(_common(value) if key == "prefixItems" else value)
    elif key == "additionalProperties":
        _additional(out, value, convert)
    elif key in ("exclusiveMinimum", "exclusiveMaximum"):
        out[key] = True
        out[key.removeprefix("exclusive").lower()] = value
    elif key not in _DROPPED:
        raise ValueError(f"no structural form of {key}: {value!r}")


def _additional(out: Schema, value: Any, convert: Callable[[Mapping[str, Any]], Schema]) -> None:
    if value is True:
        out[PRESERVE] = True
    elif value is not False:  # closed objects need no word: the server prunes
        out["additionalProperties"] = convert(value)


def _common(branches: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    if any(branch != branches[0] for branch in branches):
        raise ValueError(f"no structural form of a list of different types: {branches}")
    return branches[0]
