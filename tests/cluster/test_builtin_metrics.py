"""A real API server takes and refuses the same builtin metrics as the model."""

from typing import Any

import pytest

from tests.api.test_builtin_metrics import SUBSETS
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary

pytestmark = pytest.mark.usefixtures("crds")


async def test_every_builtin_metric_is_taken(kubectl: Kubectl, namespace: str) -> None:
    metrics = [
        {"name": "request-success-rate", "grpcFailureStatuses": [2, 14], "thresholdRange": {"min": 99}},
        {"name": "request-duration", "thresholdRange": {"max": 500}},
        {"name": "request-reachability", "thresholdRange": {"min": 99.9}},
        {"name": "request-count", "thresholdRange": {"min": 100}},
    ]
    await kubectl.apply(canary(analysis={"metrics": metrics}))
    await kubectl.apply(canary("own", provider="kubernetes", analysis={"metrics": metrics[1:2] + metrics[3:]}))


@pytest.mark.parametrize(
    ("spec", "metric", "named"),
    [
        ({}, {"name": "request-counts"}, "must be one of request-success-rate, request-duration"),
        ({}, {"name": "request-count", "grpcFailureStatuses": [2]}, "grpcFailureStatuses is for request-success-rate"),
        ({}, {"name": "request-success-rate", "grpcFailureStatuses": [17]}, "less than or equal to 16"),
        ({"provider": "kubernetes"}, {"name": "request-reachability"}, "has no proxies that count"),
        (SUBSETS, {"name": "request-reachability"}, "both roles have the same"),
    ],
)
async def test_what_could_never_be_measured_is_refused(
    kubectl: Kubectl, namespace: str, spec: dict[str, Any], metric: dict[str, Any], named: str
) -> None:
    with pytest.raises(KubectlError, match=named):
        await kubectl.apply(canary(**spec, analysis={"metrics": [metric]}))
