"""MetricTemplates on a real control plane: what the API server takes and refuses, and runs that a template judges.

The template's Prometheus is the stage's real one, behind a proxy that lets in who has the Secret's token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from delivery.api.parse import parse_metric_template
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, METRIC_TEMPLATES, SECRETS, Ref
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.stage import V1, V2, Stage
from tests.cluster.harness.telling import together
from tests.cluster.test_crds import canary as short_canary
from tests.metrics.providers.vendor import Request, Vendor, vendor

TOKEN = "hunter2"
ERRORS = """
100 * (sum(increase(istio_requests_total{
    reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload="{{ target }}",
    response_code=~"{{ variables.codes }}"
}[{{ interval }}])) or vector(0))
/ (sum(increase(istio_requests_total{
    reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload="{{ target }}"
}[{{ interval }}])) > 0)
"""
METRIC = {
    "name": "error-percentage",
    "interval": "5s",
    "warmupSeconds": 0,
    "templateRef": {"name": "error-percentage"},
    "templateVariables": {"codes": "5.."},
    "thresholdRange": {"max": 1},
}
EVERY_FIELD = {
    "provider": {
        "type": "web",
        "address": "https://api.example.com/v1",
        "headers": {"X-Scope": ["a", "b"]},
        "secretRef": {"name": "api"},
        "region": "eu-west-1",
        "caRef": {"kind": "Secret", "name": "authorities", "key": "ca.pem"},
        "method": "POST",
        "jsonPath": "$.errors",
    },
    "query": '{"of": "{{ target }}"}',
}


def template(spec: dict[str, Any], name: str = "error-percentage") -> dict[str, Any]:
    meta = {"name": name}
    return {"apiVersion": METRIC_TEMPLATES.api_version, "kind": "MetricTemplate", "metadata": meta, "spec": spec}


# -- what is stored


@pytest.mark.usefixtures("crds")
async def test_every_field_is_stored_and_read_back(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(template(EVERY_FIELD))
    stored = await api.get(Ref(METRIC_TEMPLATES, namespace, "error-percentage"))
    assert parse_metric_template(stored).spec.as_json() == EVERY_FIELD
    assert "web" in await kubectl("get", "metrictemplates")


@pytest.mark.usefixtures("crds")
async def test_a_template_of_flaggers_is_stored_after_a_change_of_its_api_version(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    spec = {"provider": {"type": "newrelic", "secretRef": {"name": "newrelic"}}, "query": "SELECT 1"}
    await kubectl.apply(template(spec))
    assert (await api.get(Ref(METRIC_TEMPLATES, namespace, "error-percentage")))["spec"] == spec


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ({"type": "promtheus"}, "spec.provider.type"),
        ({"type": "prometheus", "address": "prometheus:9090"}, "spec.provider.address"),
        ({"type": "prometheus", "address": "http://me:secret@prometheus"}, "spec.provider.address"),
        ({"type": "web", "address": "http://a", "jsonPath": "$", "method": "PUT"}, "spec.provider.method"),
        ({"type": "cloudwatch", "region": "EU West"}, "spec.provider.region"),
        ({"type": "prometheus", "address": "http://a", "caRef": {"kind": "Pod", "name": "a"}}, "spec.provider.caRef"),
    ],
)
async def test_what_no_provider_has_is_refused_by_the_server(
    kubectl: Kubectl, provider: dict[str, Any], field: str
) -> None:
    with pytest.raises(KubectlError) as refusal:
        await kubectl.apply(template({"provider": provider, "query": "up"}))
    assert field in str(refusal.value)


@pytest.mark.usefixtures("crds")
async def test_a_canary_with_a_template_is_stored_as_written(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    await kubectl.apply(short_canary(analysis={"metrics": [METRIC]}))
    stored = await api.get(Ref(CANARIES, namespace, "reviews"))
    assert stored["spec"]["analysis"]["metrics"][0].items() >= METRIC.items()


# -- runs


@contextmanager
def guarded(prometheus: Prometheus) -> Iterator[Vendor]:
    """A proxy in front of Prometheus, for who has the token."""
    with vendor() as each:

        def forward(request: Request) -> Any:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                each.status = 401
                return "who are you?"
            answer = requests.get(prometheus.url + request.path, params=dict(request.query), timeout=20)
            each.status = answer.status_code
            return answer.text

        each.answer = forward
        yield each


async def _prepared(stage: Stage, proxy: Vendor) -> None:
    provider = {"type": "prometheus", "address": proxy.address, "secretRef": {"name": "prometheus"}}
    await stage.kubectl.apply(template({"provider": provider, "query": ERRORS}))
    await stage.api.create(stage.ref(SECRETS, "prometheus"), {"stringData": {"token": TOKEN}})


@together
async def test_a_template_behind_a_token_judges_a_release(stage: Stage) -> None:
    with guarded(stage.prometheus) as proxy:
        await _prepared(stage, proxy)
        await stage.initialised(interval="5s", stepWeights=[50], metrics=[METRIC])
        await stage.release(V2)
        await stage.phase("Progressing")
        await stage.at_rest("Succeeded")
        assert await stage.image("reviews-primary") == V2
        asked = [each.query["query"][0] for each in proxy.requests]
    assert asked
    assert all(f'destination_workload_namespace="{stage.namespace}"' in each for each in asked)
    assert all('response_code=~"5.."' in each and "[5s]" in each for each in asked)
    assert stage.lost() == 0


@together
async def test_a_template_that_goes_in_the_middle_holds_until_it_is_back(stage: Stage) -> None:
    with guarded(stage.prometheus) as proxy:
        await _prepared(stage, proxy)
        await stage.initialised(interval="5s", stepWeights=[20, 50], metrics=[METRIC])
        await stage.release(V2)
        await stage.at_weight(20)
        await stage.api.delete(stage.ref(METRIC_TEMPLATES, "error-percentage"))
        message = await stage.condition("MetricsUnresolved", "True", "TemplateNotFound")
        assert f"MetricTemplate {stage.namespace}/error-percentage does not exist" in message
        held = await stage.condition("AnalysisHealthy", "False", "MetricsUnavailable")
        assert "create it" in held
        assert await stage.image("reviews-primary") == V1

        provider = {"type": "prometheus", "address": proxy.address, "secretRef": {"name": "prometheus"}}
        await stage.kubectl.apply(template({"provider": provider, "query": ERRORS}))
        await stage.at_rest("Succeeded")
        assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0


@together
async def test_a_secret_that_is_missing_is_named_before_a_release_and_its_token_nowhere(stage: Stage) -> None:
    with guarded(stage.prometheus) as proxy:
        provider = {"type": "prometheus", "address": proxy.address, "secretRef": {"name": "prometheus"}}
        await stage.kubectl.apply(template({"provider": provider, "query": ERRORS}))
        await stage.initialised(interval="5s", stepWeights=[50], metrics=[METRIC])
        message = await stage.condition("MetricsUnresolved", "True", "SecretNotFound")
        assert f"Secret {stage.namespace}/prometheus" in message

        await stage.api.create(stage.ref(SECRETS, "prometheus"), {"stringData": {"token": "wrong"}})
        await stage.until(lambda one: _is_silent(one), what="the Secret is there")
        await stage.release(V2)
        refused = await stage.condition("AnalysisHealthy", "False", "MetricsUnavailable")
        assert "refuses access (HTTP 401)" in refused
        assert "wrong" not in refused
        put = {"op": "add", "path": "/stringData", "value": {"token": TOKEN}}
        await stage.api.patch(stage.ref(SECRETS, "prometheus"), [put])
        body = await stage.at_rest("Succeeded")
    assert TOKEN not in str(body)


def _is_silent(body: Any) -> bool:
    return all(each["type"] != "MetricsUnresolved" for each in body["status"]["conditions"])
