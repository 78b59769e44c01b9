"""Every call of a controller as the last thing that it does, or the one thing that goes wrong.

A story is told once undisturbed. Then it is told again for each of its calls: killed before it, killed when the server
has done it and the answer has not come, its answer lost, itself refused, or under way until all has changed. The end
must be the same, users must never have met an absent pod, and nobody must be told anything twice.
`python -m tests.simulation.crash_points promoted killed-after 12` replays one.
"""

import gc
import logging
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence

import structlog

from delivery.cluster.objects import LEASES
from tests.simulation.crash_ends import End, Undisturbed, told
from tests.simulation.crash_stories import ALL, PATIENCE, TAIL
from tests.simulation.crash_worlds import FAULTS, LATE, Fate, Multiverse, Point, Trap
from tests.simulation.invariants import CANARY, at_rest
from tests.simulation.simulation import Simulation

STRIKE = 70.0
"""Seconds after which the outbox is empty."""

TOLD_OF_FAULTS = {"ClusterUnavailable", "NotConverged", "StaleCache", "PoliciesUnknown"}
"""What people may be told besides, when a call failed."""


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
