"""Whole runs by the controller's own queries, which wait to be asked together."""

import pytest

from metrics.batching import MARK
from tests.simulation import bookinfo
from tests.simulation.measured import DURATION, WAIT, Measured
from tests.simulation.scenes import initialised, served, version

METRICS = [bookinfo.SUCCESS_RATE, DURATION]


@pytest.mark.parametrize("seed", range(3))
def test_a_good_version_is_promoted_by_what_its_requests_say(seed: int) -> None:
    with Measured(seed) as sim:
        initialised(sim, metrics=METRICS)
        sim.release("v2")
        sim.until_phase("Succeeded")
        assert version(sim) == "v2"
        served(sim)
        assert any(MARK in query for _, query in sim.prometheus.asked)


@pytest.mark.parametrize("seed", range(3))
def test_a_version_that_answers_with_errors_is_rolled_back(seed: int) -> None:
    """Given a version of which three requests in ten fail, then no more than its first windows are served by it."""
    with Measured(seed) as sim:
        initialised(sim, metrics=METRICS)
        sim.release("v2", quality="bad")
        sim.until_phase("Failed")
        assert version(sim) == "v1"
        assert sim.weight == 0
        served(sim)


@pytest.mark.parametrize("seed", range(3))
def test_who_dies_while_questions_wait_comes_to_the_same_end(seed: int) -> None:
    """Given a controller that is killed each time a few queries have been asked, then what was asked is asked again."""
    with Measured(seed) as sim:
        initialised(sim, metrics=METRICS)
        sim.release("v2", quality="bad")
        for _ in range(2):
            asked = len(sim.prometheus.asked)
            sim.until(lambda asked=asked: len(sim.prometheus.asked) > asked, seconds=120, what="a query")  # type: ignore[misc]
            sim.loop.advance(sim.rng.uniform(0.0, 2 * WAIT))
            for name in sim.alive:
                sim.kill(name)
        sim.until_phase("Failed")
        assert version(sim) == "v1"
        assert [check.value for check in sim.status.checks if check.name == "request-success-rate"] == [70]
        served(sim)


def story(seed: int) -> tuple[list[tuple[float, str]], str]:
    with Measured(seed) as sim:
        initialised(sim, metrics=METRICS)
        sim.release("v2")
        sim.until_phase("Succeeded")
        return sim.prometheus.asked, sim.told()


def test_the_same_seed_tells_the_same_story() -> None:
    """Waiting happens in virtual time: when and what is asked depends on the seed alone."""
    assert story(7) == story(7)
    assert story(7)[0] != story(8)[0]
