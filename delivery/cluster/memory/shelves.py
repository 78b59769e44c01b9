"""What is stored and which kinds are served: the part of an API server that knows of no request.

What is handed out is the stored object itself; who answers requests makes copies of it.
"""

from typing import Any

from delivery.cluster.memory.garbage import Owners
from delivery.cluster.memory.rejections import NotFoundError, resource_name
from delivery.cluster.memory.resources import Resource, builtin_resources
from delivery.cluster.objects import Kind, Object, Ref

Body = dict[str, Any]


class Shelves:
    """The objects of one cluster, a shelf a kind, and who owns whom."""

    def __init__(self) -> None:
        self._resources: dict[Kind, Resource] = {}
        self._objects: dict[Kind, dict[tuple[str, str], Body]] = {}
        self._owners = Owners()
        for resource in builtin_resources():
            self.register(resource)

    def register(self, resource: Resource) -> None:
        """Serve a kind (again, with other rules: its objects stay)."""
        self._resources[resource.kind] = resource
        self._objects.setdefault(resource.kind, {})

    def unregister(self, kind: Kind) -> None:
        """No longer serve a kind; ValueError while there are objects of it."""
        if self._objects.get(kind):
            raise ValueError(f"{kind.plural}: there are {len(self._objects[kind])} objects left")
        self._resources.pop(kind, None)
        self._objects.pop(kind, None)

    def kinds(self) -> list[Resource]:
        """What is served."""
        return list(self._resources.values())

    def peek(self, ref: Ref) -> Object | None:
        """The stored object itself, or None: for checks after every step. It must not be changed."""
        return self._objects.get(ref.kind, {}).get((ref.namespace, ref.name))

    def scan(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """The stored objects of a kind themselves, by namespace and name. They must not be changed."""
        objects = self._objects.get(kind, {})
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def dependents(self, owner: Object, kind: Kind) -> list[Object]:
        """The stored objects of a kind themselves that name `owner`, by name. They must not be changed."""
        refs = sorted(ref for ref in self._owners.dependents(owner["metadata"]["uid"]) if ref.kind == kind)
        return [self._objects[kind][ref.namespace, ref.name] for ref in refs]

    def _resource(self, kind: Kind) -> Resource:
        resource = self._resources.get(kind)
        if resource is None:
            raise NotFoundError(f"the server could not find the requested resource ({resource_name(kind)})")
        return resource

    def _current(self, ref: Ref) -> Body:
        self._resource(ref.kind)
        body = self._objects[ref.kind].get((ref.namespace, ref.name))
        if body is None:
            raise NotFoundError.of(ref)
        return body
