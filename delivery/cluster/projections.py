"""What is kept of an object in memory.

A Deployment of 4 KB takes 30 KB as Python dictionaries and a cluster has thousands of pods, so a cache holds only the
fields that somebody reads. `metadata.resourceVersion` is never dropped: every write is preconditioned on it.
A projection is total: whatever shape a server sends, it answers, because a cache must not die of one odd object.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.objects import (
    ALERT_PROVIDERS,
    APPROVALS,
    AUTOSCALING_VERSIONS,
    CANARIES,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    FREEZES,
    GROUP,
    METRIC_TEMPLATES,
    PODS,
    REPLICA_SETS,
    SCALED_OBJECTS,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
)
from delivery.cluster.policies import GUARDED
from delivery.cluster.protocols import Projection

_POD_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences",
    "creationTimestamp", "deletionTimestamp",
)  # fmt: skip
SIDECAR_STATUS = "sidecar.istio.io/status"
"""The annotation that Istio's injector leaves on a pod to which it has given a proxy."""

AMBIENT_REDIRECTION = "ambient.istio.io/redirection"
"""The annotation of a pod whose traffic the node's proxy takes, which so needs none of its own."""

PROXY = "istio-proxy"
"""The container that is a pod's own proxy; among the init containers when it is a native sidecar."""

_WORKLOAD_METADATA = (*_POD_METADATA, "generation", "annotations", "finalizers")
_OPT_OUT = "flagger.app/config-tracking"
_WORKLOAD_STATUS = (
    "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas",
    "observedGeneration", "conditions",
    "desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberMisscheduled",
)  # fmt: skip


def _our_annotation(name: str) -> bool:
    return name.startswith(f"{GROUP}/") or name == _OPT_OUT


def _our_label(name: str) -> bool:
    return name.startswith(f"{GROUP}/") or name == "app.kubernetes.io/managed-by"


def whole(body: Object) -> dict[str, Any]:
    """Everything but the values of managedFields."""
    return {**body, "metadata": _with_managers(_mapping(body.get("metadata")))}


def without_status(body: Object) -> dict[str, Any]:
    """Metadata and the whole spec: for kinds whose status nobody reads (Services, routes, autoscalers)."""
    return {key: value for key, value in whole(body).items() if key != "status"}


def workload(body: Object) -> dict[str, Any]:
    """A Deployment, DaemonSet or ReplicaSet: the whole spec (its template makes the primary), counts and conditions."""
    metadata = _mapping(body.get("metadata"))
    return {
        **_type_of(body),
        "metadata": _with_managers(_pick(metadata, (*_WORKLOAD_METADATA, "managedFields"))),
        "spec": _mapping(body.get("spec")),
        "status": _pick(_mapping(body.get("status")), _WORKLOAD_STATUS),
    }


def pod(body: Object) -> dict[str, Any]:
    """A Pod: whose it is, whether it is ready, and why its containers are not."""
    status = _mapping(body.get("status"))
    kept: dict[str, Any] = {
        "phase": status.get("phase", ""),
        "conditions": [c for c in _mappings(status.get("conditions")) if c.get("type") == "Ready"],
    }
    for field in ("initContainerStatuses", "containerStatuses"):
        if statuses := [_container(each) for each in _mappings(status.get(field))]:
            kept[field] = statuses
    given = _mapping(body.get("metadata"))
    metadata = _pick(given, _POD_METADATA)
    noted = _mapping(given.get("annotations"))
    if marks := "".join(name for name in _MESH_MARKS if name in noted):
        metadata["annotations"] = _MARKED[marks]
    return {**_type_of(body), "metadata": metadata, "status": kept}


_MESH_MARKS = (SIDECAR_STATUS, AMBIENT_REDIRECTION)
_MARKED = {name: {name: ""} for name in _MESH_MARKS} | {"".join(_MESH_MARKS): dict.fromkeys(_MESH_MARKS, "")}
"""That a pod is in the mesh, and how; one for all pods, so that it costs each of them a reference only."""


def metadata_only(body: Object) -> dict[str, Any]:
    """A ConfigMap or Secret: its name, whose it is, and the version by which a change of its content shows.

    kubectl notes whole objects in an annotation, so of the annotations only those are kept that somebody reads.
    """
    metadata = _mapping(body.get("metadata"))
    kept = _pick(metadata, (*_POD_METADATA, "finalizers"))
    for field, mark in (("labels", _our_label), ("annotations", _our_annotation)):
        values = _mapping(metadata.get(field))
        kept[field] = {name: value for name, value in values.items() if mark(name)}
    # A change of the resourceVersion alone is no news of other kinds; here it is the only news.
    return {**_type_of(body), "metadata": kept, "version": str(metadata.get("resourceVersion", ""))}


def _container(status: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"name": status.get("name", ""), "restartCount": status.get("restartCount", 0)}
    for field in ("state", "lastState"):
        state = _mapping(status.get(field))
        reasons: dict[str, Any] = {}
        if field == "state" and "waiting" in state:
            reasons["waiting"] = _pick(_mapping(state["waiting"]), ("reason", "message"))
        if "terminated" in state:
            reasons["terminated"] = _pick(_mapping(state["terminated"]), ("reason", "finishedAt"))
        if reasons:
            kept[field] = reasons
    return kept


def _with_managers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Who wrote last, oldest first; the field sets themselves are the largest part of many objects."""
    kept = dict(metadata)
    if entries := _mappings(kept.pop("managedFields", None)):
        trimmed = [_pick(entry, ("manager", "operation", "subresource", "time")) for entry in entries]
        kept["managedFields"] = sorted(trimmed, key=lambda entry: str(entry.get("time", "")))
    return kept


def _type_of(body: Object) -> dict[str, Any]:
    return _pick(body, ("apiVersion", "kind"))


def _pick(source: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: source[name] for name in names if name in source}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


PROJECTIONS: Mapping[Kind, Projection] = {
    CANARIES: whole,
    METRIC_TEMPLATES: whole,
    ALERT_PROVIDERS: whole,
    APPROVALS: whole,
    FREEZES: without_status,
    DEPLOYMENTS: workload,
    DAEMON_SETS: workload,
    REPLICA_SETS: workload,
    PODS: pod,
    CONFIG_MAPS: metadata_only,
    SECRETS: metadata_only,
    SERVICES: without_status,
    VIRTUAL_SERVICES: without_status,
    DESTINATION_RULES: without_status,
    SCALED_OBJECTS: without_status,
    **dict.fromkeys(AUTOSCALING_VERSIONS, without_status),
    **GUARDED,
}
"""The projection of every kind that the controller watches."""
