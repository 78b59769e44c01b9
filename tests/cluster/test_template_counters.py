"""MetricTemplates' counters on a real API server. It is too old to evaluate CEL: those rules are the model's too."""

from typing import Any

import pytest

from delivery.api.parse import parse_metric_template
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, METRIC_TEMPLATES, Ref
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary as short_canary
from tests.cluster.test_templates import template

ORDERS, FAILED = 'orders_total{app="{{ workload }}"}', 'orders_failed_total{app="{{ workload }}"}'
BOTH = {"requests": ORDERS, "failures": FAILED}
PROMETHEUS = {"type": "prometheus"}


@pytest.mark.parametrize(
    "counters",
    [
        {**BOTH, "podLabel": "pod", "noun": "orders"},
        {"requests": ORDERS, "successes": FAILED},
        {"buckets": ORDERS, "bucketUnit": "milliseconds"},
    ],
)
@pytest.mark.usefixtures("crds")
async def test_counters_are_stored_and_read_back(
    api: KubernetesApi, kubectl: Kubectl, namespace: str, counters: Any
) -> None:
    spec = {"provider": PROMETHEUS, "counters": counters}
    await kubectl.apply(template(spec))
    stored = await api.get(Ref(METRIC_TEMPLATES, namespace, "error-percentage"))
    assert parse_metric_template(stored).spec.as_json() == spec


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"noun": "a;b"}, "noun"),
        ({"podLabel": "a-b"}, "podLabel"),
        ({"bucketUnit": "minutes"}, "bucketUnit"),
        ({"requests": ""}, "requests"),
        ({"failures": 5}, "failures"),
    ],
)
@pytest.mark.usefixtures("crds")
async def test_what_no_counters_have_is_refused_by_the_server(
    kubectl: Kubectl, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(KubectlError) as refused:
        await kubectl.apply(template({"provider": PROMETHEUS, "counters": {**BOTH, **more}}))
    assert f"spec.counters.{field}" in str(refused.value)


@pytest.mark.usefixtures("crds")
async def test_a_canary_that_compares_a_template_is_stored_as_written(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    metric = {"name": "orders", "templateRef": {"name": "orders"}, "minSamples": 5, "compareWithPrimary": {}}
    await kubectl.apply(short_canary("counted", analysis={"stepWeight": 10, "metrics": [metric]}))
    stored = await api.get(Ref(CANARIES, namespace, "counted"))
    kept = stored["spec"]["analysis"]["metrics"][0]
    assert kept["minSamples"] == 5
    assert set(kept["compareWithPrimary"]) == {"falseAlarmPercent", "ignoreBelowPercent", "maxIncreasePercent"}
