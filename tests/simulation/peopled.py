"""A world in which people are asked: they approve, refuse, freeze, talk of other runs, and forget.

No version is promoted without a word on that very run, or a time limit that says so.
"""

import random
from collections.abc import Callable
from typing import Any

from tests.simulation.asking import SIGN_OFF, freeze
from tests.simulation.held import Held
from tests.simulation.people import ANSWER_EVERY, gossip, speak, thaw
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


def _approve(sim: Simulation, rng: random.Random) -> None:
    speak(sim, rng)


def _deny(sim: Simulation, rng: random.Random) -> None:
    speak(sim, rng, decision="deny")


def _freeze(sim: Simulation, rng: random.Random) -> None:
    sim.promises.tell("frozen")
    freeze(sim, rng.uniform(5.0, 90.0), name=f"freeze-{rng.randrange(10**9)}")


class Peopled(Simulation):
    """Bookinfo with gates and a window, and people who answer in the end."""

    hands: tuple[tuple[int, Callable[..., None]], ...] = (
        (12, _approve), (3, _deny), (6, gossip), (6, _freeze), (3, thaw),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gates = self.rng.choice(GATES)
        self._windows = self.rng.choice(WINDOWS)
        self.held = Held(self)

    def set_up(self, **options: Any) -> None:
        """With gates, and with a window in some stories."""
        spec = {**(options.pop("spec", None) or {})}
        if self._windows is not None:
            spec["rolloutWindows"] = self._windows
        super().set_up(**{**options, "spec": spec, "gates": self._gates})

    def at_peace(self) -> None:
        """No freeze, no window, and somebody who answers whatever waits."""
        thaw(self, self.rng)
        self.canary["spec"].pop("rolloutWindows", None)
        self.edit(rolloutWindows=None)
        self._answer()

    def _answer(self) -> None:
        speak(self, self.rng)
        self.loop.call_later(ANSWER_EVERY, self._answer, context=self.loop.world)
