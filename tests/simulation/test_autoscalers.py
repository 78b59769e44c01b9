"""HorizontalPodAutoscalers through whole runs: floors are held, given back, and never fought over."""

import pytest

from tests.simulation.autoscaling import (
    CLONE,
    SOURCE,
    Writes,
    at,
    autoscaler,
    bounds,
    crowded,
    noted,
    pods,
    set_back,
    with_four_pods,
)
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import served, version


@pytest.fixture
def sim():
    with crowded() as world:
        yield world


def busy(sim, **options):
    """A Canary at rest whose primary has been scaled to the four pods that its users need."""
    return with_four_pods(sim, autoscaler(**options))


def test_the_primary_gets_a_copy_and_the_target_rests(sim):
    busy(sim)
    assert bounds(sim, CLONE) == (2, 10)
    assert sim.store.peek(CLONE)["spec"]["scaleTargetRef"]["name"] == PRIMARY.name
    assert pods(sim, TARGET) == 0
    assert noted(sim, SOURCE) == {}, "nothing of ours on the user's"
    served(sim)


def test_the_primary_keeps_its_pods_until_the_canary_has_drained(sim):
    busy(sim, behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    sim.release("v2")
    at(sim, 50)
    sim.loop.advance(9)
    assert bounds(sim, CLONE) == (4, 10)
    assert pods(sim, PRIMARY) == 4, "half of the load is gone, and all of it must find its way back"
    sim.until_phase("Succeeded")
    assert version(sim) == "v2"
    assert bounds(sim, CLONE) == (2, 10)
    assert (bounds(sim, SOURCE), noted(sim, SOURCE)) == ((2, 10), {})
    served(sim)


def test_the_canary_has_the_pods_for_its_share_before_it_gets_it(sim):
    busy(sim, least=1)
    seen = {}
    sim.store.observers.append(lambda _: seen.setdefault(sim.weight, bounds(sim, SOURCE)[0]))
    sim.release("v2")
    sim.until_phase("Succeeded")
    assert seen[50] == 2, "half of four"
    assert bounds(sim, SOURCE) == (1, 10)
    served(sim)


def test_replicas_are_written_only_to_and_from_nothing(sim):
    writes = Writes(sim)
    busy(sim)
    sim.release("v2")
    sim.until_phase("Succeeded")
    assert [(name, after) for name, before, after in writes.ours if before not in (None, 0)] == [
        ("reviews", 0),
        ("reviews", 0),
    ]
    assert {name for name, before, _ in writes.ours if before == 0} == {"reviews"}
    served(sim)


def test_a_rollback_gives_everything_back(sim):
    busy(sim)
    sim.release("v2", quality="bad")
    sim.until_phase("Failed")
    assert (bounds(sim, CLONE), bounds(sim, SOURCE), noted(sim, SOURCE)) == ((2, 10), (2, 10), {})
    assert pods(sim, TARGET) == 0
    served(sim)


def test_a_deletion_in_the_middle_gives_everything_back_before_the_canary_goes(sim):
    busy(sim)
    sim.release("v2")
    at(sim, 50)
    assert bounds(sim, SOURCE)[0] == 2 or noted(sim, SOURCE)
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="gone")
    assert (bounds(sim, CLONE), bounds(sim, SOURCE), noted(sim, SOURCE)) == ((2, 10), (2, 10), {})
    served(sim)


@pytest.mark.parametrize("weight", [0, 50])
def test_a_revert_leaves_the_autoscaler_as_it_was_and_no_copy(sim, weight):
    busy(sim)
    before = sim.store.peek(SOURCE)
    sim.edit(revertOnDeletion=True)
    sim.loop.advance(10)
    if weight:
        sim.release("v2")
        at(sim, weight)
    sim.store.delete(CANARY)
    if weight:
        set_back(sim)  # a revert gives the users a target that was promoted
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="gone")
    after = sim.store.peek(SOURCE)
    assert after["spec"] == before["spec"]
    assert noted(sim, SOURCE) == {}
    assert sim.store.peek(CLONE) is None
    assert pods(sim, TARGET) >= 2
    served(sim)
