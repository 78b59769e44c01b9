"""People who have a say in a story: they give commands, answer at gates, freeze, go back, and are outside their hours.

What they do is drawn from a seed of their own, so that it comes on top of a story and leaves the rest of it as it was.
In the end they answer whatever waits for them, and no command of theirs may be left without its answer.
"""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from delivery.api.commands import command_of
from delivery.cluster.objects import FREEZES, Ref
from strategies.commands import Verb
from strategies.rollout.answering import waiting_for
from strategies.rollout.calendars import IGNORE_WINDOWS
from tests.simulation import bookinfo
from tests.simulation.asking import SIGN_OFF, freeze, say
from tests.simulation.commanded import Answers, Hands, give, undo
from tests.simulation.held import Held
from tests.simulation.invariants import CANARY
from tests.simulation.obeyed import Obeyed
from tests.simulation.simulation import Simulation

GATES: tuple[list[dict[str, Any]], ...] = (
    [SIGN_OFF],
    [{**SIGN_OFF, "before": "traffic-increase"}],
    [{**SIGN_OFF, "before": "rollout"}, {**SIGN_OFF, "name": "last"}],
    [{**SIGN_OFF, "timeoutSeconds": 30, "onTimeout": "rollback"}],
    [{**SIGN_OFF, "timeoutSeconds": 30, "onTimeout": "proceed"}],
    [{**SIGN_OFF, "before": "traffic-increase", "timeoutSeconds": 20, "onTimeout": "proceed"}],
)


class Hours:
    """A rollout window of so many minutes out of so many, by the clock on the wall."""

    def __init__(self, every: int, minutes: int, *, denied: bool = False, **rules: Any) -> None:
        opening = {"cron": f"*/{every} * * * *", "durationSeconds": 60 * minutes}
        self.rules = {"deny" if denied else "allow": [opening], **rules}
        self._every, self._minutes, self._denied = every, minutes, denied

    def is_open(self, at: datetime) -> bool:
        """Counted a second time, without a calendar."""
        return (at.minute % self._every < self._minutes) is not self._denied


HOURS = (
    Hours(3, 1, onClose="hold"),
    Hours(2, 1, denied=True, onClose="rollback"),
    Hours(3, 1, onClose="rollback"),
    Hours(4, 3, denied=True, appliesTo="increase"),
    Hours(4, 2),
)
ANSWER_EVERY = 7.0
DEEDS_SECONDS = 180.0


class People:
    """Those of one story: what they ask of its Canary, and what they do."""

    def __init__(self, sim: Simulation, rng: random.Random) -> None:
        self._sim, self._rng = sim, rng
        self._gates = rng.choice(GATES) if rng.random() < 0.5 else None
        self._hours = rng.choice(HOURS) if rng.random() < 0.25 else None
        self._hands = Hands(sim, rng)
        self.answers, self.obeyed = Answers(sim), Obeyed(sim)
        self.held = Held(sim, self._hours.is_open if self._hours is not None else lambda _: True)

    def asked_for(self, way: dict[str, Any]) -> dict[str, Any]:
        """How releases go out, with the gates and the window of these people."""
        gates = {"gates": self._gates} if self._gates is not None else {}
        windows = {"rolloutWindows": self._hours.rules} if self._hours is not None else {}
        return {**way, **gates, "spec": {**(way.get("spec") or {}), **windows}}

    def deeds(self) -> list[tuple[float, Callable[[Simulation, random.Random], None]]]:
        """What they do, and when."""
        weights = [weight for weight, _ in DEEDS]
        drawn = self._rng.choices([do for _, do in DEEDS], weights, k=self._rng.randint(2, 14))
        return [(self._rng.uniform(0.0, DEEDS_SECONDS), self._by_them(do)) for do in drawn]

    def at_peace(self) -> None:
        """No pause, no freeze, no window, and somebody who answers whatever waits."""
        thaw(self._sim, self._rng)
        self._sim.canary["spec"].pop("rolloutWindows", None)
        self._sim.edit(rolloutWindows=None)
        give(self._sim, Verb.RESUME, "peace")
        self._answer()

    def judge(self) -> None:
        """No command is left without its answer."""
        body = self._sim.store.peek(CANARY)
        command = command_of(body) if body is not None else None
        known = self._sim.status.command
        answered = command is None or (known is not None and known.knows(command.id))
        assert answered, f"{command} has no answer\n{self._sim.told()}"

    def _answer(self) -> None:
        speak(self._sim, self._rng)
        self._sim.loop.call_later(ANSWER_EVERY, self._answer, context=self._sim.loop.world)

    def _by_them(self, do: Callable[["People"], None]) -> Callable[[Simulation, random.Random], None]:
        def deed(_sim: Simulation, _rng: random.Random) -> None:
            do(self)

        deed.__name__ = do.__name__
        return deed

    # -- what they do

    def command(self) -> None:
        """Any command, at any moment."""
        self._hands.command()

    def sensible_command(self) -> None:
        """One that the Canary has a use for."""
        self._hands.fitting()

    def let_through(self) -> None:
        """Somebody agrees."""
        speak(self._sim, self._rng)

    def refuse(self) -> None:
        """Somebody does not."""
        speak(self._sim, self._rng, decision="deny")

    def gossip(self) -> None:
        """Somebody talks of something else."""
        gossip(self._sim, self._rng)

    def freeze(self) -> None:
        """Nothing goes out for some time."""
        self._sim.promises.tell("frozen")
        freeze(self._sim, self._rng.uniform(5.0, 150.0), name=f"freeze-{self._rng.randrange(10**9)}")

    def thaw(self) -> None:
        """It is over earlier."""
        thaw(self._sim, self._rng)

    def go_back(self) -> None:
        """`delivery undo`: the target gets the template that was promoted before, where there is a way back."""
        undo(self._sim)

    def hurry(self) -> None:
        """What waits may go out at any hour."""
        note = {IGNORE_WINDOWS: self._sim.status.revision}
        self._sim.promises.tell(f"urgent: {self._sim.status.revision}")
        self._sim.merge(CANARY, {"metadata": {"annotations": note}})


DEEDS: tuple[tuple[int, Callable[[People], None]], ...] = (
    (5, People.command),
    (14, People.sensible_command),
    (6, People.let_through),
    (2, People.refuse),
    (2, People.gossip),
    (3, People.freeze),
    (1, People.thaw),
    (2, People.go_back),
    (1, People.hurry),
)


def gossip(sim: Simulation, rng: random.Random) -> None:
    """Somebody talks of a run that is not the present one, or of a gate that there is not."""
    about = rng.choice(({"run": "nobody-knows"}, {"revision": "v2-000000000000"}, {"gate": "no-such-gate"}))
    speak(sim, rng, **about)


def thaw(sim: Simulation, rng: random.Random) -> None:
    """All freezes are lifted."""
    for body in sim.store.scan(FREEZES, bookinfo.NAMESPACE):
        sim.promises.tell("lifted")
        sim.store.delete(Ref.of(FREEZES, body))


def speak(sim: Simulation, rng: random.Random, **spec: Any) -> None:
    """Somebody says something of what waits, if anything does, of each gate."""
    if not waiting_for(sim.status)[0]:
        return
    for gate in sim.canary["spec"]["analysis"].get("gates", ()):
        sim.promises.tell(f"said of {gate['name']}: {spec or 'approve'}")
        say(sim, f"word-{rng.randrange(10**9)}", **{"gate": gate["name"], **spec})
