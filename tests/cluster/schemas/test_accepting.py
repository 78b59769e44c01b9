"""Good and bad objects: the sandbox's schemas and a real API server accept, complete and refuse the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import yaml

from delivery.cluster import objects
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import Kind, Ref
from tests.cluster.harness.kinds import CRDS
from tests.cluster.harness.waiting import condition, until
from tests.cluster.schemas.cases import builtin_cases, changed
from tests.cluster.schemas.comparing import Outcome, Server, ours
from tests.cluster.schemas.things import DEFINITION, SCHEMA, SPECS, THINGS

EXAMPLES = Path(__file__).parents[3] / "examples"

CANARY: dict[str, Any] = {
    "metadata": {"name": "reviews"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "analysis": {"interval": "30s", "stepWeights": [5, 50]},
    },
}
ROUTES: dict[str, Any] = {
    "metadata": {"name": "reviews"},
    "spec": {
        "hosts": ["reviews"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}}],
                "retries": {"attempts": 3, "perTryTimeout": "2s"},
                "route": [{"destination": {"host": "reviews", "subset": "v1", "port": {"number": 80}}, "weight": 100}],
            }
        ],
    },
}
DESTINATIONS: dict[str, Any] = {
    "metadata": {"name": "reviews"},
    "spec": {
        "host": "reviews",
        "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
        "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    },
}
METRIC: dict[str, Any] = {
    "metadata": {"name": "errors"},
    "spec": {"provider": {"type": "prometheus", "address": "http://prometheus"}, "query": "1"},
}
ALERTS: dict[str, Any] = {"metadata": {"name": "chat"}, "spec": {"type": "slack", "address": "http://chat"}}
_ROUTE = "spec/http/0/route/0"
CUSTOM: tuple[tuple[Kind, dict[str, Any], tuple[tuple[str, Any], ...]], ...] = (
    (
        objects.CANARIES,
        CANARY,
        (
            ("metadata/name", "A_b"),
            ("metadata/labels", {"a": "_"}),
            ("metadata/labels", {"a": 1}),
            ("spec", None),
            ("spec/provider", "foo"),
            ("spec/service", {}),
            ("spec/service/port", "http"),
            ("spec/service/match", [{"uri": {"exact": "/", "prefix": "/"}}]),
            ("spec/analysis/interval", "0s"),
            ("spec/analysis/interval", 30),
            ("spec/analysis/stepWeights", [5, 150]),
            ("spec/analysis/metrics", [{"name": "a"}, {"name": "a"}]),
            ("spec/targetRef/kind", "Foo"),
            ("spec/targetRef/name", ""),
            ("spec/traffic", {"settleSeconds": -1}),
            ("spec/unheardOf", {"a": 1}),
        ),
    ),
    (objects.METRIC_TEMPLATES, METRIC, (("spec/provider/type", "foo"), ("spec/query", None), ("spec", {}))),
    (objects.ALERT_PROVIDERS, ALERTS, (("spec/type", "foo"), ("spec/address", 5))),
    (
        objects.VIRTUAL_SERVICES,
        ROUTES,
        (
            (f"{_ROUTE}/weight", "100"),
            (f"{_ROUTE}/destination", {}),
            (f"{_ROUTE}/destination/port/number", 2**33),
            ("spec/http/0/match/0/uri", {"exact": "a", "prefix": "b"}),
            ("spec/http/0/unheardOf", True),
            ("spec/hosts", "reviews"),
            ("spec/hosts", None),
            ("spec/http/0/timeout", 5),
        ),
    ),
    (
        objects.DESTINATION_RULES,
        DESTINATIONS,
        (
            ("spec/subsets/0/name", None),
            ("spec/trafficPolicy/loadBalancer/simple", "FOO"),
            ("spec/trafficPolicy/loadBalancer/consistentHash", {"httpHeaderName": "x"}),
            ("spec/host", 5),
        ),
    ),
)


async def assert_same(server: Server, namespace: str, cases: list[tuple[str, Kind, Any, Any]]) -> None:
    """Both make the same of each case; all differences at once, or a run would show but the first."""
    real = await asyncio.gather(*(server.create(kind, body, namespace=namespace) for _, kind, body, _ in cases))
    mine = [ours(kind, body, schema) for _, kind, body, schema in cases]
    differing = [
        f"{name}\n  real: {_told(theirs, own)}\n  ours: {_told(own, theirs)}"
        for (name, *_), theirs, own in zip(cases, real, mine, strict=True)
        if theirs != own
    ]
    assert not differing, "\n".join(differing)


def _told(one: Outcome, other: Outcome) -> str:
    return f"{one.code} {sorted(one.causes - other.causes) or ''} {one.body if one.body != other.body else ''}"


async def test_builtin_objects_are_accepted_completed_and_refused_alike(server: Server, namespace: str) -> None:
    await assert_same(server, namespace, [(*case, None) for case in builtin_cases()])


async def test_custom_objects_are_accepted_completed_and_refused_alike(
    server: Server, namespace: str, crds: list[str], definitions: dict[str, Any]
) -> None:
    cases = []
    for kind, plain, changes in CUSTOM:
        schema = definitions[f"{kind.kind}/{kind.version}"]["schema"]["openAPIV3Schema"]
        cases.append((f"{kind} as it should be", kind, plain, schema))
        cases += [(f"{kind} {path}={value!r}", kind, changed(plain, path, value), schema) for path, value in changes]

    await assert_same(server, namespace, cases)


async def test_our_examples_are_stored_alike(
    server: Server, namespace: str, crds: list[str], definitions: dict[str, Any]
) -> None:
    kinds = {kind.kind: kind for kind in (objects.CANARIES, objects.METRIC_TEMPLATES, objects.ALERT_PROVIDERS,
             objects.DEPLOYMENTS, objects.SERVICES, objects.VIRTUAL_SERVICES, objects.DESTINATION_RULES)}  # fmt: skip
    cases = []
    for file in sorted(EXAMPLES.rglob("*.yaml")):
        for body in filter(None, yaml.safe_load_all(file.read_text())):
            kind = kinds.get(body.get("kind", ""))
            if kind is None or body["apiVersion"] != kind.api_version:
                continue
            plain = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "namespace"}}
            version = definitions.get(f"{kind.kind}/{kind.version}")
            cases.append((file.name, kind, plain, version and version["schema"]["openAPIV3Schema"]))

    assert cases
    await assert_same(server, namespace, cases)


@pytest_asyncio.fixture
async def things(api: KubernetesApi) -> AsyncIterator[None]:
    """The kind Thing, defined."""
    ref = Ref(CRDS, "", DEFINITION["metadata"]["name"])
    await api.create(ref, DEFINITION)
    await until(api, ref, lambda crd: condition(crd, "Established") == "True", what="established")
    yield
    await api.delete(ref)


async def test_every_word_of_a_schema_means_the_same(server: Server, namespace: str, things: None) -> None:
    specs = [{"must": "m", **spec} for spec in SPECS]
    cases = [(f"{spec}", THINGS, {"metadata": {"name": "x"}, "spec": spec}, SCHEMA) for spec in specs]

    await assert_same(server, namespace, cases)
