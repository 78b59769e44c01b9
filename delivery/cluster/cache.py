"""What is known of one kind of objects, kept right although news of it comes by several ways and out of order.

A watch, a list, a GET and the answers to our own writes all tell about the same objects, and each may be late. The
resourceVersion, compared as a number, says which news is newer (Kubernetes: API concepts, resource versions); what is
older than what is known changes nothing, and a deleted object does not come back by an older event.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from delivery.cluster.objects import Kind, Object, resource_version
from delivery.cluster.protocols import Projection

Key = tuple[str, str]
"""Namespace and name."""

Index = Callable[[Object], Iterable[str]]
"""The values under which an object is found in an index."""

TOMBSTONES = 4096
"""How many deleted objects are remembered, the oldest forgotten first."""

_log = structlog.get_logger(__name__)


def number(version: str) -> int:
    """A resourceVersion as a number; 0 (older than nothing, newer than nothing) if it is none."""
    return int(version) if version.isdecimal() else 0


@dataclass(slots=True)
class Tally:
    """Counts the visible changes of some kinds: while it stands, nothing that is read of them has changed."""

    count: int = 0


class Cache:
    """The objects of one kind, projected, indexed, and never older than what was known before."""

    def __init__(
        self,
        kind: Kind,
        projection: Projection,
        *,
        indexes: Mapping[str, Index],
        on_change: Callable[[Kind, Object], None],
    ) -> None:
        self.kind = kind
        self.high_water = 0
        """The newest resourceVersion heard of. A GET or list sent now answers with a state at least as new."""
        self.tallies: list[Tally] = []
        """Who counts visible changes."""
        self._projection = projection
        self._on_change = on_change
        self._entries: dict[Key, dict[str, Any]] = {}
        self._tombstones: OrderedDict[Key, tuple[int, str]] = OrderedDict()
        self._indexes = dict(indexes)
        self._indexed: dict[str, dict[str, set[Key]]] = {name: {} for name in indexes}

    def get(self, key: Key) -> Object | None:
        """The object, or None."""
        return self._entries.get(key)

    def version(self, key: Key) -> int:
        """The resourceVersion of the object as known, 0 if there is none."""
        entry = self._entries.get(key)
        return number(resource_version(entry)) if entry is not None else 0

    def list(self, namespace: str | None = None) -> list[Object]:
        """All objects, or those of one namespace, sorted by namespace and name."""
        keys = sorted(key for key in self._entries if namespace is None or key[0] == namespace)
        return [self._entries[key] for key in keys]

    def indexed(self, index: str, value: str) -> Sequence[Object]:
        """The objects that `index` finds under `value`, sorted by namespace and name; costs what it returns."""
        if index not in self._indexed:
            known = ", ".join(sorted(self._indexed)) or "none"
            raise KeyError(f"{self.kind} has no index {index!r}; there are: {known}")
        return [self._entries[key] for key in sorted(self._indexed[index].get(value, ()))]

    def note(self, version: str) -> None:
        """The server's state has reached `version` (a bookmark)."""
        self.high_water = max(self.high_water, number(version))

    def offer(self, body: Object, *, force: bool = False) -> None:
        """The object as some answer or event has it; ignored when older than what is known, unless forced."""
        key, version = key_of(body), number(resource_version(body))
        self.high_water = max(self.high_water, version)
        if not force and (0 < version < self.version(key) or self._buried(key, body)):
            return
        self._tombstones.pop(key, None)
        old, new = self._entries.get(key), self._projection(body)
        self._entries[key] = new
        left = self._reindex(key, old, new)
        if old is not None and left:
            self._announce(old)
        if old is None or not _same(old, new):
            self._announce(new)

    def remove(self, body: Object) -> None:
        """The object as the event of its deletion had it."""
        self.forget(key_of(body), number(resource_version(body)))

    def forget(self, key: Key, version: int, *, surely: bool = False) -> None:
        """The object was gone when the server's state was `version`; ignored when a newer one is known.

        `surely`: the server was asked and has no such object, so no late event about this very one (its uid) brings
        it back. Without it only events up to `version` are ignored: an object with finalizers outlives its deletion.
        """
        self.high_water = max(self.high_water, version)
        old, known = self._entries.get(key), self.version(key)
        if old is not None and 0 < version < known:
            return
        uid = str(old["metadata"].get("uid", "")) if old is not None and surely else ""
        self._bury(key, max(version, known), uid)
        if old is None:
            return
        del self._entries[key]
        self._reindex(key, old, None)
        self._announce(old)

    def replace(self, items: Iterable[Object], version: str, *, floor: int) -> None:
        """All objects as a list had them at `version`.

        `floor` is the high water mark from before the list was asked for. Lists are consistent reads, so an answer
        from before it means that the server's history was set back (a restored backup): then the list is the truth.
        """
        listed = number(version)
        rewound = 0 < listed < floor
        if rewound:
            _log.warning("history_set_back", kind=str(self.kind), known=floor, listed=listed)
        found = set()
        for body in items:
            found.add(key_of(body))
            self.offer(body, force=rewound)
        for key in [known for known in self._entries if known not in found]:
            self.forget(key, 0 if rewound else listed)
        if rewound:
            self._tombstones.clear()
        self.high_water = listed if rewound else max(self.high_water, listed)

    def _buried(self, key: Key, body: Object) -> bool:
        if key not in self._tombstones:
            return False
        until, uid = self._tombstones[key]
        return 0 < number(resource_version(body)) <= until or (uid != "" and uid == body["metadata"].get("uid"))

    def _bury(self, key: Key, version: int, uid: str) -> None:
        until, before = self._tombstones.pop(key, (0, ""))
        self._tombstones[key] = (max(version, until), uid or before)
        while len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _reindex(self, key: Key, old: Object | None, new: Object | None) -> bool:
        """Whether an index no longer finds the object where it did: who looked there has to hear of it."""
        left = False
        for name, index in self._indexes.items():
            values = self._indexed[name]
            before = set(index(old)) if old is not None else set()
            after = set(index(new)) if new is not None else set()
            for value in before - after:
                left = True
                values[value].discard(key)
                if not values[value]:
                    del values[value]
            for value in after - before:
                values.setdefault(value, set()).add(key)
        return left

    def _announce(self, body: Object) -> None:
        for tally in self.tallies:
            tally.count += 1
        try:
            self._on_change(self.kind, body)
        except Exception:
            # A listener's fault must not stop the news for everybody else.
            _log.exception("change_listener_failed", kind=str(self.kind), object="/".join(key_of(body)))


def key_of(body: Object) -> Key:
    """Under which key an object is kept."""
    metadata = body["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether nothing that is read has changed: versions and write times of managers alone are no news."""
    return _visible(old) == _visible(new)


def _visible(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    return {**body, "metadata": metadata}
