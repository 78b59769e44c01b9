"""What the application knows of the cluster, without asking it.

Every decision is made from these caches, so that a tick costs no read; they are kept by one reflector a kind. What is
known may be late: a write is preconditioned on the version that it was decided on, and absence is confirmed by one GET
(`fetch`) before anything is done because of it.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from delivery.cluster.cache import Cache, Index, Key, Tally, number
from delivery.cluster.errors import Gone
from delivery.cluster.indexes import default_indexes
from delivery.cluster.objects import (
    Kind,
    Object,
    Ref,
)
from delivery.cluster.protocols import Api, Clock, Projection
from delivery.cluster.reflector import WATCH_SECONDS, Reflector


class Reader:
    """The caches of several kinds. Objects are shared: whoever is given one must not change it.

    `on_change(kind, object)` is called on every visible change, by whatever way it became known (a watch, a list, a
    GET, our own write): with the object as it is now, or as it was last when it is gone (`get` then answers None);
    and first as it was, if an index found it then where it does no longer. A change of resourceVersion or
    managedFields alone is not visible.

    `optional` kinds may be missing or forbidden without holding anything up; the versions beside each are tried where
    the kind's own is not served.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        kinds: Mapping[Kind, Projection],
        namespace: str | None,
        on_change: Callable[[Kind, Object], None],
        rng: random.Random,
        optional: Mapping[Kind, Sequence[str]] | None = None,
        indexes: Mapping[Kind, Mapping[str, Index]] | None = None,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self.namespace = namespace
        """The one namespace that is watched; None: all."""
        self._api = api
        self._caches: dict[Kind, Cache] = {}
        self._reflectors: dict[Kind, Reflector] = {}
        for kind, projection in kinds.items():
            own = default_indexes(kind) if indexes is None else indexes.get(kind, {})
            cache = Cache(kind, projection, indexes=own, on_change=on_change)
            self._caches[kind] = cache
            self._reflectors[kind] = Reflector(
                api,
                clock,
                cache,
                namespace=namespace,
                rng=random.Random(rng.random()),  # noqa: S311 - jitter, no secret
                watch_seconds=watch_seconds,
                versions=(optional or {}).get(kind, ()),
                optional=kind in (optional or {}),
            )

    async def run(self) -> None:
        """Keep every cache current until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind, reflector in self._reflectors.items():
                group.create_task(reflector.run(), name=f"reflector {kind.plural}")

    @property
    def synced(self) -> bool:
        """Whether the server has answered the first list of every kind."""
        return all(reflector.synced.is_set() for reflector in self._reflectors.values())

    async def wait_synced(self) -> None:
        """Wait until `synced`."""
        for reflector in self._reflectors.values():
            await reflector.synced.wait()

    def watches(self, kind: Kind) -> bool:
        """Whether objects of this kind are kept."""
        return kind in self._caches

    def missing(self, kind: Kind) -> bool:
        """Whether the server last answered that it does not know the kind."""
        self._cache(kind)
        return self._reflectors[kind].missing

    def denied(self, kind: Kind) -> bool:
        """Whether the server last answered that we must not see an optional kind."""
        self._cache(kind)
        return self._reflectors[kind].denied

    def answered(self, kind: Kind) -> bool:
        """Whether the server has said anything of an optional kind yet, be it that we must not see it."""
        self._cache(kind)
        return self._reflectors[kind].answered

    def unanswered(self, kinds: Iterable[Kind]) -> list[Kind]:
        """Those of the kinds of which the server has said nothing yet: neither a list, nor that there is none."""
        return [kind for kind in kinds if not self._reflectors[self._cache(kind).kind].answered]

    def tally(self, kinds: Iterable[Kind]) -> Tally:
        """Counts the visible changes of objects of these kinds from now on."""
        tally = Tally()
        for kind in kinds:
            self._cache(kind).tallies.append(tally)
        return tally

    def stale(self, kinds: Iterable[Kind]) -> float:
        """For how many seconds the worst of the watches of `kinds` has had no open connection; 0 when all have."""
        return max((self._reflectors[self._cache(kind).kind].connection.stale() for kind in kinds), default=0.0)

    def get(self, ref: Ref) -> Object | None:
        """The object as known, or None. KeyError for a kind that is not watched."""
        return self._cache(ref.kind).get(_key(ref))

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, or those of one namespace, sorted by namespace and name."""
        return self._cache(kind).list(namespace)

    def indexed(self, kind: Kind, index_name: str, value: str) -> Sequence[Object]:
        """The objects that an index finds under `value`, sorted; costs what it returns. KeyError without the index."""
        return self._cache(kind).indexed(index_name, value)

    def put(self, kind: Kind, body: Object) -> None:
        """The object as the server answered our own write with; older events are ignored from now on."""
        if kind in self._caches:
            self._caches[kind].offer(body)

    def forget(self, ref: Ref, resource_version: str) -> None:
        """We deleted the object, last known at `resource_version`; events up to that are ignored from now on."""
        if ref.kind in self._caches:
            self._caches[ref.kind].forget(_key(ref), number(resource_version))

    async def content(self, ref: Ref, *, timeout: float = 10.0) -> Object | None:
        """One GET: the whole object, of which the cache keeps no more than of any other; None when it is surely absent.

        Raises what `Api.get` raises, but not Gone.
        """
        cache = self._cache(ref.kind)
        floor = cache.high_water
        try:
            body = await self._api.get(ref, timeout=timeout)
        except Gone:
            cache.forget(_key(ref), floor, surely=True)
            return None
        cache.offer(body)
        return body

    async def fetch(self, ref: Ref, *, timeout: float = 10.0) -> Object | None:
        """One GET: the object as it is now, None when it is surely absent. Updates the cache.

        An object of a kind that is not watched is answered whole. Raises what `Api.get` raises, but not Gone.
        """
        cache = self._caches.get(ref.kind)
        floor = cache.high_water if cache else 0
        try:
            body = await self._api.get(ref, timeout=timeout)
        except Gone:
            if cache is None:
                return None
            # The server's state at the GET was at least `floor`; what became known since then may be newer.
            cache.forget(_key(ref), floor, surely=True)
            return cache.get(_key(ref))
        if cache is None:
            return body
        cache.offer(body)
        return cache.get(_key(ref))

    def _cache(self, kind: Kind) -> Cache:
        if kind not in self._caches:
            known = ", ".join(sorted(each.plural for each in self._caches))
            raise KeyError(f"{kind.plural} are not watched; watched are: {known or 'none'}")
        return self._caches[kind]


def _key(ref: Ref) -> Key:
    return (ref.namespace, ref.name)
