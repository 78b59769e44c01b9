"""What may be believed before pods go: the API server's word, never a cache's."""

import pytest

from delivery.cluster.objects import VIRTUAL_SERVICES
from tests.simulation.invariants import PRIMARY, TARGET
from tests.simulation.scenes import at_weight, deaf, served, set_weight, turn_bad, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(7) as world:
        yield world


def test_g1_pods_do_not_go_on_a_cache_s_word(sim):
    """The cached route sends nobody to the canary; the real one was changed back, and nobody has heard of it."""
    at_weight(sim, 10, threshold=1)
    set_weight(sim, 0)
    sim.until(lambda: sim.status.reason == "ManualOverride", seconds=30, what="the override")
    hear = deaf(sim, VIRTUAL_SERVICES)
    sim.loop.advance(5)  # until the watch is really gone
    set_weight(sim, 30)
    turn_bad(sim)
    sim.until_phase("Failed")
    sim.until(lambda: sim.store.peek(TARGET)["spec"]["replicas"] == 0, seconds=120, what="the canary's pods go")
    assert sim.weight == 0
    hear()
    served(sim)


def test_g6_a_lost_primary_is_not_made_of_what_nobody_has_judged(sim):
    """Somebody deletes the primary in the middle of a run: it comes back as it was, not as the target is now."""
    at_weight(sim, 10, quality="bad", threshold=5)
    sim.store.delete(PRIMARY)
    sim.until(lambda: sim.store.peek(PRIMARY) is not None, seconds=60, what="the primary")
    assert version(sim) == "v1"
    sim.until_phase("Failed")
    assert version(sim) == "v1"
