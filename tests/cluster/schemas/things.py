"""A custom kind whose schema uses every word that a structural schema has, and values for each."""

from typing import Any

from delivery.cluster.objects import Kind

THINGS = Kind("schemas.example.com", "v1", "Thing", "things")

_TEXT = {"type": "string"}
_SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["must"],
    "properties": {
        "must": _TEXT,
        "int": {"type": "integer", "minimum": 1, "maximum": 10},
        "num": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "str": {"type": "string", "pattern": "^a+$", "minLength": 2, "maxLength": 4},
        "bool": {"type": "boolean"},
        "enum": {"type": "string", "enum": ["a", "b"]},
        "numbers": {"type": "integer", "enum": [1, 2]},
        **{name: {"type": "string", "format": name} for name in ("date-time", "uri", "duration", "byte", "ipv4", "ipv6",
           "email", "uuid", "date", "hostname", "cidr", "mac", "unheard-of")},
        "either": {"x-kubernetes-int-or-string": True},
        "percent": {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": "^[0-9]+%$",
        },
        "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "minLength": 1}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
        "keyed": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                "type": "object",
                "required": ["k"],
                "properties": {"k": _TEXT, "v": {"type": "integer", "default": 7}},
            },
        },
        "values": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "minProperties": 1,
            "maxProperties": 2,
        },
        "one": {
            "type": "object",
            "properties": {"a": _TEXT, "b": _TEXT, "c": _TEXT},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "any": {
            "type": "object",
            "properties": {"a": _TEXT, "b": _TEXT},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "all": {
            "type": "object",
            "properties": {"a": _TEXT, "b": _TEXT},
            "allOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "none": {"type": "object", "properties": {"a": _TEXT}, "not": {"required": ["a"]}},
        "nullable": {"type": "string", "nullable": True, "default": "x"},
        "solid": {"type": "string", "default": "y"},
        "plain": _TEXT,
        "deep": {
            "type": "object",
            "default": {"b": {}},
            "properties": {
                "b": {"type": "object", "properties": {"c": {"type": "integer", "default": 5}}},
                "d": {"type": "string", "default": "dd"},
            },
        },
        "shallow": {"type": "object", "properties": {"x": {"type": "string", "default": "z"}}},
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"in": {"type": "object", "properties": {"a": _TEXT}}},
        },
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object", "properties": {"a": _TEXT}}},
        },
        "anything": {"x-kubernetes-preserve-unknown-fields": True},
    },
}  # fmt: skip
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"spec": _SPEC}}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.schemas.example.com"},
    "spec": {
        "group": THINGS.group,
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}],
    },
}
_POD = {"apiVersion": "v1", "kind": "Pod"}
SPECS: tuple[dict[str, Any], ...] = (
    *({"int": value} for value in ("x", 1.5, 11, 0, True, {}, 2.0, None)),
    *({"num": value} for value in (-0.5, 0.0, 0.5, "x")),
    *({"str": value} for value in ("b", "aaaaa", "bb", "aa", "aa\n", 3, None, ["aa"])),
    *({"bool": value} for value in ("true", 0, True)),
    *({"enum": value} for value in ("c", "a")),
    *({"numbers": value} for value in (3, 1)),
    *({"date-time": value} for value in ("no", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+01:00", "2026-01-01")),
    *({"date": value} for value in ("2026-01-01", "2026-13-01")),
    *({"uri": value} for value in ("::", "https://example.com/a")),
    *({"duration": value} for value in ("xx", "1h30m", "5s")),
    *({"byte": value} for value in ("!", "aGk=")),
    *({"ipv4": value} for value in ("a", "10.0.0.1", "::1")),
    *({"ipv6": value} for value in ("a", "::1")),
    *({"email": value} for value in ("a", "a@example.com")),
    *({"uuid": value} for value in ("x", "0a2b3c4d-0000-4000-8000-000000000000")),
    *({"hostname": value} for value in ("a b", "example.com")),
    *({"cidr": value} for value in ("10.0.0.1", "10.0.0.0/8")),
    *({"mac": value} for value in ("a", "00:00:5e:00:53:01")),
    {"unheard-of": "x"},
    *({"either": value} for value in (True, 1.5, 1, "a")),
    *({"percent": value} for value in ("a", "5%", 5)),
    *({"list": value} for value in ([], ["a", "b", "c"], ["", 3], "x", ["a"])),
    *({"set": value} for value in (["a", "a", "b", "b"], ["a", "b"])),
    *({"keyed": value} for value in ([{"k": "a"}, {"k": "a"}], [{}], [{"k": "a", "w": 1}, {"k": "b", "v": None}])),
    *({"values": value} for value in ({}, {"a": "x"}, {"a": 1, "b": 2, "c": 3}, [], {"a": 1})),
    *({"one": value} for value in ({}, {"a": "1", "b": "2"}, {"a": "1"}, [], {"a": "1", "z": 1})),
    *({"any": value} for value in ({}, {"a": "1", "b": "2"})),
    *({"all": value} for value in ({}, {"a": "1"}, {"a": "1", "b": "2"})),
    *({"none": value} for value in ({"a": "1"}, {})),
    {"nullable": None, "solid": None, "plain": None},
    *({"deep": value} for value in ({}, None, {"b": None})),
    *({"shallow": value} for value in ({}, None)),
    {"must": None},
    {"unknown": 3, "free": {"zz": {"a": 1}, "in": {"a": "1", "q": 2}}},
    *({"embedded": value} for value in (
        {},
        {**_POD, "metadata": {"name": "x", "unheardOf": 1}, "q": 3, "spec": {"a": "1", "q": 1}},
        {**_POD, "metadata": {"labels": {"a": 1}}},
    )),
    {"anything": [{"a": 1}]},
)  # fmt: skip
"""Each is laid over a spec that has what it must have."""
