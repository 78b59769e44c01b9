"""A world in which people are asked: they approve, refuse, freeze, talk of other runs, and forget.

No version is promoted without a word on that very run, or a time limit that says so.
"""

import random
from collections.abc import Callable
from typing import Any

from delivery.cluster.memory.store import Happened
from delivery.cluster.objects import CANARIES, FREEZES, Ref
from strategies.gates import Word
from strategies.rollout.answering import waiting_for
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.asking import SIGN_OFF, freeze, say
from tests.simulation.invariants import BrokenPromise, status_of
from tests.simulation.simulation import Simulation

GATES: tuple[list[dict[str, Any]], ...] = (
    [SIGN_OFF],
    [{**SIGN_OFF, "before": "traffic-increase"}],
    [{**SIGN_OFF, "before": "rollout"}, {**SIGN_OFF, "name": "last"}],
    [{**SIGN_OFF, "timeoutSeconds": 30, "onTimeout": "rollback"}],
    [{**SIGN_OFF, "timeoutSeconds": 30, "onTimeout": "proceed"}],
)
WINDOWS: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {"allow": [{"cron": "*/3 * * * *", "durationSeconds": 60}], "onClose": "hold"},
    {"deny": [{"cron": "*/2 * * * *", "durationSeconds": 60}], "onClose": "rollback"},
    {"allow": [{"cron": "1-59/2 * * * *", "durationSeconds": 90}], "appliesTo": "increase"},
)
ANSWER_EVERY = 7.0


def _approve(sim: Simulation, rng: random.Random) -> None:
    speak(sim, rng)


def _deny(sim: Simulation, rng: random.Random) -> None:
    speak(sim, rng, decision="deny")


def _gossip(sim: Simulation, rng: random.Random) -> None:
    """Somebody talks of a run that is not the present one, or of a gate that there is not."""
    about = rng.choice(({"run": "nobody-knows"}, {"revision": "v2-000000000000"}, {"gate": "no-such-gate"}))
    speak(sim, rng, **about)


def _freeze(sim: Simulation, rng: random.Random) -> None:
    sim.promises.tell("frozen")
    freeze(sim, rng.uniform(5.0, 90.0), name=f"freeze-{rng.randrange(10**9)}")


def _thaw(sim: Simulation, rng: random.Random) -> None:
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


class Peopled(Simulation):
    """Bookinfo with gates and a window, and people who answer in the end."""

    hands: tuple[tuple[int, Callable[..., None]], ...] = (
        (12, _approve), (3, _deny), (6, _gossip), (6, _freeze), (3, _thaw),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gates = self.rng.choice(GATES)
        self._windows = self.rng.choice(WINDOWS)
        self.store.observers.append(self._watch)

    def set_up(self, **options: Any) -> None:
        """With gates, and with a window in some stories."""
        spec = {**(options.pop("spec", None) or {})}
        if self._windows is not None:
            spec["rolloutWindows"] = self._windows
        super().set_up(**{**options, "spec": spec, "gates": self._gates})

    def at_peace(self) -> None:
        """No freeze, no window, and somebody who answers whatever waits."""
        _thaw(self, self.rng)
        self.canary["spec"].pop("rolloutWindows", None)
        self.edit(rolloutWindows=None)
        self._answer()

    def _answer(self) -> None:
        speak(self, self.rng)
        self.loop.call_later(ANSWER_EVERY, self._answer, context=self.loop.world)

    def _watch(self, event: Happened) -> None:
        """What is promoted has been let through its gates, by a word on this run."""
        if event.ref.kind != CANARIES or event.object is None or event.previous is None:
            return
        before, after = status_of(event.previous), status_of(event.object)
        begun = after.phase is Phase.PROMOTING and before.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
        if not begun or after.run is None or after.run.healing:
            return
        spec = event.object.get("spec") or {}
        for gate in spec["analysis"].get("gates") or ():
            if gate["before"] == "promotion":
                opened = [each for each in after.gates if each.gate == gate["name"] and each.word.opens]
                if not opened or any(each.of != after.run.id for each in opened):
                    raise BrokenPromise(f"promoted without {gate['name']}: {after.gates}")
                if any(each.word is Word.PROCEEDED for each in opened) and gate.get("onTimeout") != "proceed":
                    raise BrokenPromise(f"{gate['name']} opened by itself")


