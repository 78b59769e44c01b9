"""The moments at which a story can go wrong: one call and its fate, and copies of the world that meet them all.

A story of many calls is told once only: at each chosen call the world parts, a copy meets the fate there and tells how
it ended, and the original goes on.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from delivery.cluster.memory import Request
from tests.simulation.simulation import Simulation

RESTART_SECONDS = 2.0


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


@dataclass(frozen=True, slots=True)
class Point:
    """One call of a story, counted from 1, and its fate."""

    story: str
    number: int
    fate: Fate

    def __str__(self) -> str:
        return f"{self.story} {self.fate} {self.number}"


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
