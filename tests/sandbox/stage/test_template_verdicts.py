"""Releases judged by the counters of MetricTemplates: a real controller and judge, and callers, in one sandbox.

Each in a namespace of its own, all at the same time.
"""

import pytest
import pytest_asyncio

from delivery.cluster.objects import METRIC_TEMPLATES
from tests.sandbox.stage.test_verdicts import Story, telling

WHERE = (
    'reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload="{{ workload }}", '
    'source_workload!="unknown"'
)
ORDERS = {
    "requests": f"istio_requests_total{{{WHERE}}}",
    "failures": f'istio_requests_total{{{WHERE}, response_code=~"{{{{ variables.codes }}}}"}}',
    "noun": "orders",
}
DURATIONS = {"buckets": f"istio_request_duration_milliseconds_bucket{{{WHERE}}}", "bucketUnit": "milliseconds"}
METRIC = {
    "name": "orders",
    "interval": "3s",
    "warmupSeconds": 0,
    "templateRef": {"name": "orders"},
    "templateVariables": {"codes": "5.."},
}
COMPARED = {**METRIC, "compareWithPrimary": {}}

STORIES = {
    "is-worse": (ORDERS, {"metrics": [COMPARED], "threshold": 50}, "0.2"),
    "is-as-good": (ORDERS, {"metrics": [COMPARED]}, "0"),
    "is-as-fast": (DURATIONS, {"metrics": [COMPARED]}, "0"),
    "breaks-its-limit": (ORDERS, {"metrics": [{**METRIC, "thresholdRange": {"max": 1}}]}, "0.2"),
    "too-few": (ORDERS, {"metrics": [{**METRIC, "minSamples": 100000}], "onInconclusive": "rollback"}, "0"),
    "nobody-counts": (None, {"metrics": [COMPARED]}, "0"),
}
"""What the template counts, what is analysed, and which share of its requests the new version fails."""


class Counted(Story):
    """A release whose metric is a template's."""

    def given(self):
        return STORIES[self.namespace][1:]

    def beside(self):
        counters = STORIES[self.namespace][0]
        asks = {"query": "vector(0)"} if counters is None else {"counters": counters}
        meta = {"name": "orders", "namespace": self.namespace}
        spec = {"provider": {"type": "prometheus"}, **asks}
        kind = {"apiVersion": METRIC_TEMPLATES.api_version, "kind": METRIC_TEMPLATES.kind}
        return ({**kind, "metadata": meta, "spec": spec},)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told():
    async with telling(STORIES, Counted) as story:
        yield story


module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_who_is_worse_is_rolled_back_in_the_words_of_the_template(told) -> None:
    story = await told("is-worse")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert " orders failed (" in story.status()["message"]
    assert "on the primary" in story.status()["message"]
    evidence = story.check["evidence"]
    assert evidence["strength"] >= evidence["needed"]
    assert evidence["noun"] == "orders"
    assert evidence["load"] > 0, "pods are told apart"
    assert not story.serves_v2()


@module_loop
@pytest.mark.parametrize("name", ["is-as-good", "is-as-fast"])
async def test_who_is_as_good_is_promoted(told, name) -> None:
    story = await told(name)
    await story.until_status(lambda status: status.get("phase") == "Succeeded")
    assert story.serves_v2()


@module_loop
async def test_who_breaks_the_limit_of_counters_is_rolled_back_with_the_numbers_of_both(told) -> None:
    story = await told("breaks-its-limit")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert " orders failed (" in story.status()["message"]
    assert "on the primary" in story.status()["message"]
    assert not story.serves_v2()


@module_loop
async def test_too_few_decide_nothing_until_the_policy_does(told) -> None:
    story = await told("too-few")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert "orders to the canary in this window are too few to tell" in story.status()["message"]


@module_loop
async def test_a_template_that_counts_nobody_holds_the_run_and_says_so(told) -> None:
    story = await told("nobody-counts")
    await story.until_status(lambda _: story.condition("AnalysisHealthy").get("reason") == "MetricsUnavailable")
    assert story.condition("MetricsUnresolved")["reason"] == "CountersMissing"
    assert story.status()["phase"] == "Progressing"
