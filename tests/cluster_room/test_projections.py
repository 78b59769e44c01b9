"""Caches keep what is read, and nothing of what is not."""

import json

import pytest

from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    PODS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from delivery.cluster.projections import PROJECTIONS

META = {
    "name": "reviews", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 3,
    "labels": {"app": "reviews"}, "annotations": {"note": "x"}, "creationTimestamp": "t", "deletionTimestamp": "d",
    "ownerReferences": [{"uid": "o"}], "finalizers": ["f"], "selfLink": "/long/path",
    "managedFields": [
        {"manager": "kubectl", "operation": "Update", "time": "2026-02-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "helm", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
    ],
}  # fmt: skip
MANAGERS = [
    {"manager": "helm", "operation": "Apply", "time": "2026-01-01T00:00:00Z"},
    {"manager": "kubectl", "operation": "Update", "time": "2026-02-02T00:00:00Z"},
]


def test_a_deployment_keeps_its_spec_counts_and_conditions():
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}
    status = {"replicas": 2, "readyReplicas": 1, "observedGeneration": 3, "conditions": [{"type": "Available"}],
              "collisionCount": 4}
    kept = PROJECTIONS[DEPLOYMENTS]({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": META, "spec": spec,
                                     "status": status})
    del status["collisionCount"]
    metadata = {key: value for key, value in META.items() if key != "selfLink"} | {"managedFields": MANAGERS}
    assert kept == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec,
                    "status": status}


def test_a_pod_keeps_whether_it_is_ready_and_why_its_containers_are_not():
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s", "other": 1}}
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "t"}}
    body = {
        "metadata": META,
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n"},
        "status": {
            "phase": "Running", "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}],
            "initContainerStatuses": [{"name": "init", "restartCount": 0, "state": killed, "imageID": "sha"}],
            "containerStatuses": [
                {"name": "c", "restartCount": 3, "state": waiting, "lastState": killed, "image": "i"},
                {"name": "d", "restartCount": 0, "state": {"running": {"startedAt": "t"}}, "lastState": {}},
            ],
        },
    }  # fmt: skip
    kept = PROJECTIONS[PODS](body)
    assert set(kept["metadata"]) == {
        "name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences", "creationTimestamp",
        "deletionTimestamp",
    }  # fmt: skip
    assert kept["status"] == {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False"}],
        "initContainerStatuses": [
            {"name": "init", "restartCount": 0, "state": {"terminated": {"reason": "OOMKilled", "finishedAt": "t"}}}
        ],
        "containerStatuses": [
            {"name": "c", "restartCount": 3,
             "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
             "lastState": {"terminated": {"reason": "OOMKilled", "finishedAt": "t"}}},
            {"name": "d", "restartCount": 0},
        ],
    }  # fmt: skip
    assert "spec" not in kept


@pytest.mark.parametrize("kind", [SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES])
def test_services_and_routes_keep_everything_but_their_status(kind):
    kept = PROJECTIONS[kind]({"kind": "K", "metadata": META, "spec": {"a": [1]}, "status": {"b": 1}})
    assert kept == {"kind": "K", "metadata": {**META, "managedFields": MANAGERS}, "spec": {"a": [1]}}


def test_a_canary_is_kept_whole():
    body = {"kind": "Canary", "metadata": META, "spec": {"a": 1}, "status": {"phase": "Progressing"}}
    assert PROJECTIONS[CANARIES](body) == {**body, "metadata": {**META, "managedFields": MANAGERS}}


@pytest.mark.parametrize("kind", list(PROJECTIONS), ids=str)
@pytest.mark.parametrize("odd", [None, "text", 3, [], [None], {"conditions": "x", "containerStatuses": [1]}])
def test_no_projection_fails_on_an_odd_object_or_loses_its_version_or_changes_it(kind, odd):
    body = {"metadata": {"name": "x", "resourceVersion": "7", "managedFields": odd}, "spec": odd, "status": odd}
    before = json.dumps(body)
    assert PROJECTIONS[kind](body)["metadata"]["resourceVersion"] == "7"
    assert PROJECTIONS[kind]({"metadata": META})["metadata"]["resourceVersion"] == "7"
    assert json.dumps(body) == before
