"""The mesh on a cluster in memory: it sees every write as it happens and lives by the same clock.

Needs no timers: pushes that are due between two writes are handed over when the next one comes, at their own time.
"""

from collections.abc import Callable

from delivery.cluster.memory import Happened, Store
from delivery.cluster.objects import DESTINATION_RULES, PODS, SERVICES, VIRTUAL_SERVICES
from delivery.sandbox.mesh.mesh import Mesh

KINDS = (SERVICES, DESTINATION_RULES, VIRTUAL_SERVICES, PODS)


class OnStore:
    """`mesh` follows `store`; `clock` gives the mesh's seconds. What is there already, all proxies know."""

    def __init__(self, mesh: Mesh, store: Store, clock: Callable[[], float]) -> None:
        self.mesh = mesh
        self._store, self._clock = store, clock
        self.look()
        for kind in KINDS:
            for body in store.scan(kind):
                mesh.apply(kind, "ADDED", body, at_once=True)
        store.observers.append(self._observe)

    def look(self) -> Mesh:
        """The mesh as it is now."""
        self.mesh.advance(self._clock())
        return self.mesh

    def close(self) -> None:
        """Follow the store no more."""
        self._store.observers.remove(self._observe)

    def _observe(self, event: Happened) -> None:
        if event.ref.kind in KINDS:
            self.mesh.advance(self._clock())
            self.mesh.apply(event.ref.kind, event.type, event.object)
