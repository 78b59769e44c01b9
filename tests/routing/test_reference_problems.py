"""What keeps a Canary from routes of the user: each cause has a name and says what to change, and to what."""

import pytest

from delivery.api.affinity import SessionAffinity
from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Ref
from delivery.routing.reference_problems import claimed_problem, coarse_problem, route_problem
from delivery.routing.route_spec import Reference
from delivery.routing.router import Observed
from delivery.routing.subset_problems import leaking_problem, subset_problem
from delivery.workloads.names import Names
from strategies.traffic import Traffic
from tests.routing.by_reference import CANARY, SUBSETS, books, spec_of, split, to

NAMES = Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")
TESTER = ({"headers": {"x-tester": {"exact": "yes"}}},)
INSIDER = ({"headers": {"x-insider": {"regex": "a.*"}}},)


def observed(*bodies):
    kinds = {"VirtualService": VIRTUAL_SERVICES, "DestinationRule": DESTINATION_RULES}
    return Observed({Ref.of(kinds[each["kind"]], each): each for each in bodies})


def says(problem, reason, *words):
    assert problem is not None
    assert problem.reason == reason
    missing = [word for word in words if word not in problem.message]
    assert not missing, problem.message


# -- routes


def test_routes_that_name_both_roles_are_fine():
    assert route_problem(NAMES, spec_of(), observed(books(split(), {"name": "x", "route": [to("ratings")]}))) is None


def test_a_virtual_service_that_is_not_there_is_named():
    says(route_problem(NAMES, spec_of(), observed()), "RouteNotFound", "VirtualService shop/books")


def test_a_route_that_is_not_there_is_named_with_those_that_are():
    spec = spec_of(Reference("shop", "books", ("mian",)))

    says(route_problem(NAMES, spec, observed(books(split()))), "RouteNotFound", "http route mian", "it has main")


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ([to("reviews", 100)], ("host reviews-canary.shop.svc.cluster.local", "weight 0")),
        ([to(CANARY)], ("host reviews.shop.svc.cluster.local",)),
        ([to("reviews", 100), to("reviews-canary.other", 0)], ("reviews-canary.shop.svc.cluster.local",)),
    ],
)
def test_what_to_add_to_a_route_is_said_exactly(route, words):
    found = route_problem(NAMES, spec_of(), observed(books({"name": "main", "route": route})))

    says(found, "DestinationMissing", "http route main of VirtualService shop/books", "routeRefs[].routes", *words)


def test_a_named_route_without_any_role_needs_both():
    spec = spec_of(Reference("shop", "books", ("x",)))

    found = route_problem(NAMES, spec, observed(books({"name": "x", "route": [to("ratings")]})))

    says(found, "DestinationMissing", "reviews.shop.svc", "and host reviews-canary.shop.svc")


def test_a_virtual_service_without_any_route_of_ours_says_what_to_add():
    found = route_problem(NAMES, spec_of(), observed(books({"name": "x", "redirect": {"uri": "/"}})))

    says(found, "DestinationMissing", "reviews.shop.svc", "reviews-canary.shop.svc")


def test_a_role_that_stands_there_twice_has_no_share():
    twice = {"name": "main", "route": [to("reviews", 100), to(CANARY, 0), to("reviews-canary.shop", 0)]}

    says(route_problem(NAMES, spec_of(), observed(books(twice))), "DestinationTwice", "main")


def test_others_may_not_have_everything():
    nothing = {"name": "main", "route": [to("reviews", 0), to(CANARY, 0), to("ratings", 100)]}

    says(route_problem(NAMES, spec_of(), observed(books(nothing))), "NoShare", "main")


def test_two_conditions_on_one_header_cannot_be_said():
    match = [{"headers": {"x-insider": {"prefix": "b"}}}]

    found = route_problem(NAMES, spec_of(audience=INSIDER), observed(books(split(match=match))))

    says(found, "ConditionNotCombinable", "analysis.match", "headers.x-insider", "main")


def test_a_route_on_cookies_leaves_no_room_for_session_affinity():
    match = [{"headers": {"cookie": {"regex": "user=.*"}}}]
    spec = spec_of(affinity=SessionAffinity(cookieName="v"))

    says(route_problem(NAMES, spec, observed(books(split(match=match)))), "ConditionNotCombinable", "headers.cookie")


def test_a_cookie_of_the_user_leaves_no_room_for_ours():
    route = [to("reviews", 100, headers={"response": {"add": {"set-cookie": "a=b"}}}), to(CANARY, 0)]
    spec = spec_of(affinity=SessionAffinity(cookieName="v"))

    says(route_problem(NAMES, spec, observed(books({"name": "main", "route": route}))), "CookieTaken", "main")


def test_a_mirror_of_the_user_leaves_no_room_for_ours():
    body = books(split(mirror={"host": "sink"}))

    says(route_problem(NAMES, spec_of(mirrors=True), observed(body)), "MirrorTaken", "mirrors")
    assert route_problem(NAMES, spec_of(), observed(body)) is None


def test_connections_cannot_be_told_apart():
    body = books(tcp=[split("")])

    says(route_problem(NAMES, spec_of(testers=TESTER), observed(body)), "NeedsHttpRoute", "testerMatch")
    assert route_problem(NAMES, spec_of(), observed(body)) is None


def test_what_the_canary_names_no_longer_is_no_problem():
    spec = spec_of(Reference("shop", "books"), Reference("shop", "gone", leaving=True))

    assert route_problem(NAMES, spec, observed(books(split()))) is None


def test_an_older_canary_on_the_same_route_is_named():
    ref = Ref(VIRTUAL_SERVICES, "shop", "books")

    found = claimed_problem({ref: [("http", 0), ("http", 1)]}, "shop/other", {ref: [("http", 1)]})

    says(found, "RouteClaimed", "Canary shop/other", "http route number 2")
    assert claimed_problem({ref: [("http", 0)]}, "shop/other", {ref: [("http", 1)]}) is None


@pytest.mark.parametrize(
    ("rest", "weight", "coarse"), [(100, 5, False), (3, 10, True), (1000, 5, False), (40, 5, False)]
)
def test_a_rest_that_is_too_small_for_a_step_is_said(rest, weight, coarse):
    body = books({"name": "main", "route": [to("reviews", rest), to(CANARY, 0), to("ratings", 7)]})

    found = coarse_problem(NAMES, spec_of(), observed(body), Traffic.to_canary(weight))

    assert (found is not None) == coarse
    if coarse:
        says(found, "CoarseWeights", "main", "the roles 3", "10 %", "the canary gets 0")


# -- subsets

POD = {"app": "reviews", "version": "v2", "part": "reviews"}
COPY = {**POD, "app": "reviews-primary"}
OLD_COPY = {**COPY, "version": "v1"}
APEX = {"metadata": {"name": "reviews"}, "spec": {"selector": {"part": "reviews"}}}


def rule(*, stable=None, following=None, host="reviews"):
    subsets = [
        {"name": "stable", "labels": {"app": "reviews-primary"} if stable is None else stable},
        {"name": "next", "labels": {"app": "reviews"} if following is None else following},
    ]
    return {
        "kind": "DestinationRule",
        "metadata": {"name": "versions", "namespace": "shop"},
        "spec": {"host": host, "subsets": subsets},
    }


def subsets(*bodies, apex=APEX):
    spec = spec_of(subsets=SUBSETS)
    return subset_problem(NAMES, spec, observed(*bodies), apex=apex, canary=POD, primaries=(COPY, OLD_COPY))


@pytest.mark.parametrize("host", ["reviews", "reviews.shop", "reviews.shop.svc.cluster.local"])
def test_subsets_that_tell_the_roles_are_fine(host):
    assert subsets(rule(host=host)) is None


def test_a_rule_or_a_subset_that_is_not_there_is_named():
    says(subsets(), "SubsetNotFound", "DestinationRule shop/versions")
    body = rule()
    del body["spec"]["subsets"][1]
    says(subsets(body), "SubsetNotFound", "no subset next")


def test_a_rule_about_another_host_is_no_rule_for_us():
    says(subsets(rule(host="reviews.other")), "SubsetNotFound", "reviews.other", "reviews.shop.svc.cluster.local")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"stable": {}}, "everybody's pods"),
        ({"stable": {"part": "reviews"}}, "both roles'"),
        ({"stable": {"app": "reviews-primary", "version": "v1"}}, "those of a version that a promotion takes away"),
        ({"stable": {"app": "reviews"}}, "the other role's"),
        ({"following": {"app": "reviews", "version": "v1"}}, "nobody's"),
        ({"following": {"version": "v2"}}, "both roles', after a promotion"),
    ],
)
def test_a_subset_of_other_pods_is_refused_with_the_labels_to_give_it(labels, reason):
    wanted = "app: reviews-primary" if "stable" in labels else "app: reviews"

    says(subsets(rule(**labels)), "SubsetSelectsWrongPods", wanted)


@pytest.mark.parametrize("selector", [{}, {"app": "reviews"}, {"part": "reviews", "version": "v2"}])
def test_an_apex_service_of_one_role_would_leave_the_other_subset_empty(selector):
    apex = {"metadata": {"name": "reviews"}, "spec": {"selector": selector}}

    says(subsets(rule(), apex=apex), "ApexSelectsOneRole", "Service reviews")


def test_subsets_need_an_apex_service():
    says(subsets(rule(), apex=None), "ApexNotFound", "Service reviews")


# -- ways past all subsets

SPLIT = {"name": "main", "route": [to("reviews", 100, subset="stable"), to("reviews", 0, subset="next")]}


def leaks(*bodies, covered=True):
    return leaking_problem(NAMES, spec_of(subsets=SUBSETS), bodies, covered=covered)


@pytest.mark.parametrize("host", ["reviews", "reviews.shop", "reviews.shop.svc.cluster.local"])
def test_a_route_without_a_subset_leads_past_all_weights(host):
    admin = {"name": "admin", "route": [to(host)]}

    says(leaks(books(SPLIT, admin)), "LeakingRoute", "http route admin of VirtualService shop/books")
    says(leaks(books(SPLIT, tcp=[{"route": [to(host)]}])), "LeakingRoute", "tcp route number 1")


def test_the_service_of_the_same_name_next_door_does_not_leak():
    assert leaks(books(SPLIT), books({"route": [to("reviews")]}, namespace="other", name="far")) is None


def test_callers_without_any_route_meet_the_canary_too():
    says(leaks(books(SPLIT), covered=False), "LeakingRoute", "no VirtualService routes reviews.shop.svc.cluster.local")


def test_roles_that_are_hosts_cannot_leak():
    assert leaking_problem(NAMES, spec_of(), [books({"route": [to("reviews")]})], covered=False) is None
