"""Routes of the user in the middle of a run: several at once, and what weights cannot say."""

import pytest

from delivery.cluster.memory import ForbiddenError
from delivery.cluster.objects import SERVICES
from delivery.workloads.ownership import MANAGER
from tests.simulation import bookinfo
from tests.simulation.invariants import TARGET
from tests.simulation.own_routes import (
    FRONT,
    NAME,
    NAMESPACE,
    ROUTES,
    OwnRoutes,
    at,
    initialised,
    on_gateway,
    reference,
    split,
    theirs,
    to,
    virtual_service,
)
from tests.simulation.scenes import is_silent, recovers, says


@pytest.fixture
def sim():
    with OwnRoutes(41) as world:
        yield world


# -- several at once


def test_all_of_several_move_together_and_go_back_although_one_write_fails(sim):
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2")
    at(sim, 10)
    at(sim, 10, ref=FRONT, name="front")

    def refuse(admission):
        if admission.ref == FRONT and admission.manager == MANAGER:
            raise ForbiddenError("no")

    sim.store.admission.append(refuse)
    sim.workloads.break_pods(f"app={NAME}", "crash-loop")
    sim.until(lambda: sim.shares()[1] == 0, seconds=10, what="the other one back at once")
    says(sim, "TrafficSynced", "WriteDenied", event=False)
    sim.loop.advance(60)
    assert sim.shares("front", FRONT)[1] == 10
    assert sim.store.peek(TARGET)["spec"]["replicas"] > 0, "pods stay while a route leads to them"
    sim.store.admission.remove(refuse)
    sim.until_phase("Failed")
    assert sim.shares("front", FRONT) == [100, 0]


def test_a_delegate_is_moved_like_any_other(sim):
    root = virtual_service(
        {"match": [{"uri": {"prefix": "/"}}], "delegate": {"name": "books", "namespace": NAMESPACE}}, name="root"
    )
    delegate = virtual_service(split(), hosts=())
    initialised(sim, routes=[root, delegate], spec={"routeRefs": [reference("books")]})
    sim.release("v2")
    at(sim, 50)
    recovers(sim)
    assert sim.shares() == [100, 0]


def test_other_destinations_keep_their_share_and_a_rest_that_is_too_small_is_said(sim):
    sim.promises.coarse = 101.0
    route = {"name": "main", "route": [to(NAME, 3), to(f"{NAME}-canary", 0), to("archive", 97)]}
    sim.apply(SERVICES, _archive())
    initialised(sim, routes=[virtual_service({**route, "match": [{"uri": {"prefix": "/old"}}]}, split("rest"))])
    sim.release("v2")
    at(sim, 10, name="rest")
    says(sim, "CoarseWeights", "CoarseWeights", "10 %", "the canary gets 0")
    at(sim, 50, name="rest")
    assert sim.shares() == [2, 1, 97]
    recovers(sim)
    assert sim.shares() == [3, 0, 97]
    assert is_silent(sim, "CoarseWeights", "CoarseWeights")


def _archive():
    body = bookinfo.service()
    spec = {**body["spec"], "selector": {"app": "archive"}}
    return {**body, "metadata": {"name": "archive", "namespace": NAMESPACE}, "spec": spec}


# -- what weights cannot say


def test_those_who_match_meet_the_canary_by_a_rule_in_front(sim):
    initialised(sim, stepWeights=None, iterations=3, match=[bookinfo.INSIDER])
    before = theirs(sim.store.peek(ROUTES))
    sim.release("v2")
    sim.until(lambda: sim.fronts() == ["progressive-delivery-matched/shop/reviews/main"], seconds=60, what="the rule")
    assert sim.shares() == [100, 0]
    sim.loop.advance(10.0)
    assert sim.promises.met("insiders", "canary") > 0
    assert sim.promises.met("productpage", "canary") == 0
    recovers(sim)
    assert sim.fronts() == []
    assert theirs(sim.store.peek(ROUTES)) == before


def test_testers_and_cookies_have_rules_in_front_while_a_run_needs_them(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER], sessionAffinity={"cookieName": "v"})
    before = theirs(sim.store.peek(ROUTES))
    sim.release("v2")
    at(sim, 10)
    kinds = [name.split("/")[0].removeprefix("progressive-delivery-") for name in sim.fronts()]
    assert kinds == ["testers", "canary-cookie", "split"]
    recovers(sim)
    assert sim.fronts() == []
    assert theirs(sim.store.peek(ROUTES)) == before


def test_copies_go_out_before_the_first_user(sim):
    initialised(sim, mirror=True, mirrorWeight=20)
    sim.release("v2")
    sim.until(lambda: any("split" in name for name in sim.fronts()), seconds=60, what="the copies")
    assert sim.shares() == [100, 0]
    recovers(sim)
    assert sim.fronts() == []
