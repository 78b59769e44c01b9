"""Policies of all kinds come and go while releases do, and controllers die: no user is lost, and no run is stopped."""

import random

import pytest

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.policies import GUARDED
from tests.simulation.invariants import at_rest
from tests.simulation.policies import meddle
from tests.simulation.scenes import initialised, served, version
from tests.simulation.simulation import Simulation


@pytest.mark.parametrize("seed", range(8))
def test_whatever_policies_come_and_go_runs_go_on_and_nobody_is_lost(seed):
    rng, there = random.Random(f"policies/{seed}"), []
    with Simulation(seed) as sim:
        for kind in GUARDED:
            sim.store.register(custom_resource(kind))
        initialised(sim)
        for release in ("v2", "v3"):
            sim.release(release)
            for _ in range(40):
                meddle(sim, rng, there)
                sim.loop.advance(rng.uniform(0.1, 8.0))
                if rng.random() < 0.05 and sim.alive:
                    sim.kill(sim.alive[0])
            sim.until(
                lambda: sim.status.phase.value == "Succeeded" and at_rest(sim.status), seconds=900, what="Succeeded"
            )
            assert version(sim) == release
        while there:
            sim.store.delete(there.pop())
        sim.until(lambda: sim.status.condition("PreflightWarning") is None, seconds=30, what="nothing to warn of")
        served(sim)
