"""Routes of the user: what a run writes there, and that everything else survives it exactly."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.routing.route_spec import Reference
from strategies.traffic import Traffic
from tests.routing.by_reference import (
    AFFINITY,
    CANARY,
    NAMES,
    REST,
    SUBSETS,
    after,
    books,
    http,
    is_front,
    observed,
    role_of,
    router,
    said,
    shares,
    spec_of,
    split,
    sums,
    to,
    users_part,
    virtual_services,
)

many = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=80, deadline=None)


# -- properties

TRAFFIC = st.one_of(
    st.integers(0, 100).map(Traffic.to_canary),
    st.integers(0, 100).map(lambda weight: Traffic.to_canary(weight, matched=True)),
    st.integers(1, 100).map(lambda copies: Traffic.to_canary(0, mirror=copies)),
    st.builds(Traffic, primary=st.just(90), canary=st.just(10), cookie=st.just("run-1"), testers=st.booleans()),
    st.just(Traffic(primary=100, canary=0, testers=True)),
)
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


def test_a_route_that_lost_the_primary_gets_it_back_before_the_canarys_pods_go():
    """Else a rollback could not take the requests away, and they would end with the canary's pods."""
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(50))
    body["spec"]["http"][0]["route"] = [to(CANARY)]
    assert router.read(NAMES, spec_of(), observed(body)).canary_weight == 100

    body, _ = after(body, spec_of(), REST)

    assert http(body)[0]["route"] == [to(CANARY, 0), to("reviews-primary.shop.svc.cluster.local", 100)]
    assert router.read(NAMES, spec_of(), observed(body)).canary_weight == 0
