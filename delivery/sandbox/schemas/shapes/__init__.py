"""The structure of Kubernetes' own kinds as tables, for nothing serves it to a server that starts empty.

A line (with its indented continuation) is a type: its name, then its fields as `name:type` with marks behind.

    string int long number bool any time microtime bytes quantity intstr   scalars; intstr is an integer or a string
    Name, []type, {}type    another line's type, a list, a map of strings
    !    the field is required (API servers check that by their own rules, clients by this)
    ~key strategic merge patch joins the items of this list by `key`; without a key, as a set of scalars
    ^    strategic merge patch may say by $retainKeys which members stay
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.shapes import access, cluster, common, pods, volumes, workloads

Schema = dict[str, Any]

SCALARS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "number": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "any": {"x-kubernetes-preserve-unknown-fields": True},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"x-kubernetes-int-or-string": True},
    "intstr": {"x-kubernetes-int-or-string": True},
}
_MODULES = (common, pods, volumes, workloads, cluster, access)
_RENAMED = {("events.k8s.io", "Event"): "NewEvent"}
_GROUPS = (
    "", "apps", "autoscaling", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
    "rbac.authorization.k8s.io", "apiextensions.k8s.io",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type. `merge_key` None: a list is replaced whole; "": joined as a set."""

    name: str
    type: str
    required: bool = False
    merge_key: str | None = None
    retain_keys: bool = False

    @property
    def item(self) -> str:
        """The type of a list's items or a map's values; the type itself if it is neither."""
        return self.type.removeprefix("[]").removeprefix("{}")

    @property
    def is_list(self) -> bool:
        return self.type.startswith("[]")

    @property
    def is_map(self) -> bool:
        return self.type.startswith("{}")


def type_of(kind: Kind) -> str | None:
    """The name of a kind's type here, or None for a kind whose structure is not known."""
    if kind.group not in _GROUPS:
        return None
    name = _RENAMED.get((kind.group, kind.kind), kind.kind)
    return name if name in types() and "metadata" in types()[name] else None


@cache
def types() -> Mapping[str, Mapping[str, Field]]:
    """Every type: its name, and its fields by name."""
    found: dict[str, dict[str, Field]] = {}
    for module in _MODULES:
        for name, *tokens in _lines(module.SHAPES):
            found[name] = {field.name: field for field in map(_field, tokens)}
    return found


@cache
def schema_of(type_name: str) -> Schema:
    """The structural schema of a type. Only read it: it is shared, and one that contains itself has no end."""
    return _schema(type_name, {})


def _schema(type_name: str, made: dict[str, Schema]) -> Schema:
    if type_name in SCALARS:
        return dict(SCALARS[type_name])
    if type_name not in made:
        properties: Schema = {}
        made[type_name] = {"type": "object", "properties": properties}
        properties.update((name, _field_schema(field, made)) for name, field in types()[type_name].items())
    return made[type_name]


def _field_schema(field: Field, made: dict[str, Schema]) -> Schema:
    inner = _schema(field.item, made)
    if field.is_list:
        return {"type": "array", "items": inner}
    return {"type": "object", "additionalProperties": inner} if field.is_map else inner


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each type, its continuation lines included."""
    words: list[str] = []
    for line in text.strip().splitlines():
        if not line.startswith(" "):
            if words:
                yield words
            words = []
        words += line.split()
    yield words


def _field(token: str) -> Field:
    name, _, rest = token.partition(":")
    rest, retain, _ = rest.partition("^")
    rest, merges, key = rest.partition("~")
    return Field(name, rest.removesuffix("!"), rest.endswith("!"), key if merges else None, bool(retain))
