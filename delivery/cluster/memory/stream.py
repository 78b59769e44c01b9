"""One watch on its way from the store to a client: late, sometimes broken, but never with a gap.

The server's side runs in the world, so events pile up while the client is paused. Order is kept per object always,
and per watch unless `Faults.reorder` says otherwise; whatever was overtaken is delivered before a stream ends, so
that going on from the highest resourceVersion seen misses nothing.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable

from delivery.cluster.errors import ClusterError, Unavailable
from delivery.cluster.memory.faults import Faults, hits
from delivery.cluster.memory.rejections import ExpiredError
from delivery.cluster.memory.store import Store
from delivery.cluster.memory.virtual import VirtualLoop
from delivery.cluster.memory.watching import Subscription
from delivery.cluster.objects import Kind, Object
from delivery.cluster.protocols import WatchEvent


class Stream:
    """An async iterator over the events of one watch. Made by MemoryApi.watch; connects with its first event."""

    def __init__(
        self,
        store: Store,
        loop: VirtualLoop,
        faults: Faults,
        rng: random.Random,
        *,
        kind: Kind,
        namespace: str | None,
        resource_version: str,
        timeout: float,
        begin: Callable[["Stream"], None],
    ) -> None:
        self.kind = kind
        self._store, self._loop, self._faults, self._rng = store, loop, faults, rng
        self._namespace, self._since, self._timeout = namespace, resource_version, timeout
        self._begin: Callable[[Stream], None] | None = begin
        self._subscription: Subscription | None = None
        self._late: list[tuple[float, int, WatchEvent]] = []
        self._floors: dict[str, float] = {}
        self._arrived: deque[WatchEvent] = deque()
        self._end: ClusterError | None = None
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._sequence = self._newest = 0

    @property
    def is_open(self) -> bool:
        """Has it neither ended nor been let go?"""
        return not self._ended

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> WatchEvent:
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin(self)
        while not self._arrived:
            if self._ended:
                if self._end is not None:
                    raise self._end
                raise StopAsyncIteration
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._arrived.popleft()

    async def aclose(self) -> None:
        """The client lets go."""
        self._finish(None)
        self._arrived.clear()

    # -- the server's side: called in the world

    def connect(self) -> None:
        """The request has reached the server."""
        if self._ended:
            return
        if self._faults.down:
            self._finish(Unavailable(f"watch {self.kind}: connection refused"))
        elif hits(self._faults.watch_expired, self._rng):
            self._finish(ExpiredError(f"watch {self.kind}: too old resource version: {self._since}"))
        else:
            self._subscribe()

    def drop(self) -> None:
        """The connection breaks."""
        self._finish(Unavailable(f"watch {self.kind}: the connection was reset"))

    def expire(self) -> None:
        """The server says that its history was lost."""
        self._finish(ExpiredError(f"watch {self.kind}: too old resource version"))

    def _subscribe(self) -> None:
        try:
            self._subscription = self._store.subscribe(
                self.kind, self._namespace, resource_version=self._since, deliver=self._take
            )
        except ClusterError as error:
            self._finish(error)
            return
        self._later(self._timeout, self._finish, None)
        self._later(self._faults.bookmark_seconds, self._bookmark)

    def _later(self, delay: float, call: Callable[..., None], *args: object) -> None:
        self._timers.append(self._loop.call_later(delay, call, *args, context=self._loop.world))

    def _take(self, event: WatchEvent) -> None:
        """An event leaves the server; it arrives later, and no sooner than what it must not overtake."""
        about = _key(event.object) if self._faults.reorder and event.type != "BOOKMARK" else ""
        floor = max(self._floors.values(), default=0.0) if not about else self._floors.get(about, 0.0)
        due = max(self._loop.time() + self._faults.lag(self.kind, self._rng), floor, self._floors.get("", 0.0))
        self._floors[about] = due
        self._sequence += 1
        heapq.heappush(self._late, (due, self._sequence, event))
        self._loop.call_at(due, self._arrive, context=self._loop.world)

    def _arrive(self) -> None:
        while self._late and self._late[0][0] <= self._loop.time() and not self._ended:
            if hits(self._faults.watch_drop, self._rng) or self._faults.down:
                self.drop()
                return
            self._hand_over(heapq.heappop(self._late)[2])
        self._wake()

    def _hand_over(self, event: WatchEvent) -> None:
        self._newest = max(self._newest, int(event.object["metadata"]["resourceVersion"]))
        self._arrived.append(WatchEvent(event.type, seen(self.kind, event.object)))

    def _bookmark(self) -> None:
        self._take(self._store.bookmark(self.kind))
        self._later(self._faults.bookmark_seconds, self._bookmark)

    def _finish(self, error: ClusterError | None) -> None:
        if self._ended:
            return
        self._hand_over_overtaken()
        self._ended, self._end = True, error
        if self._subscription is not None:
            self._subscription.close()
        for timer in self._timers:
            timer.cancel()
        self._late.clear()
        self._wake()

    def _hand_over_overtaken(self) -> None:
        """Deliver what newer events have overtaken, then say how far the watch has come."""
        newest = self._newest
        overtaken = [entry for entry in sorted(self._late, key=lambda entry: entry[:2]) if _version(entry[2]) < newest]
        for _, _, event in overtaken:
            self._hand_over(event)
        if overtaken:
            body = {"kind": self.kind.kind, "apiVersion": self.kind.api_version}
            self._arrived.append(WatchEvent("BOOKMARK", {**body, "metadata": {"resourceVersion": str(newest)}}))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def seen(kind: Kind, body: Object) -> Object:
    """The object as a list or a watch of its kind has it: the contents of some kinds are not sent."""
    if not kind.metadata_only:
        return body
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": body["metadata"]}


def _key(body: Object) -> str:
    """What keeps its order: all that ever bears a name, so that a new object does not overtake the old one's end."""
    return f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"


def _version(event: WatchEvent) -> int:
    return int(event.object["metadata"]["resourceVersion"])
