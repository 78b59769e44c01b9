"""What is served under one path: a kind in one version, its names, its subresources and its schema.

The store knows the rules of a kind; everything that only a client on HTTP can see (short names, list kinds, columns,
several versions of one kind) is here. A kind of several versions is stored in one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.objects import Kind

Body = dict[str, Any]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Shape(Protocol):
    """What a schema does to a body. `delivery.sandbox.schemas` has them."""

    def prune(self, body: Body) -> list[str]:
        """Remove unknown fields; their paths."""

    def default(self, body: Body) -> None:
        """Fill in defaults."""

    def validate(self, body: Body) -> list[Cause]:
        """Everything that is wrong."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a kind keeps what its scale subresource shows; `selector` empty if it has none."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    status: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ("spec", "selector")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One kind in one version.

    `stored` is the kind that the store keeps; it parts from `kind` in its version only. `unconditional`: a PUT may
    come without a resourceVersion. `fields` are the field selectors that it takes besides a name and a namespace.
    """

    kind: Kind
    stored: Kind
    singular: str
    list_kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: ScalePaths | None = None
    custom: bool = False
    unconditional: bool = True
    fields: tuple[str, ...] = ()
    shape: Shape | None = None
    columns: Sequence[Mapping[str, Any]] = ()
    schema: Mapping[str, Any] | None = None

    @property
    def verbs(self) -> tuple[str, ...]:
        """What can be done with it; namespaces go one by one."""
        if (self.kind.group, self.kind.kind) == ("", "Namespace"):
            return tuple(verb for verb in VERBS if verb != "deletecollection")
        return VERBS

    def outward(self, body: Mapping[str, Any]) -> Body:
        """A stored object in this version (a new dict; its parts are shared)."""
        return {**body, "apiVersion": self.kind.api_version, "kind": self.kind.kind}

    def inward(self, body: Body) -> Body:
        """A body that was sent in this version, as the store takes it. Other versions are left for it to refuse."""
        if body.get("apiVersion") == self.kind.api_version:
            return {**body, "apiVersion": self.stored.api_version}
        return body
