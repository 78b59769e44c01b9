"""Keeps the cache of one kind equal to the server: list, watch from there, list again when the watch is lost.

A controller that stops hearing of changes does harm in silence, so nothing that a server does ends a reflector, and it
tells at any time how long it has been without an open connection.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from delivery.cluster.cache import Cache, number
from delivery.cluster.errors import Denied, Expired, Gone, Unavailable
from delivery.cluster.objects import resource_version
from delivery.cluster.protocols import Api, Clock, Listing, WatchEvent

WATCH_SECONDS = 60.0
"""How long a watch is asked to last."""

MAX_WATCH_SECONDS = 120.0
"""Longer watches would hide a dead connection for longer than the loop may trust its caches."""

GRACE_SECONDS = 5.0
"""How much longer than asked a request may take before it counts as hung."""

LIST_SECONDS = 30.0

CONNECT_SECONDS = 10.0
"""A watch that was silent but not refused for so long counts as open: a kind without changes sends nothing."""

SHORT_SECONDS = 1.0
"""A watch that ends as agreed in less, without news, is followed by a pause."""

SELDOM_SECONDS = 600.0
"""How often an optional kind that is missing or forbidden is asked for again, at the most."""

OPENED = "OPENED"
"""An event with which a transport may say that its watch is established, before there is news."""

_log = structlog.get_logger(__name__)


class Backoff:
    """Delays of 1, 2, 4, 8 ... seconds, at most 30, each shortened by up to a half at random."""

    def __init__(self, rng: random.Random, *, first: float = 1.0, longest: float = 30.0) -> None:
        self._rng = rng
        self._first = self._next = first
        self._longest = longest

    def next(self) -> float:
        """The next delay in seconds."""
        delay, self._next = self._next, min(2 * self._next, self._longest)
        return delay * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin with the first delay again."""
        self._next = self._first


class Connection:
    """How long no watch has been open, on the monotonic clock.

    A watch that has been asked for is open when something was heard on it, when it ended as agreed, or when it was
    not refused for CONNECT_SECONDS. Until then the time without a connection goes on counting.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard = False
        self.connected_at: float | None = None
        """When the current watch was asked for; None between watches."""
        self.disconnected_since: float | None = clock.monotonic()
        """Since when there has been no open watch; None while there is one."""

    def attempt(self) -> None:
        """A watch is asked for."""
        self.connected_at, self._heard = self._clock.monotonic(), False

    def heard(self) -> None:
        """Something came."""
        self._heard, self.disconnected_since = True, None

    def ended(self) -> None:
        """The watch ended as agreed; the next one follows at once."""
        self.connected_at, self.disconnected_since = None, None

    def broke(self) -> bool:
        """The watch failed, or there is a pause before the next. Answers whether it had lasted for a while."""
        now, lasted = self._clock.monotonic(), self._lasted()
        if self._heard or lasted:
            self.disconnected_since = now
        elif self.disconnected_since is None:
            self.disconnected_since = now if self.connected_at is None else self.connected_at
        self.connected_at, self._heard = None, False
        return lasted

    def stale(self) -> float:
        """Seconds without an open connection, 0 while there is one."""
        if self.disconnected_since is None or self._lasted():
            return 0.0
        return self._clock.monotonic() - self.disconnected_since

    def _lasted(self) -> bool:
        return self.connected_at is not None and self._clock.monotonic() - self.connected_at >= CONNECT_SECONDS


class Reflector:
    """Feeds one Cache. `synced` is set once the server has answered a list, be it that it has no such kind.

    An `optional` kind keeps nobody waiting: it is synced once it was asked for, whatever came of it, and one that is
    missing or forbidden is asked for again every SELDOM_SECONDS. One whose metadata alone is kept is waited for unless
    it is forbidden, and asked for as often as any, because nobody can live with half of it. `versions` are tried in
    turn where the cache's kind is not served in its own.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        cache: Cache,
        *,
        namespace: str | None,
        rng: random.Random,
        watch_seconds: float = WATCH_SECONDS,
        versions: Sequence[str] = (),
        optional: bool = False,
    ) -> None:
        if not 0 < watch_seconds <= MAX_WATCH_SECONDS:
            raise ValueError(f"watch_seconds: {watch_seconds:g}; allowed: above 0, up to {MAX_WATCH_SECONDS:g}")
        self.connection = Connection(clock)
        self.synced = asyncio.Event()
        self.missing = False
        """The server answered that it does not know the kind (a CRD that is not installed)."""
        self.denied = False
        """The server answered that the kind is none of our business (a permission that was not given)."""
        self.answered = False
        """The server has answered a list, be it that there is no such kind or that we must not see it."""
        self._api = api
        self._clock = clock
        self._cache = cache
        self._namespace = namespace
        self._watch_seconds = watch_seconds
        self._backoff = Backoff(rng)
        self._seldom = Backoff(rng, first=SELDOM_SECONDS, longest=SELDOM_SECONDS)
        self._optional = optional
        self._kinds = (cache.kind, *(replace(cache.kind, version=each) for each in versions))
        self._kind = cache.kind
        self._version = ""
        self._expired = False

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                await self._list()
                while True:
                    await self._watch()
            except Exception as error:
                await self._recover(error)

    async def _list(self) -> None:
        floor = self._cache.high_water
        try:
            listing = await self._list_served()
        except Gone as error:
            self._unknown_kind(error)
            raise
        except Denied as error:
            self._forbidden_kind(error)
            raise
        self._cache.replace(listing.items, listing.resource_version, floor=floor)
        self._version = listing.resource_version
        self.missing = self.denied = False
        self.answered = True
        self.synced.set()

    async def _list_served(self) -> Listing:
        """All objects, in the first version that is served; the one that was served last is asked for first."""
        for kind in sorted(self._kinds, key=lambda each: each != self._kind):
            try:
                async with asyncio.timeout(LIST_SECONDS + GRACE_SECONDS):
                    listing = await self._api.list(kind, self._namespace, timeout=LIST_SECONDS)
            except Gone as error:
                unknown = error
            else:
                self._kind = kind
                return listing
        raise unknown

    async def _watch(self) -> None:
        """One watch to its agreed end. A server that ends each at once is not asked in a tight loop."""
        started, before = self._clock.monotonic(), self._version
        self.connection.attempt()
        stream = self._api.watch(
            self._kind,
            self._namespace,
            resource_version=self._version,
            timeout=self._watch_seconds,
        )
        async with asyncio.timeout(self._watch_seconds + GRACE_SECONDS):
            try:
                async for event in stream:
                    self._apply(event)
            except (Exception, asyncio.CancelledError):
                await _close(stream)
                raise
        self.connection.ended()
        self._progress()
        if self._version == before and self._clock.monotonic() - started < SHORT_SECONDS:
            self.connection.broke()
            await asyncio.sleep(self._backoff.next())

    def _progress(self) -> None:
        self._expired = False
        self._backoff.reset()

    def _apply(self, event: WatchEvent) -> None:
        self.connection.heard()
        if event.type == OPENED:
            return
        if event.type in ("ADDED", "MODIFIED"):
            self._cache.offer(event.object)
        elif event.type == "DELETED":
            self._cache.remove(event.object)
        elif event.type == "BOOKMARK":
            self._cache.note(resource_version(event.object))
        else:
            raise Unavailable(
                f"watch {self._cache.kind}: an event of type {event.type!r}; known are ADDED, MODIFIED, DELETED, "
                f"BOOKMARK and {OPENED}"
            )
        # Transports may let events of different objects overtake each other; where to go on from never goes back.
        self._version = max(resource_version(event.object), self._version, key=number)
        self._progress()

    def _unknown_kind(self, error: Gone) -> None:
        """No such kind: an answer too, so nobody has to wait for it.

        What was known stays until a list or an event says otherwise, because a server that is starting says the same
        for a moment.
        """
        if not self.missing:
            tell = _log.info if self._optional else _log.warning
            tell("kind_missing", kind=str(self._cache.kind), error=str(error))
        self.missing = self.answered = True
        self.synced.set()

    def _forbidden_kind(self, error: Denied) -> None:
        """Not for us: said once. What is optional goes on without."""
        if self._optional and not self.denied:
            _log.warning("watch_forbidden", kind=str(self._cache.kind), error=str(error))
        self.denied = self._optional
        self.answered = self.answered or self._optional
        if self._optional:
            self.synced.set()

    async def _recover(self, error: Exception) -> None:
        """A lost history is listed again at once; everything else after a pause that grows."""
        if self.connection.broke():
            self._progress()
        if isinstance(error, Expired) and not self._expired:
            self._expired = True
            return
        if self._optional and not self._cache.kind.metadata_only:
            self.synced.set()
        # Somebody waits for what a config holds, so a permission that comes late must not wait for minutes.
        seldom = self._optional and self._lacks and not self._cache.kind.metadata_only
        delay = (self._seldom if seldom else self._backoff).next()
        if not self._lacks:
            _log.warning("watch_lost", kind=str(self._cache.kind), error=repr(error), retry_in=round(delay, 1))
        await asyncio.sleep(delay)

    @property
    def _lacks(self) -> bool:
        """Has the server said that there is nothing to watch for us?"""
        return self.missing or self.denied


async def _close(stream: AsyncIterator[WatchEvent]) -> None:
    """Let go of the connection now, not when the garbage collector comes by; a stream that ended has done so."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()
