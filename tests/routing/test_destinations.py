"""The DestinationRules: one for each role's host, with the Canary's traffic policy and whatever others added."""

import copy
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.cluster.errors import Fenced
from delivery.cluster.objects import DESTINATION_RULES, Action, Ref
from delivery.routing.istio import IstioRouter, destination_applied_matches
from delivery.routing.registry import KINDS
from delivery.routing.route_spec import RouteSpec
from delivery.workloads.service_spec import ServiceSpec

POLICY = {"loadBalancer": {"simple": "LEAST_REQUEST"}, "connectionPool": {"tcp": {"maxConnections": 5}}}
OTHER = {"loadBalancer": {"consistentHash": {"useSourceIp": True}}}

router = IstioRouter()


class Pair(NamedTuple):
    """Both roles' rules."""

    primary: dict[str, Any]
    canary: dict[str, Any]


@pytest.fixture
def render(names, seen):
    def changes(policy=None, found=None, *, epoch=7):
        spec = RouteSpec(service=ServiceSpec(port=9080, traffic_policy=policy))
        return router.destinations(names, spec, seen(*(found or ())), epoch=epoch)

    return changes


@pytest.fixture
def made(render, stored):
    """Both rules as we created them."""

    def observed(policy=None):
        return Pair(*(stored(change.body, version="9") for change in render(policy)))

    return observed


def test_there_is_one_for_each_role(render):
    primary, canary = render(POLICY)
    assert (primary.action, primary.ref) == (Action.CREATE, Ref(DESTINATION_RULES, "shop", "reviews-primary"))
    assert primary.body["spec"] == {"host": "reviews-primary.shop.svc.cluster.local", "trafficPolicy": POLICY}
    assert canary.body["spec"]["host"] == "reviews-canary.shop.svc.cluster.local"
    assert canary.body["metadata"]["annotations"]["progressive.delivery/fence"] == "7"
    assert canary.body["metadata"]["labels"]["progressive.delivery/canary"] == "reviews"


def test_without_a_policy_there_is_only_a_host(render):
    assert render()[0].body["spec"] == {"host": "reviews-primary.shop.svc.cluster.local"}


@pytest.mark.parametrize("policy", [None, POLICY])
def test_what_is_as_wanted_is_not_written_even_by_a_new_leader(render, made, policy):
    assert render(policy, made(policy), epoch=8) == ()


def test_a_policy_is_replaced_as_a_whole(render, made, apply):
    found = made(POLICY)
    change, _ = render(OTHER, found)
    assert change.tests == ({"op": "test", "path": "/metadata/resourceVersion", "value": "9"},)
    after = apply(found.primary, change)
    assert after["spec"]["trafficPolicy"] == OTHER
    assert destination_applied_matches(after)


def test_a_policy_that_the_canary_no_longer_has_goes_if_we_wrote_it(render, made, apply):
    found = made(POLICY)
    after = apply(found.primary, render(None, found)[0])
    assert "trafficPolicy" not in after["spec"]


def test_a_policy_that_somebody_else_added_stays(render, made):
    found = made()
    found.primary["spec"]["trafficPolicy"] = OTHER
    assert render(None, found) == ()
    assert destination_applied_matches(found.primary)


@pytest.mark.parametrize("edit", [{"trafficPolicy": OTHER}, {"host": "elsewhere"}, {"trafficPolicy": None}])
def test_a_hand_edit_is_told_and_repaired(render, made, apply, edit):
    found = made(POLICY)
    assert destination_applied_matches(found.primary)
    found.primary["spec"] |= edit
    assert not destination_applied_matches(found.primary)
    after = apply(found.primary, render(POLICY, found)[0])
    assert after["spec"] == {"host": "reviews-primary.shop.svc.cluster.local", "trafficPolicy": POLICY}
    assert destination_applied_matches(after)


def test_a_leader_of_the_past_finds_out(render, made):
    with pytest.raises(Fenced):
        render(POLICY, made(), epoch=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    marks=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
    fields=st.dictionaries(
        st.sampled_from(["subsets", "exportTo", "workloadSelector"]), st.lists(st.text(max_size=3)), max_size=3
    ),
    broken=st.booleans(),
)
def test_what_others_added_survives_exactly(render, made, apply, marks, fields, broken):
    found = made(POLICY)
    body = found.canary
    body["metadata"]["labels"] |= {f"x/{key}": value for key, value in marks.items()}
    body["metadata"]["annotations"] |= {f"y/{key}": value for key, value in marks.items()}
    body["spec"] |= fields
    expected = copy.deepcopy(body)
    if broken:
        body["spec"]["trafficPolicy"] = OTHER
    changes = render(POLICY, found)
    assert len(changes) == broken
    after = apply(body, changes[0]) if changes else body
    assert after == expected
    assert render(POLICY, Pair(found.primary, after)) == ()


def test_what_routers_write_is_watched():
    assert {kind.kind for kind in KINDS} >= {"VirtualService", "DestinationRule"}
