"""The rehearsal itself: the Canary is applied, comes to rest, and then a new version is released."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from delivery.api.status import load
from delivery.cluster.memory import (
    Happened,
    MemoryApi,
    RejectionError,
    Request,
    Store,
    VirtualClock,
    VirtualLoop,
    VirtualTimers,
    World,
    custom_resource,
)
from delivery.cluster.memory.values import clone
from delivery.cluster.objects import EVENTS, LEASES, SCALED_OBJECTS, Kind, Ref
from delivery.controller.core import Controller, Surroundings
from delivery.controller.reading import Policy
from delivery.rehearsal.agreeing import Agreeing
from delivery.rehearsal.cast import Body, Cast, UnplayableError
from delivery.rehearsal.releasing import release
from strategies.status import Phase, Stage, Status

MANAGER = "delivery"
DAY = 86400.0
POD_SECONDS = 5.0
"""How long a pod takes to become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write of the controller, seconds after the act began; `before` and `after` are None for nothing there."""

    seconds: float
    ref: Ref
    before: Body | None
    after: Body | None


@dataclass(slots=True)
class Act:
    """What happens from one moment of people's on: the Canary is applied, or a version is released.

    `states` are the statuses that were recorded, with their times; `seconds` how long it took.
    """

    name: str
    writes: list[Write] = field(default_factory=list)
    states: list[tuple[float, Status]] = field(default_factory=list)
    seconds: float = 0.0


class _Signed(MemoryApi):
    """Knows which writes are the controller's."""

    serving = False

    def _serve(self, request: Request, *args: Any) -> None:
        self.serving = True
        try:
            super()._serve(request, *args)
        finally:
            self.serving = False


class _Nobody:
    """Counts nothing."""

    def observe_status(self, *_: object, **__: object) -> None:
        """Not here."""

    def observe_tick(self, *_: object) -> None:
        """Not here."""

    def remove(self, *_: object) -> None:
        """Not here."""


class Rehearsal:
    """One play. `limit_seconds`: what is not over by then is not going to be."""

    def __init__(self, cast: Cast, *, scrape_seconds: float, limit_seconds: float = 30 * DAY) -> None:
        self._cast, self._limit = cast, limit_seconds
        self._loop = VirtualLoop(None, max_steps=50_000_000, max_steps_per_instant=1_000_000)
        self._clock = VirtualClock(self._loop)
        self._store = Store(self._clock)
        self._store.register(custom_resource(SCALED_OBJECTS))
        self._world = World(self._store, self._loop, ready_seconds=POD_SECONDS)
        self._api = _Signed(self._store, self._loop, manager=MANAGER, rng=random.Random(1))  # noqa: S311 - no secret
        self._store.observers.append(self._note)
        self._act, self._begin = Act(""), 0.0
        self._scrape = scrape_seconds

    def play(self) -> tuple[Act, Act]:
        """The Canary is applied; then a version is released. Raises UnplayableError with what holds it."""
        try:
            self._set_up()
            applied = self._play("apply", self._apply, self._at_rest)
            released = self._play("release", self._release, self._is_over)
            return applied, released
        finally:
            self._loop.close()

    def _set_up(self) -> None:
        for body in self._cast.others:
            self._create(body)
        self._loop.advance(4 * POD_SECONDS)
        self._loop.spawn(self._controller().run(), instance=MANAGER)
        self._loop.advance(5.0)

    def _create(self, body: Body) -> None:
        kind = next((each.kind for each in self._store.kinds() if _is_of(body, each.kind)), None)
        if kind is None:
            return  # nobody here reads it
        try:
            self._store.create(kind, body, namespace=body["metadata"]["namespace"], manager="kubectl")
        except RejectionError as error:
            raise UnplayableError(f"{body['kind']} {body['metadata'].get('name')}: {error}") from error

    def _controller(self) -> Controller:
        around = Surroundings(
            api=self._api,
            clock=self._clock,
            timers=VirtualTimers(self._loop),
            rng=random.Random(2),  # noqa: S311 - no secret
            analyst=Agreeing(lambda: self._status.canary_weight),
            reporter=_Nobody(),
            policy=Policy(metrics_server="http://prometheus", scrape_interval_seconds=self._scrape),
            observe=lambda *_: None,
        )
        return Controller(around)

    def _play(self, name: str, begin: Callable[[], None], over: Callable[[], bool]) -> Act:
        self._act, self._begin = Act(name), self._loop.time()
        begin()
        while not over():
            if self._loop.time() - self._begin > self._limit:
                raise UnplayableError(self._stuck(name))
            self._loop.advance(1.0)
        self._act.seconds = self._loop.time() - self._begin
        return self._act

    def _apply(self) -> None:
        self._create(self._cast.body)

    def _release(self) -> None:
        release(self._store, self._cast)()

    @property
    def _status(self) -> Status:
        body = self._store.peek(self._cast.key)
        return load(body.get("status")) if body is not None else Status()

    def _at_rest(self) -> bool:
        status = self._status
        if status.phase in (Phase.NONE, Phase.INITIALIZING) and self._refused(status):
            raise UnplayableError(self._stuck("apply"))
        return status.phase is Phase.INITIALIZED and status.stage is Stage.NONE

    def _is_over(self) -> bool:
        status = self._status
        return status.phase in (Phase.SUCCEEDED, Phase.FAILED) and status.run is None and status.stage is Stage.NONE

    def _refused(self, status: Status) -> bool:
        """Has something stood in the way for longer than pods need?"""
        ready = status.condition("Ready")
        waited = self._loop.time() - self._begin > 600 + 2 * self._cast.canary.spec.progress_deadline_seconds
        return waited and ready is not None and ready.status == "False"

    def _stuck(self, act: str) -> str:
        status = self._status
        bad = [each for each in status.conditions if each.status == "False" and each.message]
        why = "; ".join(f"{each.reason}: {each.message}" for each in bad) or f"{status.reason}: {status.message}"
        return f"{self._cast.key.name}: {act} does not come to its end: {why}"

    def _note(self, event: Happened) -> None:
        seconds = self._loop.time() - self._begin
        if event.ref == self._cast.key:
            status = load(event.object.get("status"))
            if not self._act.states or self._act.states[-1][1] != status:
                self._act.states.append((seconds, status))
        elif self._api.serving and event.ref.kind not in (LEASES, EVENTS):
            after = None if event.type == "DELETED" else clone(event.object)
            before = None if event.previous is None else clone(event.previous)
            before = clone(event.object) if event.type == "DELETED" else before
            self._act.writes.append(Write(seconds=seconds, ref=event.ref, before=before, after=after))


def _is_of(body: Body, kind: Kind) -> bool:
    """Is it an object of this kind, in whatever version?"""
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return bool((body["kind"], group) == (kind.kind, kind.group))
