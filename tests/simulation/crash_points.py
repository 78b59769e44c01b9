"""Every call of a controller as the last thing that it does, or the one thing that goes wrong.

A story is told once undisturbed. Then it is told again for each of its calls: killed before it, killed when the server
has done it and the answer has not come, its answer lost, itself refused, or under way until all has changed. The end
must be the same, users must never have met an absent pod, and nobody must be told anything twice.
`python -m tests.simulation.crash_points promoted killed-after 12` replays one.
"""

import asyncio
import gc
import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from delivery.cluster.memory import Request
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, EVENTS, LEASES, SECRETS, SERVICES, Kind, Object, Ref
from strategies.status import Past
from tests.simulation import bookinfo, own_routes, wired
from tests.simulation.invariants import APEX, CANARY, ROUTE, at_rest, size
from tests.simulation.own_routes import OwnRoutes
from tests.simulation.simulation import Simulation

RESTART_SECONDS = 2.0
PATIENCE = 900.0
TAIL = 5.0
"""Seconds after the end of a story in which the last requests of a resting phase are sent."""
STRIKE = 70.0
"""Seconds after which the outbox is empty."""


class Fate(StrEnum):
    """What becomes of the chosen call."""

    KILLED_BEFORE = "killed-before"
    KILLED_AFTER = "killed-after"
    ANSWER_LOST = "answer-lost"
    REFUSED = "refused"
    LATE = "late"
    KILLED_LATE = "killed-late"


KILLS = (Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE)
FAULTS = (Fate.ANSWER_LOST, Fate.REFUSED, Fate.LATE)
LATE = (Fate.LATE, Fate.KILLED_LATE)
LATE_SECONDS = 40.0
"""How long a late request travels: over every timeout, and over a takeover."""

TOLD_OF_FAULTS = {"ClusterUnavailable", "NotConverged", "StaleCache", "PoliciesUnknown"}
"""What people may be told besides, when a call failed."""


@dataclass(frozen=True, slots=True)
class Point:
    """One call of a story, counted from 1, and its fate."""

    story: str
    number: int
    fate: Fate

    def __str__(self) -> str:
        return f"{self.story} {self.fate} {self.number}"


@dataclass(frozen=True, slots=True)
class End:
    """How a story ends: all that has to be the same."""

    phase: str
    reason: str
    promoted: str
    applied: str
    results: tuple[tuple[str, str, str, int], ...]
    failed_checks: int
    weight: int | None
    primary: Any
    primary_replicas: int | None
    target_replicas: int | None
    apex: Any
    route: Any
    copies: tuple[str, ...]
    own_routes: tuple[Any, ...]

    @classmethod
    def of(cls, sim: Simulation) -> "End":
        """How it ended here."""
        status, store = sim.status, sim.store
        refs = (sim.primary, sim.target, APEX, sim.promises.route)
        primary, target, apex, route = (store.peek(ref) or {} for ref in refs)
        return cls(
            phase=status.phase.value,
            reason=status.reason,
            promoted=status.last_promoted_spec,
            applied=status.last_applied_spec,
            results=tuple(map(_result, status.history)),
            failed_checks=status.failed_checks,
            weight=sim.weight,
            primary=_template(primary),
            primary_replicas=size(primary) if primary else None,
            target_replicas=size(target),
            apex=apex["spec"]["selector"],
            route=route.get("spec"),
            copies=(*wired.copies(sim), *wired.copies(sim, SECRETS)),
            own_routes=own_routes.specs(sim),
        )


def _template(workload: Object) -> Any:
    spec = workload.get("spec") or {}
    return spec.get("template", spec.get("selector"))


def _result(past: Past) -> tuple[str, str, str, int]:
    return (past.revision, past.result.value, past.reason, past.weight)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A story as it goes when nothing goes wrong: its calls, its end, and what people were told, how often."""

    calls: tuple[tuple[int, str], ...]
    end: End
    told: Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Story:
    """`prepare` sets the scene in a `world`, `begin` starts what is disturbed, `phase` is where it ends.

    Without a phase it ends with the Canary. `last_words` may be lost with the process or with their call, because
    whom they are about is gone.
    """

    prepare: Callable[[Simulation], None]
    begin: Callable[[Simulation], None]
    phase: str
    kind: Kind = DEPLOYMENTS
    world: type[Simulation] = Simulation
    last_words: frozenset[str] = frozenset()
    route: Ref = ROUTE

    def open(self) -> Simulation:
        """The world in which it is told."""
        return self.world(None, kind=self.kind, route=self.route)

    def end(self, sim: Simulation) -> None:
        """Run until it is at its end."""
        if self.phase:
            sim.until_phase(self.phase, seconds=PATIENCE)
            return
        sim.until(lambda: sim.store.peek(CANARY) is None, seconds=PATIENCE, what="the Canary gone")
        sim.loop.advance(TAIL)


def _apply(sim: Simulation) -> None:
    sim.set_up()


def _initialise(sim: Simulation) -> None:
    sim.set_up()
    sim.start_controller()
    sim.until_phase("Initialized")


def _wire(sim: Simulation) -> None:
    wired.wire(sim)
    sim.set_up()


def _wire_and_initialise(sim: Simulation) -> None:
    wired.wire(sim)
    _initialise(sim)


def _apply_without_mesh(sim: Simulation) -> None:
    """Of few calls: one check, a short drain."""
    sim.set_up(iterations=1, spec={"traffic": {"settleSeconds": 2, "drainSeconds": 4, "drainMaxSeconds": 4}})


def _initialise_without_mesh(sim: Simulation) -> None:
    _apply_without_mesh(sim)
    sim.start_controller()
    sim.until_phase("Initialized")


def _turns_bad_at_the_end(sim: Simulation) -> None:
    """Good beside the users, and bad as soon as it has them."""
    sim.analyst.bad_with_users = True
    sim.release("v2")


STORIES = {
    "initialised": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized"),
    "promoted": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded"),
    "rolled-back": Story(_initialise, lambda sim: sim.release("v2", quality="bad"), "Failed"),
}
OTHER_TARGETS = {
    "daemonset": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", DAEMON_SETS),
    "service": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", SERVICES),
}
WITH_CONFIGS = {
    "wired": Story(_wire, lambda sim: sim.start_controller() and None, "Initialized", world=wired.Wired),
    "reconfigured": Story(_wire_and_initialise, lambda sim: wired.edit(sim, "red"), "Succeeded", world=wired.Wired),
}


def _revertible(sim: Simulation) -> None:
    sim.set_up(spec={"revertOnDeletion": True})
    sim.start_controller()
    sim.until_phase("Initialized")


def _at_ten_percent(sim: Simulation) -> None:
    _initialise(sim)
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="a run at 10 %")


def _delete(sim: Simulation) -> None:
    sim.promises.tampered()
    sim.store.delete(CANARY)


DELETIONS = {
    "reverted": Story(_revertible, _delete, "", last_words=frozenset({"Reverted"})),
    "deleted-mid-run": Story(_at_ten_percent, _delete, ""),
}
WITHOUT_MESH = {
    "led-by-service": Story(
        _apply_without_mesh, lambda sim: sim.start_controller() and None, "Initialized", route=APEX
    ),
    "switched": Story(_initialise_without_mesh, lambda sim: sim.release("v2"), "Succeeded", route=APEX),
    "switched-back": Story(_initialise_without_mesh, _turns_bad_at_the_end, "Failed", route=APEX),
}
OWN_ROUTES = {
    "subsets": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized", world=own_routes.OwnSubsets),
    "own-routes": Story(own_routes.initialise_two, lambda sim: sim.release("v2"), "Succeeded", world=OwnRoutes),
    "own-routes-bad": Story(
        own_routes.initialise_two, lambda sim: sim.release("v2", quality="bad"), "Failed", world=OwnRoutes
    ),
}
ALL = {**STORIES, **OTHER_TARGETS, **WITH_CONFIGS, **DELETIONS, **WITHOUT_MESH, **OWN_ROUTES}


class Trap:
    """Waits for a call and lets its fate happen: to the one that is chosen, or, in copies of the world, to each."""

    def __init__(self, sim: Simulation, *, point: Point | None = None, multiverse: "Multiverse | None" = None) -> None:
        self.calls: list[Request] = []
        self.point = point
        self.sprung = False
        self.armed = False
        self._sim = sim
        self._multiverse = multiverse
        self._chosen: tuple[Request, int] | None = None
        sim.before, sim.after = self.before, self.after
        sim.restart_after = RESTART_SECONDS

    def before(self, request: Request) -> None:
        """A call is about to be sent."""
        if not self.armed:
            return
        self.calls.append(request)
        if self._takes(request, len(self.calls), Fate.KILLED_BEFORE):
            self._sim.kill(request.instance)
        elif self._takes(request, len(self.calls), Fate.REFUSED):
            self._sim.faults.refuse = 1.0
            self._sim.loop.call_soon(self._sim.faults.heal, context=self._sim.loop.world)
        elif self._takes(request, len(self.calls), Fate.LATE):
            self._travel_long(lambda: None)
        elif self._takes(request, len(self.calls), Fate.KILLED_LATE):
            self._travel_long(lambda: self._sim.kill(request.instance))

    def _travel_long(self, then: Callable[[], None]) -> None:
        """This request, and no other, is on its way for long."""
        faults, usual = self._sim.faults, self._sim.faults.latency

        def sent() -> None:
            faults.latency = usual
            then()

        faults.latency = (LATE_SECONDS, LATE_SECONDS)
        self._sim.loop.call_soon(sent, context=self._sim.loop.world)

    def after(self, request: Request) -> bool:
        """A call was done, its answer has not left. True: it never will."""
        number = next((at for at, call in enumerate(self.calls, 1) if call is request), 0)
        if self._takes(request, number, Fate.KILLED_AFTER):
            self._sim.kill(request.instance)
            return True
        return self._takes(request, number, Fate.ANSWER_LOST)

    def _takes(self, request: Request, number: int, fate: Fate) -> bool:
        """Is it this call's fate, in this world?"""
        if self.sprung or not number:
            return False
        if self._multiverse is not None and self._multiverse.parts(number, fate):
            self.point, self._multiverse = Point(self._multiverse.story, number, fate), None
            self.sprung = True
        elif self.point is not None:
            self.sprung = (self.point.number, self.point.fate) == (number, fate)
        if self.sprung:
            self._sim.promises.tell(f"{self.point}: {request}")
        return self.sprung


class Multiverse:
    """Copies of the world, one for each point: the story up to it is told once only.

    A copy is a fork of this process; it tells its end through a pipe and is gone.
    """

    def __init__(self, story: str, chosen: Iterable[Point]) -> None:
        self.story = story
        self.findings: list[str] = []
        self.visited = 0
        self._chosen = set(chosen)
        self._pipe: int | None = None

    def parts(self, number: int, fate: Fate) -> bool:
        """At a chosen point a copy of the world is made: True in the copy; the original waits for its end."""
        if Point(self.story, number, fate) not in self._chosen:
            return False
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        copy = os.fork()
        if copy == 0:
            os.close(reading)
            self._pipe = writing
            asyncio._set_running_loop(loop)
            return True
        os.close(writing)
        with os.fdopen(reading) as pipe:
            finding = pipe.read()
        _, code = os.waitpid(copy, 0)
        self.visited += 1
        if finding or code:
            self.findings.append(finding or f"{self.story} {fate} {number}: ended with {code}")
        return False

    def end(self, finding: str) -> None:
        """The end of a copy; nothing in the original."""
        if self._pipe is not None:
            with os.fdopen(self._pipe, "w") as pipe:
                pipe.write(finding)
            os._exit(0)


def tell(sim: Simulation, name: str, trap: Trap) -> int:
    """Tell a story to its end; how many calls there were until a moment after it."""
    story = ALL[name]
    story.prepare(sim)
    trap.armed = True
    story.begin(sim)
    if trap.point is not None:
        sim.until(lambda: trap.sprung, seconds=PATIENCE, what=f"the call {trap.point}")
    story.end(sim)
    sim.loop.advance(TAIL)
    calls = len(trap.calls)
    sim.loop.advance(STRIKE)
    if trap.sprung:
        story.end(sim)  # the call may have come after the end
        sim.loop.advance(STRIKE)
    return calls


def undisturbed(name: str) -> Undisturbed:
    """Tell a story without any fault. Renewals of the Lease long after its end are left out of its calls."""
    _be_quiet()
    with ALL[name].open() as sim:
        trap = Trap(sim)
        until = tell(sim, name, trap)
        assert not sim.promises.users_lost, sim.told()
        calls = tuple(
            (number, request.verb)
            for number, request in enumerate(trap.calls, 1)
            if number <= until or (request.kind != LEASES and request.verb != "watch")
        )
        return Undisturbed(calls=calls, end=End.of(sim), told=told(sim))


def told(sim: Simulation) -> Counter[tuple[str, str]]:
    """What people were told by Events, and how often."""
    return Counter((event["reason"], event["message"]) for event in sim.store.scan(EVENTS, bookinfo.NAMESPACE))


def points(name: str, story: Undisturbed, fates: Iterable[Fate]) -> list[Point]:
    """Every call of a story with each of the fates that it can have."""
    return [Point(name, number, fate) for fate in fates for number, verb in story.calls if _can_meet(verb, fate)]


def _can_meet(verb: str, fate: Fate) -> bool:
    """What becomes of a watch's answer is not one moment; a read that comes late is a lost one."""
    if fate in LATE:
        return verb in ("create", "patch", "delete")
    return verb != "watch" or fate in (Fate.KILLED_BEFORE, Fate.REFUSED)


def survive(name: str, chosen: Sequence[Point], expected: Undisturbed) -> list[str]:
    """Tell the story with each of the points; what was different, with the story."""
    _be_quiet()
    gc.disable()  # a collection would make each copy of the world a real one
    worlds = Multiverse(name, chosen)
    with ALL[name].open() as sim:
        trap = Trap(sim, multiverse=worlds)
        worlds.end(_finding(sim, trap, name, expected))
    if worlds.visited != len(chosen):
        worlds.findings.append(f"{name}: {worlds.visited} of {len(chosen)} points were met")
    return worlds.findings


def replay(point: Point, expected: Undisturbed) -> str:
    """Tell the story with one point; what was different, or ""."""
    _be_quiet()
    with ALL[point.story].open() as sim:
        return _finding(sim, Trap(sim, point=point), point.story, expected)


def _finding(sim: Simulation, trap: Trap, name: str, expected: Undisturbed) -> str:
    try:
        tell(sim, name, trap)
        _compare(sim, trap.point, expected)
    except Exception as error:
        where = "".join(traceback.format_exception(error, limit=-3))
        return f"replay: python -m tests.simulation.crash_points {trap.point}\n{sim.told()}\n{where}"
    return ""


def _compare(sim: Simulation, point: Point | None, expected: Undisturbed) -> None:
    end, heard = End.of(sim), told(sim)
    if point is not None and point.fate in FAULTS:
        heard = Counter({key: count for key, count in heard.items() if key[0] not in TOLD_OF_FAULTS})
    if point is not None:
        last = ALL[point.story].last_words
        heard |= Counter({key: count for key, count in expected.told.items() if key[0] in last})
    assert end == expected.end, f"the end is\n{end}\nand undisturbed it is\n{expected.end}"
    assert heard == expected.told, f"told {heard}\nundisturbed {expected.told}"
    assert not sim.status.outbox, f"never told: {sim.status.outbox}"
    assert not sim.promises.users_lost, "users met no ready pod"
    assert not sim.loop.errors, sim.loop.errors
    assert at_rest(sim.status) or sim.store.peek(CANARY) is None, "not at rest"


def _be_quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


if __name__ == "__main__":
    name, fate, number = sys.argv[1:]
    found = replay(Point(name, int(number), Fate(fate)), undisturbed(name))
    print(found or "survived")  # noqa: T201
    sys.exit(bool(found))
