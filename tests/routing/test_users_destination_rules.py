"""DestinationRules that are the user's, generated: what is in them survives whole runs exactly."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Object, Ref
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import Reference, RouteSpec
from delivery.routing.router import Observed
from delivery.workloads.service_spec import ServiceSpec
from strategies.traffic import Traffic
from tests.routing.by_reference import NAMES, SUBSETS, books, spec_of, split

many = settings(max_examples=80, deadline=None, derandomize=True)
managed, by_reference = IstioRouter(), ReferenceRouter(IstioRouter())

_NAMES = st.text("abcdefghij", min_size=1, max_size=4)
_BALANCERS = st.sampled_from([{"simple": "RANDOM"}, {"consistentHash": {"httpHeaderName": "x-user"}}, {}])
_POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "loadBalancer": _BALANCERS,
        "connectionPool": st.just({"tcp": {"maxConnections": 7}}),
        "outlierDetection": st.just({"consecutive5xxErrors": 3, "baseEjectionTime": "30s"}),
        "tls": st.sampled_from([{"mode": "ISTIO_MUTUAL"}, {"mode": "DISABLE"}]),
        "portLevelSettings": st.lists(
            st.builds(lambda port, how: {"port": {"number": port}, "loadBalancer": how}, st.integers(1, 9), _BALANCERS),
            max_size=2,
        ),
    },
)
_SUBSETS = st.lists(
    st.builds(
        lambda name, labels, policy: {"name": name, "labels": labels, **({"trafficPolicy": policy} if policy else {})},
        _NAMES,
        st.dictionaries(_NAMES, _NAMES, max_size=2),
        _POLICIES,
    ),
    max_size=3,
    unique_by=lambda each: each["name"],
)
_SPECS = st.fixed_dictionaries(
    {},
    optional={
        "subsets": _SUBSETS,
        "trafficPolicy": _POLICIES,
        "exportTo": st.sampled_from([["*"], ["."], ["shop", "billing"]]),
        "workloadSelector": st.just({"matchLabels": {"app": "reviews"}}),
        "unknownToUs": st.recursive(
            st.integers() | st.booleans(), lambda each: st.lists(each, max_size=2), max_leaves=3
        ),
    },
)
_MARKS = st.dictionaries(_NAMES.map(lambda name: f"team/{name}"), _NAMES, max_size=2)


@st.composite
def rules(draw: st.DrawFn, *, name: str, host: str) -> Object:
    """A DestinationRule as the API server hands it out."""
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "uid": "u", "resourceVersion": "5"}
    meta |= {"labels": draw(_MARKS), "annotations": draw(_MARKS)}
    spec = {"host": host, **draw(_SPECS)}
    return {"apiVersion": DESTINATION_RULES.api_version, "kind": "DestinationRule", "metadata": meta, "spec": spec}


def seen(*bodies: Object) -> Observed:
    kinds = {"DestinationRule": DESTINATION_RULES, "VirtualService": VIRTUAL_SERVICES}
    return {Ref.of(kinds[body["kind"]], body): body for body in bodies}


def without_ours(body: Object, *, policy: bool) -> Object:
    """What is the user's of a rule that we keep: all but the host, our marks, and a policy that the Canary gives."""
    out = copy.deepcopy(body)
    for group in ("labels", "annotations"):
        marks = out["metadata"].get(group) or {}
        out["metadata"][group] = {name: value for name, value in marks.items() if name.startswith("team/")}
    out["spec"].pop("host")
    if not policy:
        out["spec"].pop("trafficPolicy", None)
    return out


@many
@given(rule=rules(name=SUBSETS.rule, host="reviews"), weights=st.lists(st.integers(0, 100), min_size=1, max_size=3))
def test_a_rule_whose_subsets_are_the_roles_is_never_written(rule: Object, weights: list[int]) -> None:
    spec = spec_of(Reference("shop", "books"), subsets=SUBSETS)
    route = books(split())
    for epoch, weight in enumerate((*weights, 0), 1):
        observed = seen(rule, route)
        changes = [
            *by_reference.destinations(NAMES, spec, observed, epoch=epoch),
            *by_reference.routes(NAMES, spec, Traffic.to_canary(weight), observed, epoch=epoch),
            *by_reference.refence(NAMES, spec, observed, epoch=epoch),
            *by_reference.give_back(NAMES, spec, observed, epoch=epoch),
        ]
        assert {change.ref.kind for change in changes} <= {VIRTUAL_SERVICES}
    assert by_reference.created_refs(NAMES, spec) == ()


@many
@given(
    rule=rules(name="reviews-canary", host="reviews-canary"),
    policies=st.lists(st.none() | _POLICIES.filter(bool), min_size=1, max_size=4),
)
def test_of_a_rule_that_was_there_before_us_all_but_the_policy_survives_a_run(
    rule: Object, policies: list[dict[str, Any] | None]
) -> None:
    theirs = without_ours(rule, policy=False)
    body = rule
    for epoch, policy in enumerate(policies, 1):
        spec = RouteSpec(service=ServiceSpec(port=9080, traffic_policy=policy))
        for _ in range(2):  # the second time there is nothing left to do
            changes = managed.destinations(NAMES, spec, seen(body), epoch=epoch)
            mine = [change for change in changes if change.ref.name == "reviews-canary"]
            for change in mine:
                body = json_patch(body, change.ops)
        assert mine == []
        assert without_ours(body, policy=False) == theirs
        if policy is not None:
            assert body["spec"]["trafficPolicy"] == policy


@many
@given(rule=rules(name="reviews-canary", host="reviews-canary"), epochs=st.integers(1, 3))
def test_without_a_policy_of_the_canarys_theirs_survives_too(rule: Object, epochs: int) -> None:
    theirs, body = without_ours(rule, policy=True), rule
    spec = RouteSpec(service=ServiceSpec(port=9080))
    for epoch in range(1, epochs + 1):
        for change in managed.destinations(NAMES, spec, seen(body), epoch=epoch):
            if change.ref.name == "reviews-canary":
                body = json_patch(body, change.ops)
        assert without_ours(body, policy=True) == theirs
