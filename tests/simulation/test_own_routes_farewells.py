"""Canaries that leave routes of the user: users stay served, and nothing of ours is left on what is not ours."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY
from tests.simulation.own_routes import (
    NAME,
    NAMESPACE,
    ROUTES,
    OwnRoutes,
    OwnSubsets,
    at,
    initialised,
    theirs,
)
from tests.simulation.scenes import recovers, served


@pytest.fixture
def sim():
    with OwnRoutes(41) as world:
        yield world


def deleted(sim, within=60):
    """The Canary is deleted, and gone."""
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=within, what="the Canary gone")


def made_anew(sim):
    """It comes back with a route of its own; that of the user leads elsewhere meanwhile."""
    deleted(sim)
    sim.merge(ROUTES, {"spec": {"hosts": ["old.example.com"], "gateways": ["istio/front"]}})
    sim.loop.advance(5.0)
    sim.apply(CANARIES, bookinfo.canary())
    sim.until_phase("Initialized")


def test_a_canary_deleted_in_the_middle_of_a_run_leaves_users_with_the_role_that_works(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER])
    sim.release("v2")
    at(sim, 10)
    deleted(sim)
    assert (sim.shares(), sim.fronts()) == ([100, 0], [])
    sim.loop.advance(10.0)
    served(sim)


@pytest.mark.parametrize("world", [OwnRoutes, OwnSubsets])
def test_a_revert_gives_routes_and_target_back_without_a_request_lost(world):
    with world(47) as sim:
        sim.set_up()
        sim.merge(CANARY, {"spec": {"revertOnDeletion": True}})
        before, selector = theirs(sim.store.peek(ROUTES)), sim.store.peek(APEX)["spec"]["selector"]
        sim.start_controller()
        sim.until_phase("Initialized")
        deleted(sim, within=300)
        sim.loop.advance(10.0)
        served(sim)
        assert theirs(sim.store.peek(ROUTES)) == before
        assert sim.shares() == ([0, 100] if sim.subsets else [100, 0])
        assert sim.store.peek(APEX)["spec"]["selector"] == selector
        assert not sim.store.peek(ROUTES)["metadata"].get("annotations")
        assert sim.store.peek(Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-primary")) is None


def test_a_canary_made_anew_may_have_a_route_of_its_own(sim):
    """Notes of a run that is over are no weights: what served users serves them until the managed route does."""
    initialised(sim)
    made_anew(sim)
    assert sim.weight == 0
    assert not sim.store.peek(ROUTES)["metadata"].get("annotations"), "nothing of us is left on it"
    served(sim)


def test_a_note_of_weights_that_are_still_there_is_not_taken_off_as_if_its_run_were_over(sim):
    """Somebody restores the route as it was in the middle of a run: the note is all that says whose its weights are."""
    initialised(sim)
    sim.release("v2")
    at(sim, 10)
    restored = sim.store.peek(ROUTES)["metadata"]["annotations"]
    recovers(sim)
    made_anew(sim)
    sim.merge(ROUTES, {"metadata": {"annotations": restored}})
    sim.loop.advance(60.0)
    assert restored.items() <= sim.store.peek(ROUTES)["metadata"].get("annotations", {}).items()
