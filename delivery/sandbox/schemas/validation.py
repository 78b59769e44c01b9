"""Values against a schema, with the words in which kube-apiserver says what is wrong.

The phrases are those of version 1.20 (learned from its answers), but for the place of an item in a list: later
servers name it (`spec.hosts[1]`), and a reader needs it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.memory.values import equal_json
from delivery.sandbox.schemas.formats import acceptable, expression
from delivery.sandbox.schemas.pruning import OBJECTS_OWN

Schema = Mapping[str, Any]

_NOWHERE = "<nil>"


class Walk:
    """One validation: `visit` adds what is wrong to `causes`."""

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def visit(self, value: Any, schema: Schema, path: str, *, root: bool = False) -> None:
        """Check `value`, which stands at `path`, and everything in it."""
        if value is None and schema.get("nullable"):
            return
        self._type(value, schema, path)
        self._junctors(value, schema, path)
        if isinstance(value, str):
            self._string(value, schema, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._number(value, schema, path)
        elif isinstance(value, list):
            self._list(value, schema, path)
        elif isinstance(value, dict):
            self._object(value, schema, path, root=root)
        if "enum" in schema and not any(equal_json(value, allowed) for allowed in schema["enum"]):
            allowed = ", ".join(quoted(text(each)) for each in schema["enum"])
            message = f"Unsupported value: {shown(value)}: supported values: {allowed}"
            self.causes.append(Cause(path, message, "FieldValueNotSupported"))

    def _invalid(self, path: str, value: Any, complaint: str) -> None:
        self.causes.append(Cause(path, f"Invalid value: {shown(value)}: {path} in body {complaint}"))

    def _type(self, value: Any, schema: Schema, path: str) -> None:
        if schema.get("x-kubernetes-int-or-string"):
            allowed = ["integer", "string"]
        elif schema.get("type"):
            allowed = [schema["type"]]
        else:
            return
        name = type_name(value)
        if name not in allowed and not (name == "integer" and "number" in allowed):
            self._invalid(path, name, f"must be of type {','.join(allowed)}: {quoted(name)}")

    def _string(self, value: str, schema: Schema, path: str) -> None:
        if len(value) > schema.get("maxLength", len(value)):
            self._invalid(path, value, f"should be at most {schema['maxLength']} chars long")
        elif len(value) < schema.get("minLength", 0):
            self._invalid(path, value, f"should be at least {schema['minLength']} chars long")
        elif "pattern" in schema and not expression(schema["pattern"]).search(value):
            self._invalid(path, value, f"should match '{schema['pattern']}'")
        if not acceptable(schema.get("format", ""), value):
            self._invalid(path, value, f"must be of type {schema['format']}: {quoted(value)}")

    def _number(self, value: float, schema: Schema, path: str) -> None:
        if (factor := schema.get("multipleOf")) and abs(value / factor - round(value / factor)) > 1e-9:
            self._invalid(path, value, f"should be a multiple of {text(factor)}")
        for bound, word, beyond in _BOUNDS:
            limit = schema.get(bound)
            excluded = bool(schema.get(f"exclusive{bound.capitalize()}"))
            if limit is not None and (beyond(value, limit) or (excluded and value == limit)):
                self._invalid(path, value, f"should be {word} than {'' if excluded else 'or equal to '}{text(limit)}")

    def _list(self, value: list[Any], schema: Schema, path: str) -> None:
        if len(value) < schema.get("minItems", 0):
            self._invalid(path, len(value), f"should have at least {schema['minItems']} items")
        if len(value) > schema.get("maxItems", len(value)):
            self._invalid(path, len(value), f"should have at most {schema['maxItems']} items")
        if isinstance(schema.get("items"), Mapping):
            for index, item in enumerate(value):
                self.visit(item, schema["items"], f"{path}[{index}]")
        self._repeated(value, schema, path)

    def _repeated(self, value: list[Any], schema: Schema, path: str) -> None:
        list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
        if list_type not in ("set", "map"):
            return
        seen: list[Any] = []
        for index, item in enumerate(value):
            if list_type == "map" and not isinstance(item, dict):
                continue
            identity = {key: item[key] for key in keys if key in item} if list_type == "map" else item
            if any(equal_json(identity, other) for other in seen):
                message = f"Duplicate value: {shown(identity)}"
                self.causes.append(Cause(f"{path}[{index}]", message, "FieldValueDuplicate"))
            seen.append(identity)

    def _object(self, value: Mapping[str, Any], schema: Schema, path: str, *, root: bool) -> None:
        for name in schema.get("required") or ():
            if name not in value:
                self.causes.append(Cause(_below(path, name), "Required value", "FieldValueRequired"))
        if len(value) < schema.get("minProperties", 0):
            least = schema["minProperties"]
            self._invalid(path, least, f"should have at least {least} properties")
        if len(value) > schema.get("maxProperties", len(value)):
            most = schema["maxProperties"]
            self._invalid(path, most, f"should have at most {most} properties")
        if schema.get("x-kubernetes-embedded-resource"):
            self._embedded(value, path)
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            inner = properties.get(name, others)
            if isinstance(inner, Mapping) and not (root and name in OBJECTS_OWN):
                self.visit(item, inner, _below(path, name))

    def _embedded(self, value: Mapping[str, Any], path: str) -> None:
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                self.causes.append(Cause(_below(path, name), "Required value: must not be empty", "FieldValueRequired"))

    # -- allOf, anyOf, oneOf, not

    def _junctors(self, value: Any, schema: Schema, path: str) -> None:
        if branches := schema.get("anyOf"):
            results = [_causes_of(value, branch, path) for branch in branches]
            if all(results):
                self._no_branch(path, "must validate at least one schema (anyOf)", min(results, key=len))
        if branches := schema.get("oneOf"):
            results = [_causes_of(value, branch, path) for branch in branches]
            fitting = sum(not causes for causes in results)
            rule = "must validate one and only one schema (oneOf)."
            if fitting == 0:
                self._no_branch(path, f"{rule} Found none valid", min(results, key=len))
            elif fitting > 1:
                self._no_branch(path, f"{rule} Found {fitting} valid alternatives", [])
        if branches := schema.get("allOf"):
            self._all(value, branches, path)
        if "not" in schema and not _causes_of(value, schema["not"], path):
            self._no_branch(path, "must not validate the schema (not)", [])

    def _all(self, value: Any, branches: list[Schema], path: str) -> None:
        results = [causes for branch in branches if (causes := _causes_of(value, branch, path))]
        if results:
            none = "" if len(results) < len(branches) else ". None validated"
            together = [cause for causes in results for cause in causes]
            self._no_branch(path, f"must validate all the schemas (allOf){none}", together)

    def _no_branch(self, path: str, complaint: str, causes: list[Cause]) -> None:
        self.causes.append(Cause(_NOWHERE, f'Invalid value: "": {quoted(path)} {complaint}'))
        self.causes.extend(causes)


def _causes_of(value: Any, schema: Schema, path: str) -> list[Cause]:
    walk = Walk()
    walk.visit(value, schema, path)
    return walk.causes


def type_name(value: Any) -> str:
    """The JSON type of a value; a number without a fraction is an integer."""
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return _TYPE_NAMES[type(value)]


def quoted(value: str) -> str:
    """A string as the API server quotes it."""
    return json.dumps(value, ensure_ascii=False)


def text(value: Any) -> str:
    """A scalar as it is printed without quotes: 1.0 as 1, true as true."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """A value within a message: strings quoted, objects as compact JSON."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return quoted(value) if isinstance(value, str) else text(value)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_TYPE_NAMES = {
    type(None): "null", bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object",
}  # fmt: skip
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "greater", lambda value, limit: value < limit),
    ("maximum", "less", lambda value, limit: value > limit),
)
