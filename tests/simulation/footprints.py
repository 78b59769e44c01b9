"""The fields of objects that are not ours which the controller has written: what GitOps tools must be told of."""

from collections.abc import Iterator
from typing import Any

from delivery.cluster.memory import Happened
from delivery.cluster.objects import CANARIES, EVENTS, LEASES, Object, pointer
from delivery.workloads.ownership import is_managed
from tests.simulation.simulation import Simulation

_ABSENT = object()

_SERVERS = ("resourceVersion", "generation", "managedFields", "annotations.deprecated.daemonset.template.generation")
"""Metadata that the API server changes by itself with a write."""


class Footprints:
    """Pointers to the fields, by kind. A list is one field; so is what stands below a map that was not there before."""

    def __init__(self, sim: Simulation) -> None:
        self.found: dict[str, set[str]] = {}
        self._sim = sim
        sim.store.observers.append(self._observe)

    def _observe(self, event: Happened) -> None:
        foreign = event.previous is not None and not is_managed(event.previous)
        if not foreign or event.type == "DELETED" or not self._sim.promises.writer.startswith("delivery"):
            return
        if event.ref.kind in (CANARIES, EVENTS, LEASES):
            return
        found = self.found.setdefault(event.ref.kind.kind, set())
        found |= set(changed(event.previous or {}, event.object))


def changed(before: Object, after: Object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The pointers at which two objects differ, apart from what every write changes."""
    for key in sorted({*before, *after}):
        here = (*path, key)
        if here[0] == "metadata" and ".".join(here[1:]) in _SERVERS:
            continue
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if old == new:
            continue
        maps = [value for value in (old, new) if isinstance(value, dict)]
        if maps and all(value is _ABSENT or isinstance(value, dict) for value in (old, new)):
            yield from changed(_map(old), _map(new), here)
        else:
            yield pointer(*here)


def _map(value: Any) -> Object:
    return value if isinstance(value, dict) else {}
