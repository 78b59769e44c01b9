"""A Canary that switches is deleted with revertOnDeletion: nothing of ours is left, and users stay with who serves."""

import pytest

from delivery.cluster.objects import DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY
from tests.simulation.own_routes import NAMESPACE
from tests.simulation.scenes import at_weight, events, initialised, recovers, served
from tests.simulation.switched_subsets import ROUTES, SwitchedSubsets, subsets
from tests.simulation.switching import Switching

REVERTS = {"spec": {"revertOnDeletion": True}}


@pytest.fixture
def sim():
    with Switching(37) as world:
        yield world


@pytest.fixture
def by_subset():
    with SwitchedSubsets(38) as world:
        yield world


def delete(sim):
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=200, what="the Canary gone")
    sim.loop.advance(60)
    assert not sim.promises.unserved, "users met no ready pod"


def left(sim):
    """The names of what leads users anywhere."""
    kinds = (SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES)
    return {f"{kind.kind} {each['metadata']['name']}" for kind in kinds for each in sim.store.scan(kind, NAMESPACE)}


def marks(sim, ref):
    meta = sim.store.peek(ref)["metadata"]
    kept = {**(meta.get("labels") or {}), **(meta.get("annotations") or {})}
    return [key for key in kept if key.startswith("progressive.delivery/")]


def test_everything_is_as_it_was_where_the_service_selected_every_version(sim):
    initialised(sim, **REVERTS)
    sim.release("v2")
    recovers(sim)
    delete(sim)
    assert left(sim) == {"Service reviews"}
    assert sim.store.peek(APEX)["spec"]["selector"] == bookinfo.service()["spec"]["selector"]
    assert marks(sim, APEX) == []
    assert "the promoted version serves all users" in events(sim, "Reverted")[-1]
    assert [sim.replicas(each) for each in ("v1", "v2")] == [2, 2]


def test_a_service_that_selected_a_version_which_serves_no_more_keeps_the_one_that_does(sim):
    sim.apply(SERVICES, bookinfo.choosing("v1"))
    initialised(sim, **REVERTS)
    sim.merge(APEX, {"metadata": {"annotations": {"progressive.delivery/original-selector": '{"version":"v1"}'}}})
    sim.release("v2")
    recovers(sim)
    delete(sim)
    assert left(sim) == {"Service reviews"}
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews", "version": "v2"}
    assert marks(sim, APEX) == []


@pytest.mark.parametrize("weight", [10, 50])
def test_in_the_middle_of_a_run_users_stay_with_the_version_that_serves(sim, weight):
    at_weight(sim, weight, **REVERTS)
    delete(sim)
    assert left(sim) == {"Service reviews"}


def test_a_version_that_was_never_promoted_is_not_waited_for(sim):
    initialised(sim, **REVERTS)
    sim.release("v2", behaviour="never-ready")
    sim.loop.advance(5)
    delete(sim)
    assert left(sim) == {"Service reviews"}


def test_users_of_a_version_that_is_gone_are_left_with_the_one_that_works(sim):
    at_weight(sim, 50, **REVERTS)
    sim.workloads.break_pods("version=v1", "crash-loop")
    sim.until(lambda: sim.weight == 100 or sim.promises.ready("primary") == 0, seconds=30, what="v1 broken")
    sim.promises.lost_seconds = 0.0
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=200, what="the Canary gone")
    assert sim.store.peek(APEX)["spec"]["selector"]["app"] == "reviews"
    assert left(sim) == {"Service reviews"}


def test_a_service_that_selected_a_version_which_is_broken_selects_the_one_that_users_are_with(sim):
    """What it selected before was the version that served: it would lead users from the canary to pods that crash."""
    sim.apply(SERVICES, bookinfo.choosing("v1"))
    at_weight(sim, 50, **REVERTS)
    sim.merge(APEX, {"metadata": {"annotations": {"progressive.delivery/original-selector": '{"version":"v1"}'}}})
    sim.workloads.break_pods("version=v1", "crash-loop")
    sim.until(lambda: sim.weight == 100 or sim.promises.ready("primary") == 0, seconds=30, what="v1 broken")
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=200, what="the Canary gone")
    assert sim.store.peek(APEX)["spec"]["selector"]["version"] == "v2"


def test_routes_of_the_users_own_stay_with_the_promoted_subset_and_bear_no_mark(by_subset):
    sim = by_subset
    initialised(sim, **REVERTS)
    sim.release("v2")
    recovers(sim)
    sim.release("v3")
    sim.until(lambda: sim.shares_now() == {"v2": 50, "v3": 50}, seconds=120, what="another run")
    delete(sim)
    assert sim.shares_now() == {"v2": 100}
    assert left(sim) == {"Service reviews", "VirtualService books", "DestinationRule versions"}
    assert (marks(sim, ROUTES), marks(sim, APEX)) == ([], [])
    assert sim.store.peek(APEX)["spec"]["selector"] == bookinfo.service()["spec"]["selector"]
    assert sim.store.scan(DESTINATION_RULES, NAMESPACE)[0]["spec"] == subsets("v1", "v2", "v3")["spec"]


@pytest.mark.parametrize("moment", [0.1, 0.3, 1.0, 2.5, 4.0, 5.5, 8.0])
def test_a_controller_killed_on_the_way_finishes_it(sim, moment):
    initialised(sim, **REVERTS)
    sim.release("v2")
    recovers(sim)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.loop.advance(moment)
    sim.kill(sim.alive[0])
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=200, what="the Canary gone")
    sim.loop.advance(30)
    served(sim)
    assert left(sim) == {"Service reviews"}
