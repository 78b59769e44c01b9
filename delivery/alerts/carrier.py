"""Carries announcements to alert services, each in its own time, and never in the way of anything else.

A lane is one Canary's way to one destination: in order, one at a time, so that a message is edited after it was sent
and not beside it. A lane that waits for a dead service holds up nobody else. The outbox in the status is the store;
what could not be told within an hour is given up, aloud, so that an outbox does not keep it for ever.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from delivery.alerts.destination import Destination, mark
from delivery.alerts.facts import Facts, facts_of
from delivery.alerts.services.service import TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.cluster.objects import Object
from delivery.cluster.protocols import Clock
from delivery.outbound.outgoing import OutboundError
from strategies.snapshot import Problem
from strategies.status import Announcement, Posted

LIMIT = 1000
AT_ONCE = 4
"""How many Canaries tell one destination at the same time."""
LIFETIME = 3600.0
"""Seconds after which what cannot be told is given up."""
TIMEOUT = 30.0
FIRST_BACKOFF = 1.0
MAX_BACKOFF = 60.0
UNUSABLE_BACKOFF = 60.0
JITTER = 0.2
MOST_POSTED = 4
"""Messages that are remembered of a Canary."""

log = structlog.get_logger(__name__)

Destinations = Callable[[Object], Iterable[Destination]]
"""Who is to be told of a Canary, by its JSON."""
Count = Callable[[str, str], None]
"""Told the service and the outcome: delivered, retried, unusable, refused (lost at once), expired (after an hour)."""


@dataclass(slots=True)
class _Leg:
    """One announcement on its way to one destination."""

    facts: Facts
    to: Destination


@dataclass(slots=True)
class _Lane:
    """One Canary's way to one destination; the first leg is being told."""

    key: str
    legs: deque[_Leg] = field(default_factory=deque)
    failures: int = 0
    task: asyncio.Task[None] | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with a destination, as it was at a version of what describes it."""

    to: Destination
    version: str
    problem: Problem


class _Memory:
    """What one run's messages to one destination need, until the status has it."""

    def __init__(self, posted: dict[tuple[str, str], Posted], to: str, run: str) -> None:
        self._posted, self._to, self._run = posted, to, run

    def get(self) -> str:
        known = self._posted.get((self._to, self._run))
        return known.word if known is not None else ""

    def set(self, word: str) -> None:
        if not self._run:
            return
        self._posted.pop((self._to, self._run), None)
        self._posted[self._to, self._run] = Posted(to=self._to, run=self._run, word=word)
        while len(self._posted) > MOST_POSTED:
            self._posted.pop(next(iter(self._posted)))


class Carrier:
    """Tells the destinations of each Canary; see the module.

    A failure is tried again after 1 s, doubled up to 60 s (less up to a fifth at random), or when the service says; a
    provider that cannot be used once a minute, and as soon as it or its Secret has changed. `fault` says what somebody
    has to correct. At most 1,000 wait.
    """

    def __init__(
        self,
        destinations: Destinations,
        clock: Clock,
        rng: random.Random,
        on_news: Callable[[str, str], None],
        *,
        cluster: str = "",
        count: Count = lambda _service, _outcome: None,
        limit: int = LIMIT,
    ) -> None:
        self._destinations = destinations
        self._clock = clock
        self._rng = rng
        self._on_news = on_news
        self._cluster = cluster
        self._count = count
        self._limit = limit
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._open: dict[tuple[str, str], int] = {}
        self._delivered: dict[str, dict[str, None]] = {}
        self._posted: dict[str, dict[tuple[str, str], Posted]] = {}
        self._faults: dict[str, dict[str, _Fault]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def pending(self) -> int:
        """How many announcements are on their way."""
        return len(self._open)

    def offer(self, key: str, canary: Object, announcements: Iterable[Announcement]) -> int:
        """Take a Canary's outbox; see Announcer.offer. Who could not be told for what was corrected is told now."""
        self._wake_corrected(key)
        left_out = 0
        for announcement in announcements:
            if (key, announcement.id) in self._open or announcement.id in self._delivered.get(key, ()):
                continue
            if len(self._open) >= self._limit:
                left_out += 1
                continue
            self._take(key, canary, announcement)
        return left_out

    def _wake_corrected(self, key: str) -> None:
        for name, fault in self._faults.get(key, {}).items():
            lane = self._lanes.get((key, name))
            if lane is not None and fault.version != fault.to.version:
                lane.woken.set()

    def _take(self, key: str, canary: Object, announcement: Announcement) -> None:
        everybody = {each.name: each for each in self._destinations(canary)}
        for gone in self._faults.get(key, {}).keys() - everybody.keys():
            del self._faults[key][gone]
        to = {name: each for name, each in everybody.items() if each.hears_muted or not announcement.muted}
        if not to:
            self._delivered.setdefault(key, {})[announcement.id] = None
            return
        facts = facts_of(canary, announcement, cluster=self._cluster)
        self._open[key, announcement.id] = len(to)
        for name, destination in to.items():
            lane = self._lanes.setdefault((key, name), _Lane(key))
            lane.legs.append(_Leg(facts, destination))
            self._start(lane)

    def recall(self, key: str, posted: Iterable[Posted]) -> None:
        """What the status knows of messages, for a process that knows nothing yet."""
        if key not in self._posted:
            self._posted[key] = {(each.to, each.run): each for each in posted}

    def posted(self, key: str) -> tuple[Posted, ...]:
        """What the status is to remember of messages."""
        return tuple(self._posted.get(key, {}).values())

    def fault(self, key: str) -> Problem | None:
        """What somebody has to correct before this Canary's alerts arrive, as far as sending has shown."""
        known = self._faults.get(key, {}).values()
        return next((each.problem for each in known if each.version == each.to.version), None)

    def delivered(self, key: str) -> frozenset[str]:
        """The ids that nobody is still to be told."""
        return frozenset(self._delivered.get(key, ()))

    def forget(self, key: str, ids: Iterable[str] | None = None) -> None:
        """See Announcer.forget."""
        if ids is not None:
            for name in ids:
                self._delivered.get(key, {}).pop(name, None)
            return
        for kept in (self._delivered, self._posted, self._faults):
            kept.pop(key, None)
        for place, lane in [each for each in self._lanes.items() if each[1].key == key]:
            del self._lanes[place]
            if lane.task is not None:
                lane.task.cancel()
        for place in [each for each in self._open if each[0] == key]:
            del self._open[place]

    async def run(self) -> None:
        """Deliver until cancelled. What was on its way then is on its way again in a next `run`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for lane in self._lanes.values():
                    self._start(lane)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            for lane in self._lanes.values():
                lane.task = None

    def _start(self, lane: _Lane) -> None:
        if self._group is not None and lane.task is None:
            lane.task = self._group.create_task(self._serve(lane), name=f"alerts of {lane.key}")

    async def _serve(self, lane: _Lane) -> None:
        while lane.legs:
            leg = lane.legs[0]
            delay = await self._attempt(lane, leg)
            if delay is None:
                lane.failures = 0
                lane.legs.popleft()
                self._settle(lane.key, leg.facts.id)
            else:
                await _pause(lane, delay)
        lane.task = None
        self._leave(lane)

    def _leave(self, lane: _Lane) -> None:
        """Nothing is left of a lane that has nothing to carry."""
        for place in [place for place, each in self._lanes.items() if each is lane]:
            del self._lanes[place]
            if not any(name == place[1] for _, name in self._lanes):
                self._turns.pop(place[1], None)

    def _settle(self, key: str, announcement: str) -> None:
        left = self._open.get((key, announcement), 0) - 1
        if left > 0:
            self._open[key, announcement] = left
        elif self._open.pop((key, announcement), None) is not None:
            self._delivered.setdefault(key, {})[announcement] = None
            self._on_news(key, announcement)

    async def _attempt(self, lane: _Lane, leg: _Leg) -> float | None:
        """One try. None when the leg is over, else the seconds after which to try again."""
        age = (self._clock.now() - leg.facts.at).total_seconds()
        words = log.bind(canary=lane.key, announcement=leg.facts.id, to=leg.to.name)
        if age >= LIFETIME and lane.failures:
            words.error("alert given up after an hour", reason=leg.facts.reason)
            self._count(leg.to.service, "expired")
            return None
        delay = await self._tell(lane, leg, words)
        if delay is None:
            return None
        lane.failures += 1
        return max(0.1, min(delay, LIFETIME - age)) if age < LIFETIME else 0.1

    async def _tell(self, lane: _Lane, leg: _Leg, words: structlog.typing.FilteringBoundLogger) -> float | None:
        memory = _Memory(self._posted.setdefault(lane.key, {}), mark(leg.to.name), leg.facts.run)
        try:
            async with self._turns.setdefault(leg.to.name, asyncio.Semaphore(AT_ONCE)), asyncio.timeout(TIMEOUT):
                said = await leg.to.tell(leg.facts, memory)
        except UndeliverableError as error:
            words.error("alert given up", reason=leg.facts.reason, error=str(error))
            self._count(leg.to.service, "refused")
            return None
        except UnusableError as error:
            words.warning("alert cannot be sent, will be tried again", error=str(error))
            self._note_fault(lane.key, leg.to, Problem(reason=error.reason, message=str(error)))
            self._count(leg.to.service, "unusable")
            return UNUSABLE_BACKOFF * self._jitter()
        except TryAgainError as error:
            return self._again(lane, leg, words, str(error), error.after)
        except OutboundError as error:
            return self._again(lane, leg, words, str(error), None)
        except Exception as error:
            # Only its type: what a library says of a request may hold the address, which is a secret.
            return self._again(lane, leg, words, type(error).__name__, None)
        if said:
            self._count(leg.to.service, "delivered")
            self._note_fault(lane.key, leg.to, None)
        return None

    def _again(
        self,
        lane: _Lane,
        leg: _Leg,
        words: structlog.typing.FilteringBoundLogger,
        error: str,
        after: float | None,
    ) -> float:
        words.warning("alert not delivered, will be tried again", error=error)
        self._count(leg.to.service, "retried")
        wanted = min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(lane.failures, 16)) * self._jitter()
        return max(wanted, after or 0.0)

    def _note_fault(self, key: str, to: Destination, problem: Problem | None) -> None:
        """Have the Canary looked at when what is wrong changes."""
        faults = self._faults.setdefault(key, {})
        before = self.fault(key)
        faults.pop(to.name, None)
        if problem is not None:
            faults[to.name] = _Fault(to, to.version, problem)
        if self.fault(key) != before:
            self._on_news(key, "")

    def _jitter(self) -> float:
        return 1.0 - JITTER * self._rng.random()


async def _pause(lane: _Lane, seconds: float) -> None:
    """Wait, or until somebody has corrected what is wrong."""
    lane.woken.clear()
    try:
        await asyncio.wait_for(lane.woken.wait(), seconds)
    except TimeoutError:
        return
