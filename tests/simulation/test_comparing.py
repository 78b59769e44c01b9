"""Releases that are held against their primary: the judge in the loop, both unmodified, killed and started again."""

import pytest

from tests.simulation.scenes import events, initialised, recovers, served
from tests.simulation.simulation import Simulation

COMPARED = {"name": "request-success-rate", "compareWithPrimary": {}, "warmupSeconds": 0}
"""Without limits: what rolls back is the comparison alone."""


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def check_of(sim):
    [check] = sim.status.checks
    return check


def test_a_version_as_good_as_its_primary_is_promoted(sim) -> None:
    initialised(sim, metrics=[COMPARED])
    sim.release("v2")
    recovers(sim)
    assert check_of(sim).memory


def test_a_worse_one_is_rolled_back_by_its_first_windows_and_the_event_has_the_numbers(sim) -> None:
    initialised(sim, metrics=[COMPARED], threshold=50)
    sim.release("v2", quality="bad")
    sim.until_phase("Failed")
    served(sim)
    [told] = events(sim, "RolledBack")
    assert "requests failed (5 %) against" in told
    assert "(0.2 %) on the primary" in told
    assert check_of(sim).evidence.strength >= check_of(sim).evidence.needed
    assert check_of(sim).window <= 2


@pytest.mark.parametrize(("quality", "phase"), [("good", "Succeeded"), ("bad", "Failed")])
@pytest.mark.parametrize("seconds", [4.0, 9.0, 13.0, 17.0, 21.0])
def test_a_controller_that_dies_comes_to_the_same_verdicts(quality: str, phase: str, seconds: float) -> None:
    def told(kill: bool):
        with Simulation(11) as sim:
            name = initialised(sim, metrics=[COMPARED])
            sim.release("v2", quality=quality)
            sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
            sim.loop.advance(seconds)
            if kill:
                sim.kill(name)
            sim.until_phase(phase)
            served(sim)
            check = check_of(sim)
            return check.window, check.memory, check.evidence

    assert told(kill=True) == told(kill=False)
