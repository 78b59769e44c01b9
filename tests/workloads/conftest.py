"""A small world: the Canary `reviews` in the namespace `shop`, with its Deployment as an API server returns it."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
import pytest

from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import Change, pointer
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec

Json = dict[str, Any]


@pytest.fixture
def names() -> Names:
    return Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")


@pytest.fixture
def spec() -> ServiceSpec:
    return ServiceSpec(port=9080)


_OWN = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["reviews"]}]}
SPREAD = {
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": _OWN},
                }
            ]
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "reviews"}},
        }
    ],
}
"""Rules by which pods keep away from those of their own kind."""


@pytest.fixture
def target() -> Json:
    return {
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "uid": "t-1",
            "generation": 3,
            "resourceVersion": "100",
            "labels": {"app": "reviews", "team": "books", "kustomize.toolkit.fluxcd.io/name": "shop"},
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {
            "replicas": 3,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "reviews", "tier": "web"}},
            "template": {
                "metadata": {"creationTimestamp": None, "labels": {"app": "reviews", "tier": "web", "version": "v1"}},
                "spec": {
                    "containers": [{"name": "reviews", "image": "reviews:v1", "resources": {}}],
                    **copy.deepcopy(SPREAD),
                },
            },
        },
        "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3},
    }


def _apply(body: Mapping[str, Any] | None, change: Change) -> Json:
    """The object after the change: by the API server's rules, and the same by another implementation."""
    if body is None:
        return copy.deepcopy(dict(change.body))
    after: Json = json_patch(body, change.patch)
    nulls = [op for op in change.patch if op["op"] == "test" and op["value"] is None]
    other: Json = jsonpatch.apply_patch(body, [op for op in change.patch if op not in nulls])
    assert after == other
    return after


def _stored(body: Mapping[str, Any], *, version: str = "1") -> Json:
    """A body as an API server hands it out after creating it."""
    out = copy.deepcopy(dict(body))
    out["metadata"] = {**out["metadata"], "uid": "x", "resourceVersion": version, "generation": 1}
    if "template" in out["spec"]:
        out["spec"]["template"]["metadata"]["creationTimestamp"] = None
    return out


@pytest.fixture
def apply() -> Callable[[Mapping[str, Any] | None, Change], Json]:
    return _apply


@pytest.fixture
def stored() -> Callable[..., Json]:
    return _stored


@pytest.fixture
def tested() -> Callable[[Change, str], Any]:
    """What a change's test of a path expects."""

    def find(change: Change, *path: str) -> Any:
        return next(op["value"] for op in change.tests if op["path"] == pointer(*path))

    return find
