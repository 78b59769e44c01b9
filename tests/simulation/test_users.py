"""Users are judged by a mesh whose proxies are late: it sees losses that the routes and the pods do not show."""

import pytest

from delivery.cluster.objects import DESTINATION_RULES, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import TARGET
from tests.simulation.scenes import at_weight, foreign, initialised, pods_of, served, set_weight
from tests.simulation.simulation import SETTLE, Simulation


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def test_a_run_in_peace_loses_nobody(sim):
    at_weight(sim)
    sim.loop.advance(SETTLE)
    served(sim)
    mesh = sim.promises._mesh.look()
    assert mesh.requests(reporter="destination", destination_workload="reviews") > 0


def test_a_destination_that_is_gone_is_noticed_though_all_pods_are_ready(sim):
    sim.kill(at_weight(sim), restart=False)
    sim.loop.advance(SETTLE)
    sim.store.delete(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-canary"))
    sim.loop.advance(SETTLE)

    assert sim.promises.users_lost
    assert ("lost", "NC", "reviews-canary") in sim.promises.unserved


def test_the_last_pods_of_a_role_are_missed_as_soon_as_they_are_told_to_go(sim):
    at_weight(sim)
    sim.loop.advance(SETTLE)
    for ref in pods_of(sim, TARGET, ready=True):
        sim.store.delete(ref)
    sim.loop.advance(0.1)

    assert {where for _, _, where in sim.promises.unserved} == {"reviews-canary"}, (
        "answered by nobody, or for the last time"
    )


def test_a_weight_on_a_role_without_pods_is_noticed_in_whatever_order_proxies_hear_of_it(sim):
    sim.kill(initialised(sim), restart=False)
    set_weight(sim, 5)
    sim.loop.advance(SETTLE)
    set_weight(sim, 0)

    assert ("lost", "UH", "reviews-canary") in sim.promises.unserved


def test_what_the_mesh_cannot_read_leaves_users_where_they_were(sim):
    initialised(sim)
    body = foreign(DESTINATION_RULES, "odd", {"host": "reviews", "subsets": [{"name": "x", "colour": "red"}]})
    sim.apply(DESTINATION_RULES, body)
    sim.loop.advance(SETTLE)

    assert "subsets[0].colour" in str(sim.promises._mesh.look().problems)
    served(sim)
