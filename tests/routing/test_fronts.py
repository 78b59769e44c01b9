"""Rules of ours in front of a route of the user: what they carry, and whom they take."""

from delivery.workloads.names import Names
from strategies.traffic import Traffic
from tests.routing.by_reference import (
    AFFINITY,
    CANARY,
    NAMES,
    REST,
    after,
    books,
    http,
    observed,
    router,
    shares,
    spec_of,
    split,
    to,
)


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
