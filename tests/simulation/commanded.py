"""People who give commands, as `kubectl annotate` or the command line would, and what becomes of each."""

import random
from dataclasses import replace
from typing import Any

from delivery.api.commands import COMMAND, written
from delivery.cluster.memory.watching import Happened
from delivery.cluster.objects import CANARIES, REPLICA_SETS
from delivery.gates import undoing
from delivery.gates.commanding import concerns
from strategies.commands import BOUND, Command, Verb, subject
from strategies.rollout.commanding import EARLIER
from strategies.status import Answered
from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY
from tests.simulation.simulation import Simulation

BY = "ann"


def give(sim: Simulation, verb: Verb, id: str, *, of: str | None = None, **given: Any) -> Command:  # noqa: A002
    """A command for what goes on now; `of` names something else."""
    bound = subject(sim.status) if of is None and verb in BOUND else of or ""
    command = Command(id=id, verb=verb, of=bound, by=BY, **given)
    sim.promises.tell(f"command {command}")
    repeat(sim, command)
    return command


def repeat(sim: Simulation, command: Command) -> None:
    """The same annotation once more."""
    sim.merge(CANARY, {"metadata": {"annotations": {COMMAND: written(command)}}})


def answered(sim: Simulation, command: Command, *, seconds: float = 30.0) -> Answered:
    """What became of it."""

    def has_come() -> bool:
        return sim.status.command is not None and sim.status.command.id == command.id

    sim.until(has_come, seconds=seconds, what=f"an answer to {command}")
    assert sim.status.command is not None
    return sim.status.command


def undo(sim: Simulation) -> str:
    """`delivery undo`: the target gets the template that was promoted before. What changes; "" without a way back."""
    body = sim.store.peek(CANARY)
    if body is None:
        return ""
    try:
        ref = undoing.target_of(body)
        target = sim.store.peek(ref)
        if target is None:
            return ""
        way = undoing.way_back(body, target, sim.store.scan(REPLICA_SETS, bookinfo.NAMESPACE))
    except undoing.NoWayBackError as error:
        sim.promises.tell(f"no way back: {error}")
        return ""
    sim.promises.tell(f"undo: {way.images}")
    ops = undoing.ops_for(target, way)
    sim.store.patch(ref, ops, content_type="application/json-patch+json", manager="kubectl")
    return way.images


class Answers:
    """Every answer in the order in which it was written; that none is given twice, it checks itself."""

    def __init__(self, sim: Simulation) -> None:
        self.ids: list[str] = []
        self._known: set[str] = set()
        sim.store.observers.append(self._observe)

    def forget(self) -> None:
        """The status is lost, and what was answered with it."""
        self._known.clear()

    def _observe(self, event: Happened) -> None:
        if event.ref.kind != CANARIES:
            return
        if event.type == "DELETED" or not event.object.get("status"):
            self.forget()
            return
        command = event.object["status"].get("command")
        if command is None or self.ids[-1:] == [command["id"]]:
            return
        again = command["id"] in self._known and not command["id"].startswith("unread-")  # these do nothing
        assert not again, f"{command['id']} was answered twice"
        self._known.add(command["id"])
        self.ids.append(command["id"])


VERBS = (Verb.PROMOTE, Verb.PROMOTE, Verb.ABORT, Verb.RETRY, Verb.RETRY, Verb.RESTART, Verb.PAUSE, Verb.RESUME)


class Hands:
    """Somebody who gives one command after the other, old ones again, and such as nobody can read."""

    def __init__(self, sim: Simulation, rng: random.Random) -> None:
        self.sim, self.rng = sim, rng
        self.given: list[Command] = []

    def command(self) -> None:
        """One more."""
        kind = self.rng.random()
        if kind < 0.1 and self.given:
            repeat(self.sim, self.rng.choice(self.given[-EARLIER:]))
        elif kind < 0.15:
            self.sim.merge(CANARY, {"metadata": {"annotations": {COMMAND: self.rng.choice(("{", "abort", "[]"))}}})
        else:
            self._say(self.rng.choice(VERBS))

    def fitting(self) -> None:
        """One more, by somebody who has looked at what goes on."""
        body = self.sim.store.peek(CANARY)
        verbs = [verb for verb in VERBS if body is not None and concerns(body, verb)]
        self._say(self.rng.choice(verbs or VERBS))

    def _say(self, verb: Verb) -> None:
        full = self.rng.random() < 0.4
        command = Command(id=f"c{len(self.given)}", verb=verb, by=BY, full=full and verb is Verb.PROMOTE)
        stale = self.rng.random() < 0.1 and self.given
        of = self.given[-1].of if stale else subject(self.sim.status) if verb in BOUND else ""
        self.given.append(replace(command, of=of))
        self.sim.promises.tell(f"command {self.given[-1]}")
        repeat(self.sim, self.given[-1])
