"""A real API server takes and keeps the rules of verdicts, and a status with evidence and memory. It is too old to
evaluate CEL: those rules are the model's too.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.api.parse import parse_canary
from delivery.api.rollout import rollout_spec
from delivery.api.status import dump, load
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Ref
from metrics.verdict import MEMORY_BYTES, Evidence, Outcome
from strategies.status import Check, Phase, Status
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary

pytestmark = pytest.mark.usefixtures("crds")

RULED = {
    "name": "request-success-rate",
    "thresholdRange": {"min": 99},
    "failureLimit": 0,
    "consecutiveFailures": 2,
    "errorLimit": 3,
    "minSamples": 50,
    "onNoData": "rollback",
    "dryRun": True,
    "initialDelaySeconds": 10,
    "warmupSeconds": 0,
}
COMPARED = {"name": "request-duration", "compareWithPrimary": {"maxIncreasePercent": 50}}


async def test_the_rules_are_kept_and_mean_the_same(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    analysis = {
        "checkIntervalSeconds": 10,
        "onInconclusive": "proceed",
        "maxDurationSeconds": 3600,
        "metrics": [RULED, COMPARED],
    }
    body = canary(analysis=analysis)
    await kubectl.apply(body)

    stored = await api.get(Ref(CANARIES, namespace, "reviews"))

    given, kept = (
        rollout_spec(parse_canary(each), scrape_interval_seconds=15.0)
        for each in ({**body, "metadata": stored["metadata"]}, stored)
    )
    assert kept == given
    assert kept.checks[0].failure_limit == 0
    assert stored["spec"]["analysis"]["metrics"][1]["warmupSeconds"] == 120


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"failureLimit": -1}, "failureLimit"),
        ({"consecutiveFailures": 0}, "consecutiveFailures"),
        ({"onNoData": "threshold"}, "onNoData"),
        ({"warmupSeconds": 86401}, "warmupSeconds"),
        ({"compareWithPrimary": {"falseAlarmPercent": 0.001}}, "falseAlarmPercent"),
    ],
)
async def test_a_rule_out_of_range_is_refused(kubectl: Kubectl, namespace: str, rules: Any, says: str) -> None:
    with pytest.raises(KubectlError, match=says):
        await kubectl.apply(canary(analysis={"metrics": [{"name": "request-duration", **rules}]}))


async def test_evidence_and_memory_come_back_as_they_were_written(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    await kubectl.apply(canary())
    ref = Ref(CANARIES, namespace, "reviews")
    end = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    evidence = Evidence(canary_requests=1204, canary_bad=57, strength=12.5, needed=100, changed_by="with 40 fewer")
    check = Check(name="a", window=7, end=end, outcome=Outcome.FAIL, evidence=evidence, fails=2, in_row=1)
    learned = replace(check, judge="compare 25/1/0.1", memory="m" * MEMORY_BYTES, resume=end, whole=Outcome.PASS)
    status = Status(phase=Phase.PROGRESSING, checks=(learned,))

    kept = await api.patch(ref, [{"op": "add", "path": "/status", "value": dump(status)}], subresource="status")

    assert load(kept["status"]) == status
