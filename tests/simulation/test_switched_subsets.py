"""Versions that are subsets of the user's: promotions move weights on the user's routes, late proxies looking on."""

import pytest

from delivery.cluster.objects import DEPLOYMENTS, VIRTUAL_SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, COPY, PRIMARY, ROUTE
from tests.simulation.own_routes import NAME, NAMESPACE, reference, split, to, virtual_service
from tests.simulation.scenes import at_weight, events, initialised, recovers, says, served
from tests.simulation.switched_subsets import LEADS, ROUTES, SUBSETS, SwitchedSubsets, all_v1, shares, subsets

JASON = {"name": "jason", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "route": [to(NAME, subset="v2")]}
"""Bookinfo's route of one user to a version that nobody else meets."""


@pytest.fixture
def sim():
    with SwitchedSubsets(31) as world:
        yield world


def rule(sim, name="main"):
    return next(each for each in sim.store.peek(ROUTES)["spec"]["http"] if each["name"] == name)


def test_a_canary_takes_over_bookinfo_as_it_comes_and_writes_nothing_that_anybody_reads(sim):
    before = bookinfo.service()["spec"]
    initialised(sim)
    assert sim.shares_now() == {"v1": 100}
    assert rule(sim) == all_v1()
    assert sim.store.peek(APEX)["spec"]["selector"] == before["selector"]
    assert sim.store.peek(SUBSETS)["spec"] == subsets("v1", "v2", "v3")["spec"]
    assert sim.store.peek(ROUTE) is None
    assert sim.store.peek(PRIMARY) is None
    served(sim)


def test_naming_a_version_moves_weights_to_its_subset_and_a_promotion_all_of_them(sim):
    initialised(sim)
    sim.release("v2")
    sim.until(lambda: sim.shares_now() == {"v1": 90, "v2": 10}, seconds=120, what="the first step")
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}
    assert sim.version_of(LEADS) == "v2"
    sim.release("v3")
    sim.until(lambda: sim.shares_now() == {"v2": 90, "v3": 10}, seconds=120, what="the next version's first step")
    recovers(sim)
    assert sim.shares_now() == {"v3": 100}
    assert [sim.replicas(each) for each in ("v1", "v2", "v3")] == [2, 2, 2]


def test_a_bad_version_gives_its_share_back_to_the_version_that_serves(sim):
    initialised(sim)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert sim.shares_now() == {"v1": 100}
    sim.release("v3")
    recovers(sim)
    assert sim.shares_now() == {"v3": 100}


def test_other_routes_and_other_destinations_keep_what_they_have(sim):
    sim.deploy("v2")
    sim.deploy("v3")
    shared = all_v1(timeout="3s", route=[to(NAME, 80, subset="v1"), to(NAME, 20, subset="v3")])
    other = split("other", match=[{"uri": {"prefix": "/old"}}], route=[to(NAME, subset="v3")])
    initialised(sim, routes=[virtual_service(JASON, other, shared)])
    sim.release("v2")
    sim.until(lambda: sim.shares_now() == {"v1": 72, "v2": 8, "v3": 20}, seconds=120, what="10 % of what is left")
    assert rule(sim, "jason") == JASON, "who tries a version by a route of his own goes on doing so"
    recovers(sim)
    assert sim.shares_now() == {"v2": 80, "v3": 20}
    assert (rule(sim, "jason"), rule(sim, "other")) == (JASON, other)
    assert rule(sim)["timeout"] == "3s"


def test_only_named_routes_are_moved(sim):
    kept = all_v1(name="kept", match=[{"uri": {"prefix": "/kept"}}])
    initialised(
        sim, routes=[virtual_service(kept, all_v1())], spec={"routeRefs": [reference("books", "main")]}
    )
    sim.release("v2")
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}
    assert rule(sim, "kept") == kept


def test_a_route_with_all_its_versions_keeps_all_of_them(sim):
    route = [to(NAME, 100, subset="v1"), to(NAME, 0, subset="v2"), to(NAME, 0, subset="v3")]
    initialised(sim, routes=[virtual_service(all_v1(route=route))])
    sim.release("v3")
    recovers(sim)
    assert [(each["destination"]["subset"], each["weight"]) for each in rule(sim)["route"]] == [
        ("v1", 0), ("v2", 0), ("v3", 100),
    ]  # fmt: skip


def test_going_back_is_instant_while_the_way_is_open(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.release("v1")
    sim.until(lambda: sim.shares_now() == {"v1": 100}, seconds=5, what="users back on v1")
    recovers(sim)
    assert "without another analysis" in events(sim, "GoingBack")[-1]
    sim.release("v2")
    sim.until(lambda: sim.shares_now() == {"v2": 100}, seconds=5, what="and forth again")
    recovers(sim)


def test_after_its_time_the_previous_version_is_a_version_like_any(sim):
    initialised(sim, promotion={"keepPreviousSeconds": 30})
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(40.0)
    sim.release("v1")
    sim.until(lambda: sim.shares_now() == {"v2": 90, "v1": 10}, seconds=60, what="the first step of an analysis")
    recovers(sim)
    assert sim.shares_now() == {"v1": 100}


def test_a_bake_holds_everybody_on_the_new_version_before_the_old_one_is_given_up(sim):
    initialised(sim, promotion={"bakeSeconds": 20})
    sim.release("v2")
    sim.until(lambda: sim.shares_now() == {"v2": 100}, seconds=200, what="everybody on v2")
    assert sim.version_of(LEADS) == "v1"
    sim.analyst.turned = "bad"
    recovers(sim, "Failed")
    assert sim.shares_now() == {"v1": 100}


def test_another_version_in_the_middle_of_a_run_begins_at_nothing(sim):
    at_weight(sim, 50)
    sim.release("v3", behaviour="never-ready")
    sim.until(lambda: sim.shares_now() == {"v1": 100}, seconds=30, what="no users on v2")
    assert sim.version_of(COPY) == "v2", "late proxies still send there"
    sim.until(lambda: sim.version_of(COPY) == "v3", seconds=30, what="the newer version")
    recovers(sim, "Failed")
    assert sim.shares_now() == {"v1": 100}


def test_naming_the_promoted_one_in_the_middle_of_a_run_cancels_it(sim):
    at_weight(sim, 50)
    sim.release("v1")
    sim.until(lambda: sim.status.reason == "RevertedToPromoted", seconds=60, what="the end of the run")
    recovers(sim)
    assert sim.shares_now() == {"v1": 100}


def test_what_matches_meets_the_new_version_and_nobody_else_does(sim):
    initialised(sim, match=[bookinfo.INSIDER], stepWeights=None, iterations=2)
    sim.release("v2")
    sim.until(lambda: len(sim.fronts()) == 1, seconds=60, what="a rule in front")
    assert sim.shares_now() == {"v1": 100}
    recovers(sim)
    assert (sim.shares_now(), sim.fronts()) == ({"v2": 100}, [])


def test_a_hand_edit_that_takes_users_off_the_new_version_is_held(sim):
    at_weight(sim, 50)
    sim.merge(ROUTES, {"spec": {"http": [all_v1(route=[to(NAME, 80, subset="v1"), to(NAME, 20, subset="v2")])]}})
    sim.until(lambda: sim.status.run.override == 20, seconds=10, what="the override")
    sim.loop.advance(60.0)
    assert sim.shares_now() == {"v1": 80, "v2": 20}
    sim.release("v3")
    recovers(sim)
    assert sim.shares_now() == {"v3": 100}


def test_a_hand_edit_that_gives_the_new_version_more_is_repaired(sim):
    at_weight(sim, 10)
    sim.merge(ROUTES, {"spec": {"http": [all_v1(route=[to(NAME, 0, subset="v1"), to(NAME, 100, subset="v2")])]}})
    sim.until(lambda: sim.shares_now() == {"v1": 90, "v2": 10}, seconds=20, what="10 % again")
    recovers(sim)


def test_routes_that_somebody_leads_back_to_the_version_before_are_led_to_the_one_that_serves(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.merge(ROUTES, {"spec": {"http": [all_v1()]}})
    sim.until(lambda: sim.shares_now() == {"v2": 100}, seconds=20, what="v2 again")
    served(sim)


def test_a_version_without_a_subset_waits_for_it(sim):
    initialised(sim, rule=subsets("v1"))
    sim.release("v2")
    says(sim, "Ready", "SubsetNotFound", "reviews-v2", "version=v2", event=False)
    sim.loop.advance(60.0)
    assert sim.shares_now() == {"v1": 100}
    sim.merge(SUBSETS, {"spec": subsets("v1", "v2")["spec"]})
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}


def test_two_subsets_of_one_version_are_refused_and_one_of_all_versions_is_no_matter(sim):
    everything = {"name": "all", "labels": {"app": NAME}}
    twice = {"name": "fast", "labels": {"version": "v2"}}
    given = subsets("v1", "v2")["spec"]["subsets"]
    initialised(sim, rule=subsets(subsets=[everything, *given]))
    sim.merge(SUBSETS, {"spec": {"subsets": [everything, *given, twice]}})
    sim.loop.advance(1.0)
    sim.release("v2")
    says(sim, "Ready", "SubsetAmbiguous", "v2, fast", event=False)
    sim.merge(SUBSETS, {"spec": {"subsets": [everything, *given]}})
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}


def test_a_subset_that_selects_two_versions_tells_none(sim):
    shared = {"name": "v2", "labels": {"app": NAME}}
    initialised(sim)
    sim.merge(SUBSETS, {"spec": {"subsets": [*subsets("v1")["spec"]["subsets"], shared]}})
    sim.release("v2")
    says(sim, "Ready", "SubsetSelectsWrongPods", "reviews-v1", event=False)
    assert sim.shares_now() == {"v1": 100}


def test_users_can_be_taken_off_a_subset_that_somebody_deletes_in_the_middle_of_a_run(sim):
    at_weight(sim, 10)
    sim.merge(SUBSETS, {"spec": {"subsets": subsets("v1")["spec"]["subsets"]}})
    sim.loop.advance(40.0)
    assert sim.shares_now() == {"v1": 90, "v2": 10}, "the weight no longer rises"
    sim.analyst.turned = "bad"
    sim.until(lambda: sim.shares_now() == {"v1": 100}, seconds=60, what="all users on v1")
    sim.until_phase("Failed")


def test_a_route_without_a_subset_would_lead_to_every_version(sim):
    leaking = virtual_service(split("leak", route=[to(NAME)]), name="leak", hosts=("shop.example.com",), gateways=["g"])
    sim.set_up()
    sim.apply(VIRTUAL_SERVICES, leaking)
    sim.start_controller()
    says(sim, "Ready", "LeakingRoute", "shop/leak")
    sim.store.delete(Ref(VIRTUAL_SERVICES, NAMESPACE, "leak"))
    sim.until_phase("Initialized")


def test_a_route_that_leads_to_no_version_that_serves_is_refused(sim):
    sim.set_up(routes=[virtual_service(all_v1(route=[to(NAME, subset="v3")]))])
    sim.start_controller()
    says(sim, "Ready", "DestinationMissing", "subset v1")


def test_a_previous_version_without_pods_keeps_users_where_they_are(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    previous = Ref(DEPLOYMENTS, NAMESPACE, "reviews-v1")
    sim.merge(previous, {"spec": {"replicas": 0}})
    sim.loop.advance(10.0)
    sim.release("v1")
    sim.loop.advance(20.0)
    assert (sim.shares_now(), sim.replicas("v1")) == ({"v2": 100}, 0)
    sim.merge(previous, {"spec": {"replicas": 2}})
    sim.until(lambda: sim.shares_now() == {"v1": 100}, seconds=60, what="users back on v1")
    recovers(sim)


@pytest.mark.parametrize("moment", [0.2, 5.0, 7.0, 20.0, 31.3, 31.5, 33.8, 34.0, 38.0])
def test_a_controller_killed_in_the_middle_of_a_run_finishes_it(sim, moment):
    initialised(sim)
    sim.release("v2")
    sim.loop.advance(moment)
    sim.kill(sim.alive[0])
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}


@pytest.mark.parametrize("weight", [10, 50])
def test_a_lost_status_is_read_from_what_serves(sim, weight):
    at_weight(sim, weight)
    sim.promises.tampered()
    sim.merge(CANARY, {"status": None}, subresource="status")
    recovers(sim)
    assert sim.shares_now() == {"v2": 100}


def test_deleting_the_canary_leaves_routes_on_the_version_that_serves(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.release("v3")
    sim.until(lambda: sim.shares_now() == {"v2": 50, "v3": 50}, seconds=120, what="the last step")
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary gone")
    sim.loop.advance(30.0)
    assert sim.shares_now() == {"v2": 100}
    served(sim)


def test_an_idle_canary_asks_for_nothing(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(120.0)
    before = len(sim.requests())
    sim.loop.advance(120.0)
    asked = [each for each in sim.requests()[before:] if each.verb not in ("watch", "list")]
    assert {each.kind.kind for each in asked} <= {"Lease"}


def test_testers_meet_the_new_version_alone(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER])
    sim.release("v2")
    sim.until(lambda: len(sim.fronts()) == 1, seconds=60, what="a rule for testers")
    [front] = [each for each in sim.store.peek(ROUTES)["spec"]["http"] if "/" in each["name"]]
    assert [each["destination"]["subset"] for each in front["route"]] == ["v2"]
    recovers(sim)
    assert (sim.shares_now(), sim.fronts()) == ({"v2": 100}, [])


def test_copies_go_to_the_new_version_before_its_first_user(sim):
    initialised(sim, mirror=True)
    sim.release("v2")
    sim.until(lambda: len(sim.fronts()) == 1, seconds=60, what="copies")
    [front] = [each for each in sim.store.peek(ROUTES)["spec"]["http"] if "/" in each["name"]]
    assert front["mirror"]["subset"] == "v2"
    recovers(sim)
    assert (sim.shares_now(), sim.fronts()) == ({"v2": 100}, [])


def test_users_stay_with_the_version_that_they_met(sim):
    initialised(sim, sessionAffinity={"cookieName": "version", "primaryCookieName": "stays"})
    sim.release("v2")
    sim.until(lambda: len(sim.fronts()) == 3, seconds=60, what="rules for cookies")
    recovers(sim)
    assert (sim.shares_now(), sim.fronts()) == ({"v2": 100}, [])


def test_a_route_that_is_named_no_more_is_let_go_with_the_run(sim):
    second = virtual_service(all_v1(), name="second", hosts=("shop.example.com",), gateways=["istio/front"])
    initialised(sim, routes=[virtual_service(all_v1()), second])
    sim.release("v2")
    sim.until(lambda: sim.shares_now() == {"v1": 50, "v2": 50}, seconds=120, what="the last step")
    sim.merge(CANARY, {"spec": {"routeRefs": [reference("books")]}})
    recovers(sim)
    second = Ref(VIRTUAL_SERVICES, NAMESPACE, "second")
    assert shares(sim.store.peek(second)) == {"v2": 100}
    assert not [key for key in sim.store.peek(second)["metadata"].get("annotations") or {} if "routes-" in key]


def test_a_third_version_that_was_given_everybody_by_hand_keeps_them_until_its_people_act(sim):
    """They are no role's weights: whoever set them says to whom they belong, and the next run waits for that."""
    sim.deploy("v2")
    sim.deploy("v3")
    initialised(sim)
    sim.promises.tampered()
    sim.merge(ROUTES, {"spec": {"http": [all_v1(route=[to(NAME, 0, subset="v1"), to(NAME, 100, subset="v2")])]}})
    sim.loop.advance(2.0)  # the controller has heard of it when the release comes
    sim.release("v3")
    both = ", subset v1 or host reviews.shop.svc.cluster.local, subset v3; leave some weight there"
    says(sim, "Ready", "NoShare", "nothing to host", both, event=False)
    assert sim.shares_now() == {"v2": 100}
    served(sim)

    sim.merge(ROUTES, {"spec": {"http": [all_v1()]}})
    recovers(sim)
    assert sim.shares_now() == {"v3": 100}
