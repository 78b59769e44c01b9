"""A real API server takes the builtin metrics. It is too old to evaluate CEL: those rules are the model's too."""

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Ref
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary

pytestmark = pytest.mark.usefixtures("crds")


async def test_every_builtin_metric_is_taken(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    metrics = [
        {"name": "request-success-rate", "grpcFailureStatuses": [2, 14], "thresholdRange": {"min": 99}},
        {"name": "request-duration", "thresholdRange": {"max": 500}},
        {"name": "request-reachability", "thresholdRange": {"min": 99.9}},
        {"name": "request-count", "thresholdRange": {"min": 100}},
    ]
    await kubectl.apply(canary(analysis={"metrics": metrics}))
    await kubectl.apply(canary("own", provider="kubernetes", analysis={"metrics": metrics[1:2] + metrics[3:]}))

    for name, given in (("reviews", metrics), ("own", metrics[1:2] + metrics[3:])):
        kept = (await api.get(Ref(CANARIES, namespace, name)))["spec"]["analysis"]["metrics"]
        assert all(one.items() <= other.items() for one, other in zip(given, kept, strict=True)), kept


async def test_a_status_that_is_none_of_grpc_is_refused(kubectl: Kubectl, namespace: str) -> None:
    metric = {"name": "request-success-rate", "grpcFailureStatuses": [17]}
    with pytest.raises(KubectlError, match="grpcFailureStatuses"):
        await kubectl.apply(canary(analysis={"metrics": [metric]}))
