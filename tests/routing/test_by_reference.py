"""Routes of the user: what a run writes there, and that everything else survives it exactly."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.api.affinity import SessionAffinity
from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.routing.by_reference import ReferenceRouter, left_behind
from delivery.routing.claims import claim_of, key
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import Reference
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from strategies.traffic import Traffic
from tests.routing.by_reference import (
    CANARY,
    SUBSETS,
    books,
    is_front,
    role_of,
    spec_of,
    split,
    sums,
    to,
    users_part,
    virtual_services,
)

NAMES = Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")
router = ReferenceRouter(IstioRouter())
many = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=80, deadline=None)
AFFINITY = SessionAffinity(cookieName="version", primaryCookieName="stable")


def observed(*bodies):
    return Observed({Ref.of(VIRTUAL_SERVICES, each): each for each in bodies})


def after(body, spec, traffic, *, epoch=7, names=NAMES):
    """The object after what is written for a traffic, and the number of writes that took."""
    changes = router.routes(names, spec, traffic, observed(body), epoch=epoch)
    for change in changes:
        body = json_patch(body, change.patch)
    return body, len(changes)


def http(body, *, ours=False):
    return [each for each in body["spec"]["http"] if is_front(each) == ours]


def said(body):
    """The same with every weight said: a missing one is 0 beside others."""
    out = copy.deepcopy(body)
    for protocol in ("http", "tcp", "tls"):
        for rule in out["spec"].get(protocol, []):
            for item in rule.get("route") or []:
                item.setdefault("weight", 0)
    return out


def shares(rule):
    return [each.get("weight", 0) for each in rule["route"]]


# -- properties

TRAFFIC = st.one_of(
    st.integers(0, 100).map(Traffic.to_canary),
    st.integers(0, 100).map(lambda weight: Traffic.to_canary(weight, matched=True)),
    st.integers(1, 100).map(lambda copies: Traffic.to_canary(0, mirror=copies)),
    st.builds(Traffic, primary=st.just(90), canary=st.just(10), cookie=st.just("run-1"), testers=st.booleans()),
    st.just(Traffic(primary=100, canary=0, testers=True)),
)
REST = Traffic.to_canary(0)
KEEPS_SECRETS = {
    "testers": ({"headers": {"x-tester": {"exact": "yes"}}},),
    "audience": ({"headers": {"x-insider": {}}},),
}


@many
@given(st.data(), st.booleans(), st.lists(TRAFFIC, min_size=1, max_size=4), st.booleans())
def test_what_is_the_users_is_the_same_during_a_run_and_after_it(data, by_subset, run, affinity):
    body, moved = data.draw(virtual_services(subsets=by_subset))
    spec = spec_of(
        Reference("shop", "books", moved),
        subsets=SUBSETS if by_subset else None,
        affinity=AFFINITY if affinity else None,
        **KEEPS_SECRETS,
    )
    before, theirs, totals = body, users_part(body, moved, subsets=by_subset), sums(body)
    for traffic in (*run, REST):
        body, _ = after(body, spec, traffic)
        assert users_part(body, moved, subsets=by_subset) == theirs
        assert sums(body) == totals, "G1: a write keeps the sum"
        assert after(body, spec, traffic)[1] == 0, "it says so now"
        view = router.read(NAMES, spec, observed(body))
        assert view.applied_matches
        assert view.everybody_weight == traffic.everybody

    assert http(body, ours=True) == [], "nothing of ours is left in front"
    untouched, _ = after(before, spec, REST)
    assert said(body) == said(untouched), "a run leaves no trace"
    for rule in body["spec"]["http"]:
        if rule.get("name") in moved or (not moved and rule["name"].startswith("split")):
            assert not any(each.get("weight") for each in rule["route"] if role_of(each, subsets=by_subset) == "canary")


@many
@given(st.data(), st.booleans(), st.integers(0, 100))
def test_the_canary_never_gets_more_than_asked_and_others_keep_their_share(data, by_subset, weight):
    body, moved = data.draw(virtual_services(subsets=by_subset))
    spec = spec_of(Reference("shop", "books", moved), subsets=SUBSETS if by_subset else None)
    moved_body, _ = after(body, spec, Traffic.to_canary(weight))
    for rule in moved_body["spec"]["http"]:
        if (moved and rule["name"] not in moved) or not rule["name"].startswith("split"):
            continue
        given_ = {"canary": 0, "primary": 0, "": 0}
        for item in rule["route"]:
            given_[role_of(item, subsets=by_subset)] += item.get("weight", 0)
        rest = given_["canary"] + given_["primary"]
        assert 0 <= rest * weight / 100 - given_["canary"] < 1, "the nearest whole number that is not more"


@many
@given(st.data(), st.booleans())
def test_our_rules_change_nothing_but_the_role(data, by_subset):
    """A copy has the timeouts, faults, rewrites and foreign destinations of the route behind it."""
    body, moved = data.draw(virtual_services(subsets=by_subset))
    spec = spec_of(Reference("shop", "books", moved), subsets=SUBSETS if by_subset else None, **KEEPS_SECRETS)
    body, _ = after(body, spec, Traffic(primary=70, canary=30, matched=True, testers=True))
    behind = None
    for rule in reversed(body["spec"]["http"]):
        if not is_front(rule):
            behind = rule
            continue
        assert behind is not None
        for member in ("timeout", "retries", "fault", "rewrite", "headers", "corsPolicy", "mirrors", "unknownToUs"):
            assert rule.get(member) == behind.get(member)
        assert behind["name"] in rule["name"]


# -- single stories


@pytest.mark.parametrize("form", ["reviews-canary", "reviews-canary.shop", "reviews-canary.shop.svc.cluster.local"])
def test_every_form_of_a_host_is_the_same_host(form):
    body = books({"name": "main", "route": [to("reviews", 100), to(form, 0)]})

    assert shares(http(after(body, spec_of(), Traffic.to_canary(20))[0])[0]) == [80, 20]


def test_a_short_host_belongs_to_the_namespace_of_its_route_and_not_to_ours():
    """Argo cuts hosts at the first dot: the Service of the same name next door would lose its requests."""
    near = {"name": "near", "route": [to("reviews.shop", 100), to("reviews-canary.shop", 0)]}
    far = {"name": "far", "route": [to("reviews", 100), to("reviews-canary", 0)]}
    body = books(near, far, namespace="gateways")
    spec = spec_of(Reference("gateways", "books"))

    first, second = http(after(body, spec, Traffic.to_canary(20))[0])

    assert (shares(first), second) == ([80, 20], far)


def test_a_destination_that_is_none_of_ours_is_not_deleted():
    """Argo removes destinations that it does not know."""
    rule = {"name": "main", "route": [to("reviews", 60), to("reviews-v0", 30, headers={}), to(CANARY, 10)]}

    [main] = http(after(books(rule), spec_of(), Traffic.to_canary(50))[0])

    assert main["route"] == [to("reviews", 35), to("reviews-v0", 30, headers={}), to(CANARY, 35)]


def test_the_primarys_own_host_comes_before_the_apex_host():
    rule = {"name": "main", "route": [to("reviews", 100), to("reviews-primary", 0), to(CANARY, 0)]}

    body, _ = after(books(rule), spec_of(), Traffic.to_canary(0))

    assert shares(http(body)[0]) == [0, 100, 0]


def test_only_the_named_routes_are_moved():
    body, _ = after(books(split("a"), split("b")), spec_of(Reference("shop", "books", ("b",))), Traffic.to_canary(40))

    assert [shares(each) for each in http(body)] == [[100, 0], [60, 40]]


def test_tcp_and_tls_routes_have_no_names_and_count_by_their_destinations():
    tls = {"match": [{"sniHosts": ["a"]}], **split("")}
    body = books(split("a"), tcp=[split("")], tls=[tls])

    moved, _ = after(body, spec_of(Reference("shop", "books", ("a",))), Traffic.to_canary(40))

    assert [shares(moved["spec"][each][0]) for each in ("http", "tcp", "tls")] == [[60, 40]] * 3


def test_several_are_written_at_once_and_the_highest_weight_counts():
    one, other = books(split()), books(split(), name="front", namespace="gateways")
    other["spec"]["http"][0]["route"] = [to("reviews.shop", 100), to("reviews-canary.shop", 0)]
    spec = spec_of(Reference("shop", "books"), Reference("gateways", "front"))

    changes = router.routes(NAMES, spec, Traffic.to_canary(30), observed(one, other), epoch=1)
    assert [str(each.ref) for each in changes] == ["VirtualService shop/books", "VirtualService gateways/front"]

    view = router.read(NAMES, spec, observed(json_patch(one, changes[0].patch), other))
    assert (view.canary_weight, view.taken_over) == (30, True)


def test_before_we_come_they_carry_no_trace():
    assert not router.read(NAMES, spec_of(), observed(books(split()))).taken_over


def test_a_percent_that_is_no_whole_weight_is_read_as_what_was_asked_for():
    body, _ = after(books(split(primary=3)), spec_of(), Traffic.to_canary(50))

    assert shares(http(body)[0]) == [2, 1]
    assert router.read(NAMES, spec_of(), observed(body)).canary_weight == 50


def test_a_hand_edit_is_seen_and_so_is_its_weight():
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(50))
    http(body)[0]["route"][0]["weight"], http(body)[0]["route"][1]["weight"] = 80, 20

    view = router.read(NAMES, spec_of(), observed(body))

    assert (view.applied_matches, view.canary_weight) == (False, 20)


def test_an_edit_of_what_is_the_users_is_no_hand_edit():
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(50))
    http(body)[0]["timeout"] = "1s"
    body["spec"]["http"].insert(0, {"name": "mine", "directResponse": {"status": 200}})

    assert router.read(NAMES, spec_of(), observed(body)).applied_matches
    assert after(body, spec_of(), Traffic.to_canary(50))[1] == 0


def test_a_later_leader_is_not_overwritten():
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(50), epoch=9)

    with pytest.raises(Fenced):
        after(body, spec_of(), Traffic.to_canary(0), epoch=8)


def test_a_write_holds_only_for_the_version_that_was_read():
    [change] = router.routes(NAMES, spec_of(), Traffic.to_canary(5), observed(books(split())), epoch=1)

    assert change.tests == ({"op": "test", "path": "/metadata/resourceVersion", "value": "1"},)


def test_two_canaries_share_a_virtual_service_and_leave_each_others_rules_alone():
    ratings = Names(namespace="shop", canary="ratings", target="ratings", apex="ratings", uid="u-2")
    spec = spec_of(testers=({"headers": {"x-tester": {"exact": "yes"}}},))
    mine = split("a")
    theirs = {"name": "b", "route": [to("ratings", 100), to("ratings-canary", 0)]}
    body = books(mine, theirs)
    testing = Traffic(primary=90, canary=10, testers=True)

    body, _ = after(body, spec, testing)
    body, _ = after(body, spec, testing, names=ratings)

    assert [each["name"] for each in body["spec"]["http"]] == [
        "progressive-delivery-testers/shop/reviews/a",
        "a",
        "progressive-delivery-testers/shop/ratings/b",
        "b",
    ]
    for names in (NAMES, ratings):
        assert after(body, spec, testing, names=names)[1] == 0
    body, _ = after(body, spec, REST)
    assert [each["name"] for each in http(body, ours=True)] == ["progressive-delivery-testers/shop/ratings/b"]


def test_testers_stay_within_the_route_that_they_are_in_front_of():
    paths = [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]
    spec = spec_of(testers=({"headers": {"x-tester": {"exact": "yes"}}},))

    body, _ = after(books(split(match=paths)), spec, Traffic(primary=100, canary=0, testers=True))

    [front] = http(body, ours=True)
    assert front["match"] == [{**path, "headers": {"x-tester": {"exact": "yes"}}} for path in paths]
    assert front["route"] == [to(CANARY)]


def test_a_condition_that_can_never_hold_on_a_route_makes_no_rule():
    other = [{"headers": {"x-tester": {"exact": "no"}}}]
    spec = spec_of(testers=({"headers": {"x-tester": {"exact": "yes"}}},))

    body, _ = after(books(split(match=other)), spec, Traffic(primary=100, canary=0, testers=True))

    assert http(body, ours=True) == []


def test_matched_requests_split_and_all_others_stay_with_the_primary():
    spec = spec_of(audience=({"headers": {"x-insider": {}}},))

    body, _ = after(books(split()), spec, Traffic.to_canary(25, matched=True))

    [front], [main] = http(body, ours=True), http(body)
    assert (front["match"], shares(front), shares(main)) == ([{"headers": {"x-insider": {}}}], [75, 25], [100, 0])
    view = router.read(NAMES, spec, observed(body))
    assert (view.canary_weight, view.everybody_weight) == (25, 0)


def test_copies_go_out_from_a_rule_in_front_beside_the_users_own():
    theirs = [{"destination": {"host": "sink"}, "percentage": {"value": 3}}]

    body, _ = after(books(split(mirrors=theirs)), spec_of(mirrors=True), Traffic.to_canary(0, mirror=20))

    [front], [main] = http(body, ours=True), http(body)
    assert front["mirrors"] == [*theirs, {"destination": {"host": CANARY}, "percentage": {"value": 20}}]
    assert main["mirrors"] == theirs
    assert router.read(NAMES, spec_of(mirrors=True), observed(body)).mirror == 20


def test_cookies_are_given_out_in_front_and_their_holders_stay():
    spec = spec_of(affinity=AFFINITY)

    body, _ = after(books(split()), spec, Traffic(primary=90, canary=10, cookie="run-1"))

    canary, primary, gives = http(body, ours=True)
    assert (canary["route"], primary["route"]) == ([to(CANARY)], [to("reviews")])
    added = [each["headers"]["response"]["add"]["Set-Cookie"].split(";")[0] for each in gives["route"]]
    assert added == ["stable=run-1", "version=run-1"]
    assert router.read(NAMES, spec, observed(body)).canary_weight == 10


def test_a_route_that_lost_the_primary_gets_it_back_before_the_canarys_pods_go():
    """Else a rollback could not take the requests away, and they would end with the canary's pods."""
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(50))
    body["spec"]["http"][0]["route"] = [to(CANARY)]
    assert router.read(NAMES, spec_of(), observed(body)).canary_weight == 100

    body, _ = after(body, spec_of(), REST)

    assert http(body)[0]["route"] == [to(CANARY, 0), to("reviews-primary.shop.svc.cluster.local", 100)]
    assert router.read(NAMES, spec_of(), observed(body)).canary_weight == 0


# -- what a Canary names no longer


def test_a_route_taken_out_of_the_canary_keeps_following_the_run_until_it_is_over():
    """Else it would keep the canary's share, and its requests would end with the canary's pods."""
    body, _ = after(
        books(split("a"), split("b")), spec_of(Reference("shop", "books", ("a", "b"))), Traffic.to_canary(30)
    )
    less = spec_of(Reference("shop", "books", ("a",)))

    body, _ = after(body, less, Traffic.to_canary(40))
    assert [shares(each) for each in http(body)] == [[60, 40], [60, 40]]
    body, _ = after(body, less, REST)
    assert [shares(each) for each in http(body)] == [[100, 0], [100, 0]]
    body, _ = after(body, less, Traffic.to_canary(40))
    assert [shares(each) for each in http(body)] == [[60, 40], [100, 0]]


def test_a_virtual_service_taken_out_of_the_canary_is_given_back():
    kept, gone = books(split()), books(split(), name="old")
    gone, _ = after(gone, spec_of(Reference("shop", "old")), Traffic.to_canary(30))
    [left] = left_behind(NAMES, spec_of(), [gone])
    assert left == Reference("shop", "old", leaving=True)

    spec = spec_of(Reference("shop", "books"), left)
    [_, change] = router.routes(NAMES, spec, REST, observed(kept, gone), epoch=8)
    gone = json_patch(gone, change.patch)

    assert shares(http(gone)[0]) == [100, 0]
    assert claim_of(gone, NAMES) is None
    assert key(NAMES) not in gone["metadata"]["annotations"]


def test_a_note_that_somebody_spoiled_is_written_again():
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(30))
    for spoiled in ("", "{", '{"canary":"shop/reviews"}', '{"canary":"shop/reviews","weight":"x"}', "[]", "7"):
        broken = copy.deepcopy(body)
        broken["metadata"]["annotations"][key(NAMES)] = spoiled
        assert claim_of(broken, NAMES) is None
        assert after(broken, spec_of(), Traffic.to_canary(30))[0] == body


# -- given back


def given_back(body, spec, *, names=NAMES):
    for change in router.give_back(names, spec, observed(body), epoch=7):
        body = json_patch(body, change.patch)
    assert router.give_back(names, spec, observed(body), epoch=7) == (), "once is enough"
    return body


def test_a_revert_leads_users_to_the_targets_pods_and_takes_our_marks_off():
    body, _ = after(books(split(), exportTo=["."]), spec_of(), Traffic.to_canary(100))

    assert given_back(body, spec_of()) == {**books(split(), exportTo=["."]), "metadata": MARKED_BY_NOBODY}


MARKED_BY_NOBODY = {**books()["metadata"], "annotations": {}}


def test_a_revert_of_subsets_gives_all_to_the_targets_subset():
    route = {"name": "main", "route": [to("reviews", 0, subset="stable"), to("reviews", 100, subset="next")]}
    spec = spec_of(subsets=SUBSETS)
    body, _ = after(books(route), spec, REST)
    assert shares(http(body)[0]) == [100, 0]

    assert shares(http(given_back(body, spec))[0]) == [0, 100]


def test_a_revert_leaves_no_route_to_a_service_that_goes():
    """The roles' Services are deleted: a route that names them alone gets the apex Service in addition."""
    route = {"name": "main", "route": [to("reviews-primary", 100), to(CANARY, 0)]}
    body, _ = after(books(route), spec_of(), Traffic.to_canary(100))

    [main] = http(given_back(body, spec_of()))

    apex = to("reviews.shop.svc.cluster.local", 100)
    assert main["route"] == [to("reviews-primary", 0), to(CANARY, 0), apex]


def test_a_revert_before_we_came_changes_nothing():
    assert router.give_back(NAMES, spec_of(), observed(books(split())), epoch=7) == ()
