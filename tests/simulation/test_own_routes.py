"""Routes of the user: a rollout moves weights on them, and all else is theirs before, during and after."""

import pytest

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Ref
from tests.simulation.invariants import ROUTE, TARGET
from tests.simulation.own_routes import (
    NAME,
    NAMESPACE,
    SUBSETS,
    OwnRoutes,
    OwnSubsets,
    at,
    theirs,
)
from tests.simulation.scenes import recovers, served


@pytest.fixture
def sim():
    with OwnRoutes(31) as world:
        yield world


@pytest.fixture
def by_subset():
    with OwnSubsets(32) as world:
        yield world


def initialised(sim, **options):
    sim.set_up(**options)
    before = {ref: theirs(sim.store.peek(ref)) for ref in _theirs(sim)}
    sim.start_controller()
    sim.until_phase("Initialized")
    served(sim)
    return before


def _theirs(sim):
    routes = [Ref.of(VIRTUAL_SERVICES, each) for each in sim.store.scan(VIRTUAL_SERVICES, NAMESPACE)]
    return [*routes, *([SUBSETS] if sim.store.peek(SUBSETS) else [])]


def unchanged(sim, before):
    """No object of theirs is another one than before, and none of ours has come beside it."""
    assert {ref: theirs(sim.store.peek(ref)) for ref in before} == before
    assert set(_theirs(sim)) == set(before)


def test_the_apex_host_is_the_primary_so_that_no_request_is_lost_on_the_way_there(sim):
    before = initialised(sim)

    assert sim.shares() == [100, 0]
    assert sim.store.peek(ROUTE) is None, "no VirtualService of ours"
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0
    assert sim.store.peek(Ref(DESTINATION_RULES, NAMESPACE, f"{NAME}-canary")) is not None
    unchanged(sim, before)


def test_a_good_version_is_promoted_over_the_users_route(sim):
    before = initialised(sim)
    sim.release("v2")
    at(sim, 10)
    assert sim.shares() == [90, 10]
    at(sim, 50)
    recovers(sim)
    assert sim.shares() == [100, 0]
    unchanged(sim, before)


def test_a_bad_version_leaves_the_users_route_as_it_was(sim):
    before = initialised(sim)
    sim.release("v2", quality="bad")
    at(sim, 10)
    recovers(sim, "Failed")
    assert sim.shares() == [100, 0]
    unchanged(sim, before)


def test_subsets_of_the_apex_host_are_the_roles(by_subset):
    sim = by_subset
    before = initialised(sim)
    assert sim.shares() == [100, 0]
    assert sim.store.peek(Ref(DESTINATION_RULES, NAMESPACE, f"{NAME}-canary")) is None, "the roles have no rule of ours"

    sim.release("v2")
    at(sim, 50)
    recovers(sim)
    sim.release("v3", quality="bad")
    at(sim, 10)
    recovers(sim, "Failed")
    assert sim.shares() == [100, 0]
    unchanged(sim, before)
