"""Routes of the user in the middle of life: several at once, special rules, other hands, refusals and farewells."""

import pytest

from delivery.cluster.memory import ForbiddenError
from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Ref
from delivery.cluster.policies import GUARDED, SIDECARS
from delivery.workloads.ownership import MANAGER
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, ROUTE, TARGET
from tests.simulation.own_routes import (
    NAME,
    NAMESPACE,
    ROUTES,
    OwnRoutes,
    OwnSubsets,
    reference,
    split,
    subset_split,
    theirs,
    to,
    virtual_service,
)
from tests.simulation.scenes import foreign, is_silent, recovers, says, served

FRONT = Ref(VIRTUAL_SERVICES, NAMESPACE, "front")


@pytest.fixture
def sim():
    with OwnRoutes(41) as world:
        yield world


@pytest.fixture
def by_subset():
    with OwnSubsets(43) as world:
        yield world


def initialised(sim, **options):
    sim.set_up(**options)
    sim.start_controller()
    sim.until_phase("Initialized")
    served(sim)


def on_gateway(**more):
    return virtual_service(split("front"), name="front", hosts=("a.example.com",), gateways=["istio/front"], **more)


def at(sim, share, *, ref=ROUTES, name="main", seconds=120):
    sim.until(lambda: sim.shares(name, ref)[1] == share, seconds=seconds, what=f"{share} on {ref} {name}")


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


# -- other hands


def test_users_taken_off_the_canary_by_hand_stay_off(sim):
    initialised(sim)
    sim.release("v2")
    at(sim, 50)
    route = sim.route()
    route["route"][0]["weight"], route["route"][1]["weight"] = 80, 20
    sim.merge(ROUTES, {"spec": {"http": [route]}})
    says(sim, "Ready", "Watching", event=False)
    sim.until(lambda: sim.status.reason == "ManualOverride", seconds=30, what="the override")
    sim.loop.advance(30)
    assert sim.shares() == [80, 20]
    sim.edit(paused=True)
    sim.loop.advance(5)
    sim.edit(paused=False)
    recovers(sim)


def test_an_edit_of_the_users_in_the_middle_of_a_run_stays_and_costs_no_step(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER])
    sim.release("v2")
    at(sim, 10)
    rules = [{**sim.route(), "timeout": "9s"}, {"name": "mine", "route": [to("archive", 100)]}]
    sim.merge(ROUTES, {"spec": {"http": rules}})
    sim.until(lambda: sim.fronts() != [], seconds=20, what="the testers' rule again")
    front = next(each for each in sim.store.peek(ROUTES)["spec"]["http"] if each["name"] == sim.fronts()[0])
    assert front["timeout"] == "9s", "a copy of the route as it is"
    recovers(sim)
    assert sim.route()["timeout"] == "9s"
    assert sim.route("mine") == rules[1]


def test_a_route_taken_out_of_the_canary_in_the_middle_of_a_run_is_given_back(sim):
    """Its share would have ended with the canary's pods."""
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2", quality="bad")
    at(sim, 10, ref=FRONT, name="front")
    sim.merge(CANARY, {"spec": {"routeRefs": [reference("books")]}})
    recovers(sim, "Failed")
    assert sim.shares("front", FRONT) == [100, 0]
    assert not sim.store.peek(FRONT)["metadata"].get("annotations"), "neither our note nor the fence"


@pytest.mark.parametrize("lost", ["request", "response"])
def test_what_is_given_back_keeps_nothing_of_ours_although_the_last_write_got_no_answer(sim, lost):
    """The next write after one without an answer changes the object whatever it says: it must not leave a mark. And
    nobody waits for an answer about what is the user's alone again.
    """
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2", quality="bad")
    at(sim, 10, ref=FRONT, name="front")
    struck = []

    def strike(request):
        if request.verb == "patch" and request.name == FRONT.name and not struck:
            struck.append(request)
            setattr(sim.faults, f"lose_{lost}", 1.0)
            sim.loop.call_later(0.2, sim.faults.heal, context=sim.loop.world)

    for api in sim.apis.values():
        api.before = strike
    sim.merge(CANARY, {"spec": {"routeRefs": [reference("books")]}})
    recovers(sim, "Failed")
    assert struck
    assert sim.shares("front", FRONT) == [100, 0]
    assert not sim.store.peek(FRONT)["metadata"].get("annotations")


# -- refused, and mended


def test_nothing_happens_before_the_routes_are_as_they_have_to_be(sim):
    missing = virtual_service({"name": "main", "route": [to(NAME)]})
    sim.set_up(routes=[missing])
    sim.start_controller()
    says(sim, "Ready", "DestinationMissing", f"{NAME}-canary.shop.svc.cluster.local", "weight 0")
    assert sim.store.peek(Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-primary")) is None
    sim.merge(ROUTES, {"spec": {"http": [split()]}})
    sim.until_phase("Initialized")
    served(sim)


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


# -- farewells


def test_a_canary_deleted_in_the_middle_of_a_run_leaves_users_with_the_role_that_works(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER])
    sim.release("v2")
    at(sim, 10)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary gone")
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
        sim.promises.tampered()
        sim.store.delete(CANARY)
        sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the Canary gone")
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
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=30, what="the Canary gone")
    sim.merge(ROUTES, {"spec": {"hosts": ["old.example.com"], "gateways": ["istio/front"]}})
    sim.loop.advance(5.0)
    sim.apply(CANARIES, bookinfo.canary())
    sim.until_phase("Initialized")
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
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary gone")
    sim.merge(ROUTES, {"spec": {"hosts": ["old.example.com"], "gateways": ["istio/front"]}})
    sim.loop.advance(5.0)
    sim.apply(CANARIES, bookinfo.canary())
    sim.until_phase("Initialized")
    sim.merge(ROUTES, {"metadata": {"annotations": restored}})
    sim.loop.advance(60.0)
    assert restored.items() <= sim.store.peek(ROUTES)["metadata"].get("annotations", {}).items()


# -- tools that want the weights back


def test_a_tool_that_writes_the_weights_of_its_file_again_and_again_is_named(sim):
    initialised(sim)
    sim.release("v2")
    at(sim, 10)
    took = []

    def fight(event):
        if event.ref == ROUTES and sim.shares() != [70, 30]:
            sim.loop.call_later(1.5, take, context=sim.loop.world)

    def take():
        if sim.shares() != [70, 30]:
            took.append(sim.loop.time())
            sim.merge(
                ROUTES, {"spec": {"http": [split(route=[to(NAME, 70), to(f"{NAME}-canary", 30)])]}}, manager="helm"
            )

    sim.store.observers.append(fight)
    take()
    says(sim, "Contested", "Contested", "helm", "ignore them")
    sim.loop.advance(40.0)
    assert len(took) <= 4, f"stepped back, yet fought at {took}"
    sim.store.observers.remove(fight)
    recovers(sim)
