"""What is said when a Canary is wrong: the field, what was given, what is allowed."""

from typing import Any

import pytest

from delivery.api.parse import InvalidSpec, parse_canary

DAEMON_SET = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "a"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": "a"}
HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "a"}
REFUSED = [
    (
        {"autoscalerRef": {**HPA, "primaryScalerQueries": {"rps": "vector(1)"}}},
        "spec.autoscalerRef.primaryScalerQueries: given queries for a HorizontalPodAutoscaler, allowed queries for a ",
    ),
    (
        {"autoscalerRef": {**HPA, "primaryScalerReplicas": {"minReplicas": 5, "maxReplicas": 3}}},
        "spec.autoscalerRef.primaryScalerReplicas.minReplicas: given 5, with maxReplicas 3, allowed at most max",
    ),
    ({"analysis": {"stepWeights": [5, 10, 150]}}, "spec.analysis.stepWeights[2]: given 150, allowed 0..100"),
    ({"analysis": {"stepWeights": [10, 10]}}, "spec.analysis.stepWeights: given [10, 10], allowed weights that rise"),
    ({"analysis": {"stepWeight": "5"}}, 'spec.analysis.stepWeight: given "5", allowed 0..100'),
    ({"analysis": {"stepWeight": True}}, "spec.analysis.stepWeight: given true, allowed 0..100"),
    ({"analysis": {"maxWeight": 101}}, "spec.analysis.maxWeight: given 101, allowed 0..100"),
    (
        {"analysis": {"stepWeight": 5, "stepWeights": [5], "iterations": 2}},
        "spec.analysis: given iterations and stepWeight and stepWeights, allowed at most one of iterations, stepWeight",
    ),
    ({"analysis": {"interval": "0s"}}, 'spec.analysis.interval: given "0s", allowed a duration from 1s'),
    ({"analysis": {"interval": "1m "}}, 'spec.analysis.interval: given "1m ", allowed a duration from 1s'),
    ({"analysis": {"interval": "9999h"}}, 'spec.analysis.interval: given "9999h", allowed a duration from 1s to 8784h'),
    (
        {"analysis": {"stepWieght": 5}},
        "spec.analysis.stepWieght: given 5, allowed no field of that name; did you mean ",
    ),
    ({"analysis": {"metrics": [{"name": "errors"}]}}, 'spec.analysis.metrics[0].name: given "errors" alone, allowed '),
    (
        {"analysis": {"metrics": [{"name": "request-duration", "thresholdRange": {"min": 5, "max": 1}}]}},
        "spec.analysis.metrics[0].thresholdRange: given min 5 and max 1, allowed min <= max",
    ),
    (
        {"analysis": {"metrics": [{"name": "request-duration"}, {"name": "request-duration"}]}},
        "spec.analysis.metrics: given request-duration more than once, allowed each name once",
    ),
    ({"analysis": {"webhooks": [{"name": "a"}]}}, "spec.analysis.webhooks[0].url: given nothing, allowed a URL"),
    (
        {"analysis": {"webhooks": [{"name": "a", "url": "http://a", "timeout": "0s"}]}},
        'spec.analysis.webhooks[0].timeout: given "0s", allowed more than 0 and at most 24h',
    ),
    (
        {"analysis": {"webhooks": [{"name": "a", "url": "http://a", "disableTLS": True, "caRef": {"name": "ca"}}]}},
        "spec.analysis.webhooks[0]: given both, allowed at most one of caRef, disableTLS",
    ),
    (
        {"analysis": {"webhooks": [{"name": "a", "url": "http://a", "headers": {"X": "1\r\nHost: b"}}]}},
        'spec.analysis.webhooks[0].headers: given "X", allowed names and values of HTTP headers, without line breaks',
    ),
    (
        {"analysis": {"webhooks": [{"name": "a", "url": "http://a", "headers": {"Idempotency-Key": "1"}}]}},
        'spec.analysis.webhooks[0].headers: given "Idempotency-Key", allowed headers other than those that the',
    ),
    (
        {"analysis": {"sessionAffinity": {"cookieName": "a", "primaryCookieName": "a"}}},
        'spec.analysis.sessionAffinity.primaryCookieName: given "a", which is cookieName as well, allowed a name other',
    ),
    (
        {"service": {"port": 80, "appProtocol": "TCP"}, "analysis": {"mirror": True}},
        'spec.service.appProtocol: given "TCP" together with mirroring, allowed any protocol but tcp',
    ),
    (
        {
            "service": {"port": 80, "appProtocol": "tcp", "timeout": "5s"},
            "analysis": {"match": [{"headers": {"a": {}}}]},
        },
        'spec.service.appProtocol: given "tcp" together with analysis.match and service.timeout, allowed any protocol',
    ),
    (
        {"analysis": {"iterations": 2, "mirror": True, "match": [{"headers": {"a": {"exact": "b"}}}]}},
        "spec.analysis.mirror: given true together with iterations and match, allowed mirroring in a canary or blue",
    ),
    (
        {
            "service": {"port": 80, "match": [{"port": 80}, {"headers": {"a": {"exact": "c"}}}]},
            "analysis": {"match": [{"headers": {"a": {"exact": "b"}}}]},
        },
        "spec.analysis.match[0].headers.a: given another condition than service.match[1].headers.a, allowed the same",
    ),
    (
        {
            "service": {"port": 80, "match": [{"queryParams": {"a": {"exact": "c"}}}]},
            "analysis": {"testerMatch": [{"headers": {}}, {"queryParams": {"a": {"exact": "b"}}}]},
        },
        "spec.analysis.testerMatch[1].queryParams.a: given another condition than service.match[0].queryParams.a",
    ),
    (
        {
            "service": {"port": 80, "match": [{"headers": {"cookie": {"regex": ".*"}}}]},
            "analysis": {"sessionAffinity": {"cookieName": "a"}},
        },
        "spec.analysis.sessionAffinity: given session affinity together with service.match[0].headers.cookie, allowed",
    ),
    (
        {"promotion": {"method": "switch"}},
        'spec.promotion.method: given "switch" without service.name, allowed service.name, the Service that users call',
    ),
    (
        {"promotion": {"method": "switch"}, "service": {"port": 80, "name": "all"}, "provider": "kubernetes"},
        'spec.promotion.method: given "switch" together with provider kubernetes, allowed switch in a mesh',
    ),
    (
        {
            "promotion": {"method": "switch"},
            "service": {"port": 80, "name": "all"},
            "autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "reviews"},
        },
        'spec.promotion.method: given "switch" together with autoscalerRef, allowed switch in a mesh, and no autosca',
    ),
    (
        {
            "promotion": {"method": "switch"},
            "service": {"port": 80, "name": "all"},
            "routeRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "all"}],
            "subsetRef": {"name": "all", "primarySubset": "v1", "canarySubset": "v2"},
        },
        "spec.subsetRef: given primarySubset and canarySubset together with promotion.method",
    ),
    (
        {
            "routeRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "all"}],
            "subsetRef": {"name": "all"},
        },
        'spec.subsetRef: given name alone, with promotion.method "copy", allowed name, primarySubset and canarySubset',
    ),
    (
        {
            "routeRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "all"}],
            "subsetRef": {"name": "all", "primarySubset": "v1"},
        },
        "spec.subsetRef.canarySubset: given one of primarySubset and canarySubset, allowed both",
    ),
    (
        {
            "promotion": {"method": "switch"},
            "service": {"port": 80, "name": "all"},
            "targetRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "reviews"},
        },
        'spec.promotion.method: given "switch" for a DaemonSet, allowed switch for a target of kind Deployment',
    ),
    (
        {"service": {"port": 80, "delegation": True, "hosts": ["a"]}},
        "spec.service.delegation: given true together with hosts, allowed true without hosts and gateways",
    ),
    (
        {"naming": {"primary": "reviews"}},
        'spec.naming.primary: given "reviews", which is the apex Service\'s, allowed a name other than those of the ',
    ),
    (
        {"naming": {"primary": "reviews-canary"}},
        'spec.naming.primary: given "reviews-canary", which is the canary\'s Service\'s, allowed a name other than ',
    ),
    (
        {"naming": {"primary": "stable", "canary": "stable"}},
        'spec.naming.primary: given "stable", which is the canary\'s Service\'s, allowed a name other than those of ',
    ),
    (
        {"naming": {"canary": "reviews-primary"}},
        'spec.naming.canary: given "reviews-primary", which is the primary\'s Service\'s, allowed a name other than ',
    ),
    ({"naming": {"primary": "Stable"}}, 'spec.naming.primary: given "Stable", allowed at most 63 lower case letters'),
    (
        {"service": {"port": 80, "unmanagedMetadata": {"labels": ["a", "progressive.delivery/canary"]}}},
        "spec.service.unmanagedMetadata.labels: given progressive.delivery/canary, allowed any label but ",
    ),
    (
        {"service": {"port": 80, "unmanagedMetadata": {"annotations": ["progressive.delivery/fence"]}}},
        "spec.service.unmanagedMetadata.annotations: given progressive.delivery/fence, allowed any annotation that ",
    ),
    (
        {"service": {"port": 80, "match": [{"uri": {"exact": "/", "prefix": "/"}}]}},
        "spec.service.match[0].uri: given exact and prefix, allowed at most one of exact, prefix, regex",
    ),
    (
        {"service": {"port": 80, "mirror": [{"backendRef": {"name": "copy"}}]}},
        "spec.service.mirror[0].backendRef.port: given nothing, allowed 1..65535",
    ),
    (
        {"service": {"port": 80, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM", "consistentHash": {}}}}},
        "spec.service.trafficPolicy.loadBalancer: given both, allowed one of simple, consistentHash",
    ),
    (
        {
            "service": {
                "port": 80,
                "trafficPolicy": {
                    "loadBalancer": {"consistentHash": {"useSourceIp": True, "httpHeaderName": "x-user"}}
                },
            }
        },
        "consistentHash: given httpHeaderName and useSourceIp, allowed at most one of",
    ),
    ({"service": {"port": 80, "targetPort": {}}}, "spec.service.targetPort: given {}, allowed a port number from 1 to"),
    ({"service": {"port": 80, "timeout": "soon"}}, 'spec.service.timeout: given "soon", allowed a duration such as'),
    ({"service": {}}, "spec.service.port: given nothing, allowed 1..65535"),
    ({"provider": "foo"}, 'spec.provider: given "foo", allowed apisix, appmesh, '),
    (
        {"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a"}},
        'spec.targetRef.kind: given "StatefulSet", allowed DaemonSet, Deployment, Service',
    ),
    (
        {"targetRef": DAEMON_SET, "autoscalerRef": {**DAEMON_SET, "kind": "HorizontalPodAutoscaler"}},
        "spec.autoscalerRef: given an autoscaler for a DaemonSet, allowed none, or a target of kind Deployment",
    ),
    (
        {"targetRef": SERVICE, "autoscalerRef": {**SERVICE, "kind": "ScaledObject"}},
        "spec.autoscalerRef: given an autoscaler for a Service",
    ),
    (
        {"targetRef": SERVICE, "service": {"port": 80, "name": "b"}},
        'spec.service.name: given "b", allowed "a", because a target of kind Service is the apex Service itself',
    ),
    (
        {"targetRef": SERVICE, "service": {"port": 80, "headless": True, "portDiscovery": True}},
        "spec.service.portDiscovery: given portDiscovery and headless for a target of kind Service, allowed none of",
    ),
    ({"targetRef": SERVICE, "service": {"port": 80, "targetPort": 8080}}, "spec.service.targetPort: given targetPort"),
    (
        {"targetRef": SERVICE, "service": {"port": 80, "trafficDistribution": "PreferClose"}},
        "spec.service.trafficDistribution: given trafficDistribution for a target of kind Service",
    ),
    ({"traffic": {"drainSeconds": 400}}, "spec.traffic.drainSeconds: given 400, with drainMaxSeconds 300, allowed at "),
    ({"metricsServer": "prometheus"}, 'spec.metricsServer: given "prometheus", allowed a URL that begins with http://'),
    (
        {"analysis": {"metrics": [{"name": "request-duration", "threshold": float("nan")}]}},
        "spec.analysis.metrics[0].threshold: given NaN, allowed a number",
    ),
    ({"paused": "yes"}, 'spec.paused: given "yes", allowed true or false'),
    ({"analysis": 5}, "spec.analysis: given 5, allowed an object"),
]


@pytest.mark.parametrize(("spec", "says"), REFUSED, ids=lambda value: value[:60] if isinstance(value, str) else "")
def test_what_is_wrong_is_named_with_what_was_given_and_what_is_allowed(canary: Any, spec: Any, says: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary(canary(**spec))

    [line] = str(caught.value).splitlines()
    assert says in line


def test_each_problem_gets_a_line_of_its_own(canary: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary(canary(provider="foo", service={"port": 0}, analysis={"stepWeights": [101, 102]}))

    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "spec.provider", "spec.service.port", "spec.analysis.stepWeights[0]", "spec.analysis.stepWeights[1]",
    ]  # fmt: skip
