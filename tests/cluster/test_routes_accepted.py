"""Every rule that a strategy can ask for is taken by a real API server with Istio's definitions, and not changed."""

from typing import Any

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.errors import Gone
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DESTINATION_RULES, Action, Change, Object, Ref
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from strategies.traffic import Traffic

pytestmark = pytest.mark.usefixtures("crds")

INSIDER = {
    "headers": {"x-insider": {"exact": "yes"}},
    "queryParams": {"beta": {"regex": "[01]"}},
    "sourceLabels": {"app": "productpage"},
}
EVERY_RULE = {
    "timeout": "5s",
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,reset", "retryRemoteLocalities": True},
    "rewrite": {"uri": "/", "authority": "reviews"},
    "headers": {"request": {"add": {"x-a": "1"}, "set": {"x-b": "2"}, "remove": ["x-c"]}},
    "corsPolicy": {"allowOrigins": [{"exact": "https://a.example.com"}], "maxAge": "24h", "allowMethods": ["GET"]},
}
MATCH = {
    "name": "everything",
    "uri": {"prefix": "/reviews"},
    "method": {"exact": "GET"},
    "withoutHeaders": {"x-old": {}},
    "port": 9080,
    "gateways": ["mesh"],
    "sourceNamespace": "shop",
    "ignoreUriCase": True,
}
AFFINITY = {"cookieName": "c", "primaryCookieName": "p", "domain": "a.example.com", "path": "/", "secure": True}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[Traffic]]] = {
    "canary": ({}, {"stepWeights": [10]}, [Traffic(100, 0), Traffic(90, 10), Traffic(0, 100)]),
    "ab-testing": ({"match": [MATCH]}, {"iterations": 3, "match": [INSIDER]}, [Traffic(0, 100, matched=True)]),
    "matched-weights": ({}, {"stepWeights": [10], "match": [INSIDER]}, [Traffic(90, 10, matched=True)]),
    "mirror": ({}, {"stepWeights": [10], "mirror": True}, [Traffic(100, 0, mirror=30), Traffic(90, 10)]),
    "testers": ({}, {"stepWeights": [10], "testerMatch": [INSIDER]}, [Traffic(100, 0, testers=True)]),
    "affinity": (
        {},
        {"stepWeights": [10], "sessionAffinity": AFFINITY},
        [Traffic(90, 10, cookie="run-1"), Traffic(100, 0, expired="run-1"), Traffic(90, 10, cookie="run-2")],
    ),
    "every-rule": (EVERY_RULE, {"stepWeights": [10]}, [Traffic(90, 10)]),
    "gateways": (
        {"hosts": ["a.example.com"], "gateways": ["mesh", "istio-system/public"]},
        {"stepWeights": [10]},
        [Traffic(90, 10)],
    ),
    "mesh-beside-gateways-with-several-ports": (
        {"gateways": ["mesh", "istio-system/public"], "portDiscovery": True, "match": [MATCH]},
        {"stepWeights": [10], "mirror": True, "testerMatch": [INSIDER]},
        [Traffic(100, 0, mirror=30, testers=True), Traffic(90, 10, testers=True)],
    ),
    "metadata": ({"apex": {"labels": {"tier": "web"}, "annotations": {"docs": "x"}}}, {}, [Traffic(90, 10)]),
    "delegate": ({"delegation": True, "portDiscovery": True}, {"stepWeights": [10]}, [Traffic(90, 10)]),
    "tcp": (
        {"appProtocol": "tcp", "match": [{"port": 9080}]},
        {"stepWeights": [10]},
        [Traffic(90, 10), Traffic(80, 20)],
    ),
}
POLICY = {
    "connectionPool": {"tcp": {"maxConnections": 5}, "http": {"http2MaxRequests": 9}},
    "loadBalancer": {"consistentHash": {"httpCookie": {"name": "user", "ttl": "0s"}}},
    "outlierDetection": {"consecutive5xxErrors": 7, "splitExternalLocalOriginErrors": True},
    "tls": {"mode": "ISTIO_MUTUAL"},
    "portLevelSettings": [{"port": {"number": 9080}, "loadBalancer": {"simple": "ROUND_ROBIN"}}],
}


def parts(namespace: str, service: dict[str, Any], analysis: dict[str, Any]) -> tuple[Names, RouteSpec]:
    body = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": namespace, "uid": "u"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "service": {"port": 9080, **service},
            "analysis": analysis,
        },
    }
    canary = parse_canary(body)
    return Names.of(canary), RouteSpec.of(canary)


async def write(api: KubernetesApi, change: Change) -> Object:
    if change.action is Action.CREATE:
        return await api.create(change.ref, change.body)
    return await api.patch(change.ref, change.patch)


async def observed(api: KubernetesApi, refs: tuple[Ref, ...]) -> Observed:
    pairs: list[tuple[Ref, Object | None]] = []
    for ref in refs:
        try:
            pairs.append((ref, await api.get(ref)))
        except Gone:
            pairs.append((ref, None))
    return Observed.of(pairs)


@pytest.mark.parametrize("case", CASES)
async def test_a_strategy_s_rules_are_stored_as_they_were_rendered(
    api: KubernetesApi, namespace: str, case: str
) -> None:
    service, analysis, run = CASES[case]
    names, spec = parts(namespace, service, analysis)
    router = IstioRouter()
    for traffic in (Traffic(100, 0), *run, Traffic(100, 0)):
        seen = await observed(api, router.route_refs(names, spec))
        for change in router.routes(names, spec, traffic, seen, epoch=1):
            stored = await write(api, change)
            if change.action is Action.CREATE:
                assert stored["spec"] == change.body["spec"]
        after = await observed(api, router.route_refs(names, spec))
        assert router.routes(names, spec, traffic, after, epoch=1) == ()
        view = router.read(names, spec, after)
        assert (view.canary_weight, view.applied_matches) == (traffic.canary, True)
        assert (view.everybody_weight, view.mirror, view.testers) == (
            traffic.everybody,
            traffic.mirror,
            traffic.testers,
        )


async def test_every_traffic_policy_is_stored_as_it_was_rendered(api: KubernetesApi, namespace: str) -> None:
    names, spec = parts(namespace, {"trafficPolicy": POLICY}, {"stepWeights": [10]})
    router = IstioRouter()
    for change in router.destinations(names, spec, Observed(), epoch=1):
        stored = await api.create(change.ref, change.body)
        assert stored["spec"]["trafficPolicy"] == POLICY
    after = await observed(api, router.destination_refs(names, spec))
    assert {ref.kind for ref in after.objects} == {DESTINATION_RULES}
    assert router.destinations(names, spec, after, epoch=1) == ()
