"""Commands of all kinds at any moment, while releases come and controllers die: each counts once, nobody is lost."""

import random

import pytest

from strategies.commands import Verb
from tests.simulation import deeds
from tests.simulation.commanded import Answers, Hands, answered, give
from tests.simulation.held import Held
from tests.simulation.invariants import at_rest
from tests.simulation.obeyed import Obeyed
from tests.simulation.scenes import initialised, served, version
from tests.simulation.simulation import Simulation

AMONG = (deeds._kill, deeds._kill, deeds._pause, deeds._weather, deeds._prometheus, deeds._pause_rollout)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_people_command_each_word_counts_once_and_nobody_is_lost(seed):
    rng = random.Random(f"commands/{seed}")
    with Simulation(seed, patience=60.0) as sim:
        initialised(sim)
        answers, hands = Answers(sim), Hands(sim, rng)
        Obeyed(sim)
        Held(sim)
        for number in range(2, 5):
            sim.release(f"v{number}", quality=rng.choice(("good", "good", "bad")))
            for _ in range(30):
                if rng.random() < 0.6:
                    hands.command()
                else:
                    rng.choice(AMONG)(sim, rng)
                sim.loop.advance(rng.uniform(0.1, 15.0))
        sim.faults.heal()
        sim.analyst.away = sim.analyst.quiet = False
        sim.edit(paused=False)
        sim.loop.advance(90.0)
        answered(sim, give(sim, Verb.RESUME, "peace"), seconds=120)
        sim.release("v9")
        sim.until(lambda: version(sim) == "v9" and at_rest(sim.status), seconds=1200, what="the last release")
        assert answers.ids[-1] == "peace"
        served(sim)
