"""routeRefs and subsetRef: what may stand beside them, and what is said about the rest."""

from typing import Any

import pytest

from delivery.api import crd
from delivery.api.by_reference import RULES
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import rollout_spec
from delivery.api.salvage import salvage_canary
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.registry import router_for
from delivery.routing.route_spec import Reference, RouteSpec, Subsets

ROUTE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "books"}
SUBSETS = {"name": "versions", "primarySubset": "stable", "canarySubset": "next"}


def test_they_are_read_with_the_canarys_namespace_where_none_is_given(canary: Any) -> None:
    far = {**ROUTE, "name": "front", "namespace": "gateways", "routes": ["a", "b"]}
    read = parse_canary(canary(routeRefs=[ROUTE, far], subsetRef=SUBSETS))

    spec = RouteSpec.of(read)

    assert spec.references == (Reference("bookinfo", "books"), Reference("gateways", "front", ("a", "b")))
    assert spec.subsets == Subsets("versions", "stable", "next")
    assert isinstance(router_for(read), ReferenceRouter)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"routeRefs": [{**ROUTE, "kind": "HTTPRoute"}]}, 'spec.routeRefs[0].kind: given "HTTPRoute", allowed'),
        ({"routeRefs": [{**ROUTE, "apiVersion": "v1"}]}, 'spec.routeRefs[0].apiVersion: given "v1", allowed'),
        ({"routeRefs": [ROUTE, ROUTE]}, "spec.routeRefs: given books more than once, allowed each VirtualService once"),
        (
            {"routeRefs": [{**ROUTE, "routes": ["a", "a"]}]},
            "spec.routeRefs[0].routes: given a, a, allowed each name once",
        ),
        ({"routeRefs": [{**ROUTE, "name": f"r{n}"} for n in range(17)]}, "spec.routeRefs: given "),
        ({"subsetRef": SUBSETS}, "spec.subsetRef: given subsetRef without routeRefs, allowed subsetRef together with"),
        (
            {"routeRefs": [ROUTE], "subsetRef": {**SUBSETS, "canarySubset": "stable"}},
            'spec.subsetRef.canarySubset: given "stable" for both, allowed two different subsets',
        ),
        (
            {"routeRefs": [ROUTE], "provider": "kubernetes"},
            'spec.provider: given "kubernetes" together with routeRefs, allowed istio',
        ),
        (
            {
                "routeRefs": [ROUTE],
                "subsetRef": SUBSETS,
                "targetRef": {"apiVersion": "v1", "kind": "Service", "name": "reviews"},
            },
            "spec.subsetRef: given subsetRef together with a Service as target",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(canary: Any, spec: Any, says: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        parse_canary(canary(**spec))

    assert any(str(each).startswith(says) for each in error.value.problems), error.value.problems


MANAGED_ONLY = {
    "hosts": ["a.example.com"],
    "gateways": ["mesh"],
    "delegation": True,
    "match": [{"uri": {"prefix": "/"}}],
    "rewrite": {"uri": "/"},
    "retries": {"attempts": 1},
    "timeout": "5s",
    "headers": {"request": {"set": {"a": "b"}}},
    "corsPolicy": {"allowMethods": ["GET"]},
}


@pytest.mark.parametrize("field", MANAGED_ONLY)
def test_what_only_a_managed_route_could_keep_is_refused_by_its_name(canary: Any, field: str) -> None:
    body = canary(routeRefs=[ROUTE], service={"port": 9080, field: MANAGED_ONLY[field]})

    with pytest.raises(InvalidSpec) as error:
        parse_canary(body)

    assert f"spec.service.{field}: given routeRefs together with service.{field}" in str(error.value)


def test_a_policy_stands_where_the_subsets_stand(canary: Any) -> None:
    policy = {"connectionPool": {"tcp": {"maxConnections": 1}}}
    body = canary(routeRefs=[ROUTE], service={"port": 9080, "trafficPolicy": policy})
    parse_canary(body)

    body["spec"]["subsetRef"] = SUBSETS
    with pytest.raises(InvalidSpec) as error:
        parse_canary(body)
    assert "spec.service.trafficPolicy: given service.trafficPolicy together with subsetRef" in str(error.value)


@pytest.mark.parametrize(
    "wrong", [{"routeRefs": [{**ROUTE, "kind": "x"}]}, {"routeRefs": [ROUTE], "subsetRef": {"name": "versions"}}]
)
def test_with_half_of_the_references_no_run_is_held(canary: Any, wrong: Any) -> None:
    """Without them a VirtualService of our own would be made, beside the user's and on the same host."""
    assert salvage_canary(canary(**wrong)) is None


def test_a_wrong_field_elsewhere_leaves_the_references(canary: Any) -> None:
    kept = salvage_canary(canary(routeRefs=[ROUTE], service={"port": 9080, "hosts": ["a"]}))

    assert kept is not None
    assert kept.spec.route_refs
    assert not kept.spec.service.hosts


def test_absence_proves_nothing_where_others_say_who_is_routed(canary: Any) -> None:
    read = parse_canary(canary(routeRefs=[ROUTE]))

    assert not rollout_spec(read, scrape_interval_seconds=15.0).everybody_routed


def test_the_same_rules_stand_in_the_definition_for_servers_that_know_them() -> None:
    schema = crd.spec_schema("Canary")
    rules = {each["message"]: each["rule"] for each in schema["x-kubernetes-validations"]}

    assert {message: rule for rule, message in RULES}.items() <= rules.items()
    edits = [rule for rule in rules.values() if "oldSelf" in rule]
    assert [("routeRefs" in rule, "subsetRef" in rule) for rule in edits] == [(True, False), (False, True)]
    assert not any(".namespace" in rule for rule in rules.values()), "a reserved word of CEL, to be escaped"
