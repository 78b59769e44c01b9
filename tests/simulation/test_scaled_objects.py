"""KEDA through whole runs: asleep with the target, awake with the run, and the primary never asleep."""

import pytest

from tests.simulation.autoscaling import (
    KEDA_CLONE,
    KEDA_SOURCE,
    PAUSED_AT,
    Writes,
    at,
    bounds,
    crowded,
    noted,
    pods,
    scaled_object,
    set_back,
    with_four_pods,
)
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import served, version


@pytest.fixture
def sim():
    with crowded() as world:
        yield world


def busy(sim, *, more=None, **options):
    """A Canary at rest whose primary has the four pods that its users need."""
    return with_four_pods(sim, scaled_object(**{"least": 1, **options}), **(more or {}))


def test_the_pause_of_a_resting_target_is_not_copied_to_the_primary(sim):
    busy(sim)
    assert noted(sim, KEDA_SOURCE) == {PAUSED_AT: "0"}
    assert not any("paused" in name for name in noted(sim, KEDA_CLONE))
    assert bounds(sim, KEDA_CLONE) == (1, 10)
    sim.loop.advance(120)
    assert (pods(sim, TARGET), pods(sim, PRIMARY)) == (0, 4)
    served(sim)


def test_the_target_is_not_paused_while_it_still_serves_users(sim):
    """At nothing, KEDA would take the pods from under them."""
    paused = []
    sim.store.observers.append(
        lambda _: paused.append(sim.status.phase.value) if PAUSED_AT in noted(sim, KEDA_SOURCE) else None
    )
    busy(sim)
    assert set(paused) == {"Initialized"}
    served(sim)


def test_a_run_wakes_it_holds_the_floors_and_lets_it_sleep_again(sim):
    busy(sim)
    writes = Writes(sim)
    sim.release("v2")
    at(sim, 50)
    assert PAUSED_AT not in noted(sim, KEDA_SOURCE)
    assert bounds(sim, KEDA_SOURCE)[0] == 2
    assert bounds(sim, KEDA_CLONE)[0] == 4
    sim.until_phase("Succeeded")
    assert version(sim) == "v2"
    assert (bounds(sim, KEDA_SOURCE), bounds(sim, KEDA_CLONE)) == ((1, 10), (1, 10))
    assert noted(sim, KEDA_SOURCE) == {PAUSED_AT: "0"}
    assert pods(sim, TARGET) == 0
    assert all(before == 0 or after == 0 for _, before, after in writes.ours)
    served(sim)


def test_quiet_triggers_take_no_pods_from_a_run(sim):
    """An idle count is below every floor: it goes for the time of the run, and comes back."""
    busy(sim, idleReplicaCount=0)
    assert "idleReplicaCount" not in sim.store.peek(KEDA_CLONE)["spec"]
    active = "sandbox.progressive.delivery/active"
    sim.merge(KEDA_SOURCE, {"metadata": {"annotations": {active: "false"}}})
    sim.loop.advance(60)
    sim.until(lambda: pods(sim, PRIMARY) >= 1, seconds=5, what="a primary with pods")
    sim.release("v2")
    at(sim, 50)
    assert "idleReplicaCount" not in sim.store.peek(KEDA_SOURCE)["spec"]
    sim.until_phase("Succeeded")
    assert sim.store.peek(KEDA_SOURCE)["spec"]["idleReplicaCount"] == 0
    served(sim)


def test_the_primary_asks_its_own_query_in_its_own_bounds(sim):
    query = {"type": "prometheus", "name": "rps", "metadata": {"query": 'sum(rate(rps{app="reviews"}[1m]))'}}
    cpu = {"type": "cpu", "metadata": {"value": "500m"}}
    busy(sim, triggers=[cpu, query], more={"primaryScalerReplicas": {"minReplicas": 3, "maxReplicas": 20}})
    assert bounds(sim, KEDA_CLONE) == (3, 20)
    asked = sim.store.peek(KEDA_CLONE)["spec"]["triggers"][1]["metadata"]["query"]
    assert asked == 'sum(rate(rps{app="reviews-primary"}[1m]))'
    sim.edit(autoscalerRef={"primaryScalerQueries": {"rps": "vector(3)"}})
    sim.loop.advance(5)
    assert sim.store.peek(KEDA_CLONE)["spec"]["triggers"][1]["metadata"]["query"] == "vector(3)"


def test_a_rollback_and_a_deletion_give_it_back(sim):
    busy(sim)
    sim.release("v2", quality="bad")
    sim.until_phase("Failed")
    assert (bounds(sim, KEDA_SOURCE), noted(sim, KEDA_SOURCE)) == ((1, 10), {PAUSED_AT: "0"})
    sim.release("v3")
    at(sim, 50)
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="gone")
    assert (bounds(sim, KEDA_SOURCE), noted(sim, KEDA_SOURCE)) == ((1, 10), {})
    served(sim)


@pytest.mark.parametrize("weight", [0, 50])
def test_a_revert_leaves_neither_a_pause_nor_a_floor_nor_a_copy(sim, weight):
    busy(sim, idleReplicaCount=0)
    before = sim.store.peek(KEDA_SOURCE)["spec"]
    sim.edit(revertOnDeletion=True)
    sim.loop.advance(10)
    if weight:
        sim.release("v2")
        at(sim, weight)
    sim.store.delete(CANARY)
    if weight:
        set_back(sim)  # a revert gives the users a target that was promoted
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="gone")
    assert sim.store.peek(KEDA_SOURCE)["spec"] == before
    assert noted(sim, KEDA_SOURCE) == {}
    assert sim.store.peek(KEDA_CLONE) is None
    assert pods(sim, TARGET) >= 1
    served(sim)
