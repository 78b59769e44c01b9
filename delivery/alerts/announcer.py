"""Carries announcements from outboxes to sinks, without ever being waited for.

The outbox in a Canary's status is the only store. What does not fit here, what fails and what is lost with the
process is offered again by the next tick; what has arrived is reported until the outbox no longer holds it.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from delivery.alerts.events import EventSink, Writes
from delivery.alerts.sink import Sink, UndeliverableError
from delivery.cluster.errors import Denied, NotLeader
from delivery.cluster.objects import Object
from delivery.cluster.protocols import Clock
from strategies.status import Announcement

LIMIT = 1000
CONCURRENCY = 2
TIMEOUT = 15.0  # seconds
FIRST_BACKOFF = 1.0
MAX_BACKOFF = 60.0
DENIED_BACKOFF = 300.0
JITTER = 0.2

log = structlog.get_logger(__name__)

OnDelivered = Callable[[str, str], None]
"""Told the Canary's key (namespace/name) and the announcement's id."""


@dataclass(slots=True)
class _Entry:
    """One announcement on its way; `open` are the sinks that have not taken it yet."""

    key: str
    canary: Object
    announcement: Announcement
    open: list[Sink]
    failures: int = 0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class Announcer:
    """Delivers announcements to every sink, at least once each and as a rule exactly once.

    At most 1,000 announcements are on their way at a time, two of them being told at once. A failure is tried again
    after 1 s, doubled up to 60 s (less up to a fifth at random); a missing permission is logged once and tried
    again every 5 minutes. Without the Lease nothing is sent and nothing is lost. Kubernetes Events are always told;
    `sinks` are told as well.
    """

    def __init__(
        self,
        writer: Writes,
        clock: Clock,
        rng: random.Random,
        on_delivered: OnDelivered,
        *,
        sinks: Sequence[Sink] = (),
        limit: int = LIMIT,
    ) -> None:
        self._sinks: tuple[Sink, ...] = (EventSink(writer), *sinks)
        self._clock = clock
        self._rng = rng
        self._on_delivered = on_delivered
        self._limit = limit
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._ready: asyncio.Queue[_Entry] = asyncio.Queue()
        self._delivered: dict[str, dict[str, float]] = {}
        self._denied: dict[str, None] = {}

    def offer(self, key: str, canary: Object, announcements: Iterable[Announcement]) -> int:
        """Take a Canary's outbox; what is known already is passed over. Never blocks.

        Answers how many did not fit; those have to be offered again later.
        """
        left_out = 0
        for announcement in announcements:
            if self._knows(key, announcement.id):
                continue
            if len(self._entries) >= self._limit:
                left_out += 1
                continue
            entry = _Entry(key, _identity(canary), announcement, list(self._sinks))
            self._entries[key, announcement.id] = entry
            self._ready.put_nowait(entry)
        return left_out

    def _knows(self, key: str, name: str) -> bool:
        return (key, name) in self._entries or name in self._delivered.get(key, ())

    def delivered(self, key: str) -> frozenset[str]:
        """The ids that have arrived and that nobody has called `forget` for."""
        return frozenset(self._delivered.get(key, ()))

    def forget(self, key: str, ids: Iterable[str] | None = None) -> None:
        """These ids are no longer in the outbox (None: the Canary is gone, and what is on its way with it)."""
        if ids is None:
            self._delivered.pop(key, None)
            for entry in [entry for entry in self._entries.values() if entry.key == key]:
                self._drop(entry)
            return
        arrived = self._delivered.get(key, {})
        for name in ids:
            arrived.pop(name, None)
        if not arrived:
            self._delivered.pop(key, None)

    def _drop(self, entry: _Entry) -> None:
        self._entries.pop((entry.key, entry.announcement.id), None)
        if entry.timer is not None:
            entry.timer.cancel()

    @property
    def pending(self) -> int:
        """How many announcements are on their way."""
        return len(self._entries)

    async def run(self) -> None:
        """Deliver until cancelled. What was on its way then is on its way again in a next `run`."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(CONCURRENCY):
                    group.create_task(self._work(), name=f"announcer {number}")
        finally:
            for entry in self._entries.values():
                if entry.timer is not None:
                    entry.timer.cancel()
                    self._again(entry)

    async def _work(self) -> None:
        while True:
            entry = await self._ready.get()
            if self._entries.get((entry.key, entry.announcement.id)) is not entry:
                continue  # forgotten meanwhile
            try:
                await self._deliver(entry)
            except asyncio.CancelledError:
                self._ready.put_nowait(entry)
                raise

    async def _deliver(self, entry: _Entry) -> None:
        for sink in tuple(entry.open):
            delay = await self._tell(sink, entry)
            if delay is not None:
                self._retry(entry, delay)
                return
            entry.open.remove(sink)
        if self._entries.get((entry.key, entry.announcement.id)) is entry:
            self._drop(entry)
            self._delivered.setdefault(entry.key, {})[entry.announcement.id] = self._clock.monotonic()
            self._on_delivered(entry.key, entry.announcement.id)

    async def _tell(self, sink: Sink, entry: _Entry) -> float | None:
        """Tell one sink. None when it is done with it, else the seconds after which to try again."""
        words = log.bind(canary=entry.key, announcement=entry.announcement.id, sink=sink.name)
        try:
            async with asyncio.timeout(TIMEOUT):
                await sink.tell(entry.canary, entry.announcement)
        except UndeliverableError as error:
            words.error("announcement given up", reason=entry.announcement.reason, error=str(error))
        except NotLeader:
            return self._backoff(entry)  # whoever leads now tells it; and if that is us again, we do
        except Denied as error:
            self._say_denied(sink, words, error)
            return DENIED_BACKOFF * self._jitter()
        except Exception as error:
            words.warning("announcement not delivered, will be tried again", error=f"{error!r}")
            return self._backoff(entry)
        else:
            self._denied.pop(sink.name, None)
        return None

    def _say_denied(self, sink: Sink, words: structlog.typing.FilteringBoundLogger, error: Denied) -> None:
        if sink.name not in self._denied:
            self._denied[sink.name] = None
            words.error("not allowed to announce; tried again every 5 minutes", error=str(error))

    def _backoff(self, entry: _Entry) -> float:
        entry.failures += 1
        wanted = min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(entry.failures - 1, 16))
        return wanted * self._jitter()

    def _jitter(self) -> float:
        return 1.0 - JITTER * self._rng.random()

    def _retry(self, entry: _Entry, delay: float) -> None:
        if self._entries.get((entry.key, entry.announcement.id)) is entry:
            entry.timer = asyncio.get_running_loop().call_later(delay, self._again, entry)

    def _again(self, entry: _Entry) -> None:
        entry.timer = None
        self._ready.put_nowait(entry)


def _identity(canary: Object) -> Object:
    """What sinks read of a Canary, so that a waiting announcement does not keep the whole object in memory."""
    meta = canary["metadata"]
    kept = {name: meta[name] for name in ("namespace", "name", "uid") if name in meta}
    return {**{name: canary[name] for name in ("apiVersion", "kind") if name in canary}, "metadata": kept}
