"""What is easily lost on the way from a Canary to its routes: a condition, an order, a namespace, a cookie."""

import re

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.memory.patching import json_patch
from delivery.routing import cookies
from delivery.routing.conditions import l4, product
from delivery.routing.route_spec import Reference, RouteSpec
from strategies.traffic import Traffic
from tests.routing.by_reference import AFFINITY, CANARY, NAMES, after, books, http, observed, said, spec_of, split, to
from tests.routing.by_reference import router as ours
from tests.routing.special import OURS, TESTER, a_spec, router


@pytest.mark.parametrize("member", ["headers", "queryParams", "sourceLabels", "withoutHeaders"])
def test_what_two_conditions_say_of_the_same_member_is_joined(member):
    """The second one's part of it would otherwise be no condition any more: more users than were meant."""
    assert product([{member: {"a": "1"}}], [{member: {"b": "2"}}]) == [{member: {"a": "1", "b": "2"}}]


def test_connections_are_told_apart_by_all_that_is_known_of_them_and_by_nothing_else():
    known = {
        "destinationSubnets": ["10.0.0.0/8"],
        "port": 9080,
        "sourceLabels": {"app": "productpage"},
        "gateways": ["mesh"],
        "sourceNamespace": "shop",
    }
    assert l4([{**known, "uri": {"prefix": "/a"}, "headers": {"x": {}}}, {"uri": {"prefix": "/b"}}]) == [known]


def test_a_tester_who_holds_a_cookie_of_the_primary_is_a_tester(render):
    """The first rule that matches decides."""
    affinity = {"cookieName": "version", "primaryCookieName": "stable"}
    spec = a_spec(stepWeights=[10], testerMatch=[TESTER], sessionAffinity=affinity)
    found = render(spec, Traffic(90, 10, testers=True, cookie="run-1"))["spec"]["http"]
    ends = [rule["name"].removeprefix(OURS) for rule in found]
    assert ends == ["-testers", "-canary-cookie", "-primary-cookie", ""]


def test_no_other_value_is_taken_for_a_cookies_own():
    pattern = cookies.condition("version", "a.b+c")["headers"]["cookie"]["regex"]
    assert re.fullmatch(pattern, "x=y; version=a.b+c; z=1")
    assert not re.fullmatch(pattern, "version=aXb+c")
    assert not re.fullmatch(pattern, "version=a.bbc")


def test_a_route_of_another_namespace_is_looked_for_there():
    body = _canary(routeRefs=[_ref(name="far", namespace="edge"), _ref(name="near")])
    found = RouteSpec.of(parse_canary(body)).references
    assert [(each.namespace, each.name) for each in found] == [("edge", "far"), ("shop", "near")]


def test_policies_of_single_ports_reach_both_roles(names, seen):
    policy = {
        "connectionPool": {"http": {"http2MaxRequests": 100}},
        "portLevelSettings": [{"port": {"number": 9090}, "loadBalancer": {"simple": "ROUND_ROBIN"}}],
    }
    spec = a_spec(service={"trafficPolicy": policy}, stepWeights=[10])
    changes = router.destinations(names, spec, seen(), epoch=1)
    assert [change.body["spec"]["trafficPolicy"] for change in changes] == [policy, policy]


def test_headers_that_a_destination_adds_are_added_in_front_of_the_route_too():
    route = [to("reviews", 100), to(CANARY, 0, headers={"response": {"add": {"x-served-by": "canary"}}})]
    body, _ = after(books(split(route=route)), spec_of(affinity=AFFINITY), Traffic(90, 10, cookie="run-1"))
    gives = http(body, ours=True)[-1]
    assert set(gives["route"][1]["headers"]["response"]["add"]) == {"x-served-by", "Set-Cookie"}


def _canary(**spec):
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "shop", "uid": "u-1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "service": {"port": 9080},
            "analysis": {"interval": "30s", "stepWeights": [10]},
            **spec,
        },
    }


def _ref(**more):
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", **more}


class TestRoutesOfTheUser:
    """What is read of several routes, and what is left on them."""

    both = (Reference("shop", "books"), Reference("shop", "edge"))

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_canary_has_users_as_long_as_one_of_several_routes_leads_there(self, order):
        """Its pods would go while the other one still sends them requests."""
        bodies = [books(split()), books(split(primary=90, canary=10), name="edge")][::order]
        spec = spec_of(*self.both[::order])
        found = ours.read(NAMES, spec, observed(*bodies))
        assert (found.canary_weight, found.everybody_weight) == (10, 10)

    def test_a_share_below_one_percent_is_not_read_as_none(self):
        found = ours.read(NAMES, spec_of(), observed(books(split(primary=299, canary=1))))
        assert found.canary_weight == 1

    def test_a_route_that_is_being_left_gets_no_rule_in_front(self):
        leaving = Reference("shop", "books", leaving=True)
        testing = Traffic(90, 10, testers=True)
        body, _ = after(books(split()), spec_of(testers=(TESTER,)), testing)
        assert http(body, ours=True)
        body, _ = after(body, spec_of(leaving, testers=(TESTER,)), testing)
        assert http(body, ours=True) == []

    def test_what_is_given_back_has_no_rule_of_ours(self):
        before = books(split())
        body, _ = after(before, spec_of(testers=(TESTER,)), Traffic(90, 10, testers=True))
        (change,) = ours.give_back(NAMES, spec_of(testers=(TESTER,)), observed(body), epoch=7)
        assert said(json_patch(body, change.patch))["spec"] == before["spec"]
