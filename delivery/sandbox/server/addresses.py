"""Paths of the API: which kind, namespace, object and subresource a URL names."""

from dataclasses import dataclass

from delivery.cluster.objects import Ref
from delivery.sandbox.server.failures import NoSuchPathError, no_such_resource
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.served import Served


@dataclass(frozen=True, slots=True)
class Address:
    """What a path names: a collection if `name` is empty. `namespace` None means all namespaces."""

    served: Served
    namespace: str | None
    name: str = ""
    subresource: str = ""

    @property
    def ref(self) -> Ref:
        """The object in the store."""
        return Ref(self.served.stored, self.namespace or "", self.name)

    @property
    def where(self) -> str:
        """In words, for messages."""
        return "/".join(part for part in (self.served.kind.plural, self.name, self.subresource) if part)


def find(registry: Registry, path: str) -> Address:
    """The address of a path below /api/v1 or /apis/GROUP/VERSION; NotFoundError if nothing is served there."""
    root, *parts = path.strip("/").split("/")
    if root == "api" and len(parts) > 1:
        group, (version, *rest) = "", parts
    elif root == "apis" and len(parts) > 2:
        group, version, *rest = parts
    else:
        raise no_such_resource() if root == "api" else NoSuchPathError(path)
    if not registry.kinds(group, version):
        raise NoSuchPathError(path)
    return _below(registry, group, version, rest)


def _below(registry: Registry, group: str, version: str, rest: list[str]) -> Address:
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) > 2 and not _of_namespace(group, rest):
        namespace, rest = rest[1], rest[2:]
    served = registry.find(group, version, rest[0])
    if served is None or len(rest) > 3 or not all(rest):
        raise no_such_resource()
    name, subresource = [*rest[1:], "", ""][:2]
    misplaced = name and namespace is None if served.kind.namespaced else namespace is not None
    if misplaced:
        raise NoSuchPathError("/".join(rest)) if served.custom else no_such_resource()
    return Address(served, namespace if served.kind.namespaced else "", name, subresource)


def _of_namespace(group: str, rest: list[str]) -> bool:
    """/api/v1/namespaces/x/status is a subresource of the namespace, not a kind in it."""
    return not group and len(rest) == 3 and rest[2] in ("status", "finalize")
