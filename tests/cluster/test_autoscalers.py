"""What is written about autoscalers, on a real API server: taken as it is, once, and refused when it is too late."""

from typing import Any

import pytest

from delivery.cluster.errors import Conflict, Gone
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import (
    AUTOSCALING_VERSIONS,
    SCALED_OBJECTS,
    Action,
    Kind,
    Object,
    Ref,
)
from delivery.controller.application import autoscaling_kind
from delivery.workloads.autoscalers import floors
from delivery.workloads.autoscalers.copying import primary_change
from delivery.workloads.autoscalers.flavours import PAUSED_AT
from delivery.workloads.autoscalers.spec import AutoscalerSpec
from delivery.workloads.names import Names

pytestmark = pytest.mark.usefixtures("crds")

V1 = AUTOSCALING_VERSIONS[-1]

HPA: dict[str, Any] = {
    "metadata": {"name": "reviews", "labels": {"app": "reviews"}},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "maxReplicas": 10,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
            },
            {
                "type": "Pods",
                "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1k"}},
            },
        ],
        "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    },
}

KEDA: dict[str, Any] = {
    "metadata": {"name": "reviews"},
    "spec": {
        "scaleTargetRef": {"name": "reviews"},
        "idleReplicaCount": 0,
        "triggers": [
            {"type": "prometheus", "name": "rps", "metadata": {"query": 'sum(rps{app="reviews"})', "threshold": "5"}},
            {
                "type": "cron",
                "metadata": {"timezone": "UTC", "start": "0 6 * * *", "end": "0 8 * * *", "desiredReplicas": "3"},
            },
        ],
        "advanced": {"restoreToOriginalReplicaCount": True, "horizontalPodAutoscalerConfig": {"name": "reviews"}},
    },
}


@pytest.fixture(params=["best", "v1", "keda"])
async def kind(request: pytest.FixtureRequest, api: KubernetesApi) -> Kind:
    """HorizontalPodAutoscalers as the controller reads them here, in the plainest version of all, and KEDA's."""
    return {"best": await autoscaling_kind(api), "v1": V1, "keda": SCALED_OBJECTS}[request.param]


@pytest.fixture
def names(namespace: str) -> Names:
    return Names(namespace=namespace, canary="reviews", target="reviews", apex="reviews")


async def written(api: KubernetesApi, change: Any) -> Object:
    assert change is not None
    if change.action is Action.CREATE:
        return await api.create(change.ref, change.body)
    return await api.patch(change.ref, change.patch)


async def source_of(api: KubernetesApi, kind: Kind, namespace: str) -> Object:
    """The target's autoscaler, as its people made it and as the controller reads it."""
    made, body = (SCALED_OBJECTS, KEDA) if kind == SCALED_OBJECTS else (await autoscaling_kind(api), HPA)
    await api.create(Ref(made, namespace, "reviews"), body)
    return await api.get(Ref(kind, namespace, "reviews"))


def copied(kind: Kind, names: Names, source: Object, clone: Object | None, *, floor: int = 0) -> Any:
    spec = AutoscalerSpec(kind=kind.kind, name="reviews")
    return primary_change(kind, spec, names, source=source, clone=clone, floor=floor, epoch=1)


async def test_a_copy_is_taken_and_nothing_is_written_twice(api: KubernetesApi, names: Names, kind: Kind) -> None:
    source = await source_of(api, kind, names.namespace)
    clone = await written(api, copied(kind, names, source, None))
    assert copied(kind, names, source, clone) is None
    fresh = await api.get(Ref(kind, names.namespace, "reviews-primary"))
    assert copied(kind, names, source, fresh) is None

    raised = await written(api, copied(kind, names, source, fresh, floor=4))
    assert copied(kind, names, source, raised, floor=4) is None
    back = await written(api, copied(kind, names, source, raised))
    assert back["spec"] == clone["spec"]


async def test_a_floor_is_given_back_as_it_was(api: KubernetesApi, names: Names, kind: Kind) -> None:
    source = await source_of(api, kind, names.namespace)
    raised = await written(api, floors.hold(kind, source, canary="reviews", least=3, epoch=1))
    assert floors.hold(kind, raised, canary="reviews", least=3, epoch=1) is None
    higher = await written(api, floors.hold(kind, raised, canary="reviews", least=4, epoch=2))
    back = await written(api, floors.give_back(kind, higher, epoch=2))
    assert back["spec"] == source["spec"]
    assert back["metadata"].get("annotations") == source["metadata"].get("annotations")
    assert floors.give_back(kind, back, epoch=2) is None


async def test_what_was_decided_on_other_values_is_refused(api: KubernetesApi, names: Names, kind: Kind) -> None:
    source = await source_of(api, kind, names.namespace)
    change = floors.hold(kind, source, canary="reviews", least=3, epoch=1)
    least = "minReplicaCount" if kind == SCALED_OBJECTS else "minReplicas"
    await api.patch(Ref(kind, names.namespace, "reviews"), [{"op": "add", "path": f"/spec/{least}", "value": 2}])
    with pytest.raises(Conflict):
        await written(api, change)


async def test_a_status_that_changes_meanwhile_refuses_nothing(api: KubernetesApi, names: Names) -> None:
    kind = await autoscaling_kind(api)
    source = await source_of(api, kind, names.namespace)
    change = floors.hold(kind, source, canary="reviews", least=3, epoch=1)
    status = {"currentReplicas": 3, "desiredReplicas": 3, "conditions": []}
    await api.patch(
        Ref(kind, names.namespace, "reviews"), [{"op": "add", "path": "/status", "value": status}], subresource="status"
    )
    assert (await written(api, change))["spec"]["minReplicas"] == 3


async def test_a_scaled_object_sleeps_and_wakes(api: KubernetesApi, names: Names) -> None:
    source = await source_of(api, SCALED_OBJECTS, names.namespace)
    asleep = await written(api, floors.give_back(SCALED_OBJECTS, source, epoch=1, pause=True))
    assert asleep["metadata"]["annotations"][PAUSED_AT] == "0"
    awake = await written(api, floors.hold(SCALED_OBJECTS, asleep, canary="reviews", least=2, epoch=1))
    assert PAUSED_AT not in awake["metadata"]["annotations"]
    assert awake["spec"]["minReplicaCount"] == 2


async def test_the_version_is_the_best_one_that_the_server_has(api: KubernetesApi) -> None:
    found = await autoscaling_kind(api)
    better = AUTOSCALING_VERSIONS[: AUTOSCALING_VERSIONS.index(found)]
    for kind in better:
        with pytest.raises(Gone):
            await api.list(kind)
    await api.list(found)
