"""Autoscalers of the Deployment `reviews`, as an API server returns them."""

from typing import Any

import pytest

Json = dict[str, Any]


@pytest.fixture
def hpa() -> Json:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    return {
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "resourceVersion": "7",
            "labels": {"app": "reviews", "team": "books", "kustomize.toolkit.fluxcd.io/name": "shop"},
            "annotations": {"note": "ours", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "minReplicas": 2,
            "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }


@pytest.fixture
def keda() -> Json:
    query = {"serverAddress": "http://prometheus", "query": 'sum(rate(requests{app="reviews"}[1m]))', "threshold": "5"}
    return {
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "resourceVersion": "7",
            "labels": {"scaledobject.keda.sh/name": "reviews"},
            "annotations": {"autoscaling.keda.sh/paused-replicas": "0", "autoscaling.keda.sh/paused": "true", "x": "y"},
        },
        "spec": {
            "scaleTargetRef": {"name": "reviews"},
            "idleReplicaCount": 0,
            "minReplicaCount": 2,
            "triggers": [
                {"type": "prometheus", "name": "requests", "metadata": query},
                {"type": "cron", "metadata": {"start": "0 6 * * *", "end": "0 20 * * *", "desiredReplicas": "5"}},
            ],
            "advanced": {
                "restoreToOriginalReplicaCount": True,
                "horizontalPodAutoscalerConfig": {"name": "reviews-hpa", "behavior": {"scaleDown": {}}},
            },
        },
    }
