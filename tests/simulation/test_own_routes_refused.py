"""Routes of the user that cannot be moved hold every run, say what is wrong with them, and are moved when mended."""

import pytest

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, VIRTUAL_SERVICES, Ref
from delivery.cluster.policies import GUARDED, SIDECARS
from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY, ROUTE
from tests.simulation.own_routes import (
    FRONT,
    NAME,
    NAMESPACE,
    ROUTES,
    OwnRoutes,
    OwnSubsets,
    at,
    initialised,
    on_gateway,
    reference,
    split,
    subset_split,
    to,
    virtual_service,
)
from tests.simulation.scenes import foreign, is_silent, recovers, says, served


@pytest.fixture
def sim():
    with OwnRoutes(41) as world:
        yield world


@pytest.fixture
def by_subset():
    with OwnSubsets(43) as world:
        yield world


def test_nothing_happens_before_the_routes_are_as_they_have_to_be(sim):
    missing = virtual_service({"name": "main", "route": [to(NAME)]})
    sim.set_up(routes=[missing])
    sim.start_controller()
    says(sim, "Ready", "DestinationMissing", f"{NAME}-canary.shop.svc.cluster.local", "weight 0")
    assert sim.store.peek(Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-primary")) is None
    sim.merge(ROUTES, {"spec": {"http": [split()]}})
    sim.until_phase("Initialized")
    served(sim)


@pytest.mark.parametrize(
    "route",
    [
        [to(NAME, 100), to(f"{NAME}-canary", 0)],  # short names are those of the namespace that the route is in
        [to("pay.bank.svc.cluster.local", 90), to(f"{NAME}.shop.svc.cluster.local", 10)],
        [to("pay.bank.svc.cluster.local", 100)],
    ],
    ids=["same-names", "one-role", "neither"],
)
def test_a_canary_takes_no_route_of_another_namespace_that_is_not_between_its_own_services(sim, route):
    there = Ref(VIRTUAL_SERVICES, "bank", "checkout")
    body = foreign(VIRTUAL_SERVICES, "checkout", {"hosts": ["pay"], "http": [split(route=route)]}, namespace="bank")
    sim.store.create(VIRTUAL_SERVICES, body, namespace="bank", manager="kubectl")
    before = sim.store.peek(there)
    sim.set_up(spec={"routeRefs": [reference("checkout", namespace="bank")]})
    sim.start_controller()
    says(sim, "Ready", "DestinationMissing", "VirtualService bank/checkout")
    sim.loop.advance(900.0)
    assert sim.store.peek(there) == before
    assert sim.store.peek(Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-primary")) is None


def test_a_virtual_service_that_is_deleted_holds_the_next_run_and_no_rollback(sim):
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2")
    at(sim, 10)
    sim.store.delete(FRONT)
    says(sim, "Ready", "RouteNotFound", "VirtualService shop/front")
    sim.workloads.break_pods(f"app={NAME}", "crash-loop")
    sim.until_phase("Failed")
    assert sim.shares() == [100, 0]


def test_a_younger_canary_waits_for_the_route_of_an_older_one(sim):
    initialised(sim)
    other = bookinfo.canary()
    other["metadata"]["name"] = "another"
    other["spec"] |= {
        "targetRef": {**other["spec"]["targetRef"], "name": "other"},
        "routeRefs": [reference("books", "main")],
    }
    sim.loop.advance(2.0)
    body = bookinfo.deployment()
    body["metadata"]["name"] = "other"
    body["spec"]["selector"]["matchLabels"]["app"] = body["spec"]["template"]["metadata"]["labels"]["app"] = "other"
    sim.apply(DEPLOYMENTS, body)
    four = [to(NAME, 100), to(f"{NAME}-canary", 0), to("other", 50), to("other-canary", 0)]
    sim.merge(ROUTES, {"spec": {"http": [split(route=four)]}})
    sim.apply(CANARIES, other)
    rival = Ref(CANARIES, NAMESPACE, "another")

    def ready():
        conditions = (sim.store.peek(rival) or {}).get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == "Ready"), {})

    sim.until(lambda: ready().get("reason") == "RouteClaimed", seconds=30, what="the refusal")
    assert "shop/reviews" in ready()["message"]
    assert is_silent(sim, "Ready", "RouteClaimed"), "the older one goes on"

    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: ready().get("reason") != "RouteClaimed", seconds=30, what="the route free")


def test_routes_of_the_user_are_not_left_behind_in_silence(sim):
    """Servers before 1.25 know no rule about edits, so routeRefs can vanish in the middle of a run."""
    initialised(sim)
    sim.release("v2")
    at(sim, 10)
    sim.promises.tampered()
    sim.merge(CANARY, {"spec": {"routeRefs": None}})
    says(sim, "Ready", "RouteLeftBehind", "VirtualService shop/books", "progressive.delivery/routes-")
    sim.edit(routeRefs=[reference("books")])
    says(sim, "Ready", "RouteLeftBehind", "VirtualService shop/reviews", "delete it", event=False)
    sim.store.delete(ROUTE)
    recovers(sim)


def test_a_way_past_all_subsets_holds_every_run(by_subset):
    sim = by_subset
    initialised(sim)
    sim.merge(ROUTES, {"spec": {"http": [subset_split(route=sim.route()["route"]), {"route": [to(NAME)]}]}})
    says(sim, "Ready", "LeakingRoute", "http route number 2", "name a subset")
    sim.merge(ROUTES, {"spec": {"http": [sim.route()]}})
    sim.until(lambda: is_silent(sim, "Ready", "LeakingRoute"), seconds=30, what="the leak mended")


def test_a_subset_that_would_select_other_pods_holds_every_run(by_subset):
    sim = by_subset
    initialised(sim)
    subsets = [{"name": "stable", "labels": {"version": "v1"}}, {"name": "next", "labels": {"app": NAME}}]
    rule = Ref(DESTINATION_RULES, NAMESPACE, "versions")
    before = sim.store.peek(rule)["spec"]["subsets"]
    sim.merge(rule, {"spec": {"subsets": subsets}})
    says(sim, "Ready", "SubsetSelectsWrongPods", "app: reviews-primary")
    sim.merge(rule, {"spec": {"subsets": before}})
    sim.until(lambda: is_silent(sim, "Ready", "SubsetSelectsWrongPods"), seconds=30, what="the subset mended")


def test_a_sidecar_that_shows_the_apex_host_shows_its_subsets(by_subset):
    for kind in GUARDED:
        by_subset.store.register(custom_resource(kind))
    egress = {"egress": [{"hosts": [f"{NAMESPACE}/{NAME}.{NAMESPACE}.svc.cluster.local"]}]}
    by_subset.store.create(
        SIDECARS, foreign(SIDECARS, "default", egress, namespace="front"), namespace="front", manager="kubectl"
    )
    initialised(by_subset)
