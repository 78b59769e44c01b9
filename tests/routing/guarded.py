"""Objects that select pods, as the API server has them, and what a cache keeps of them."""

from typing import Any

from delivery.cluster.indexes import default_indexes
from delivery.cluster.objects import DEPLOYMENTS, SERVICES, Kind
from delivery.cluster.policies import CHOOSERS, GUARDED
from delivery.routing.policies import Roles, roles_of, telling_apart
from delivery.workloads.names import Names
from delivery.workloads.targets.deployment import DeploymentKind

NAMES = Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")
LABELS = {"app": "reviews", "version": "v1", "team": "books"}


def target(**labels: str) -> dict[str, Any]:
    """The Deployment `reviews`, selected by app and by further labels."""
    return {
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "reviews", **labels}},
            "template": {"metadata": {"labels": {**LABELS, **labels}}},
        },
    }


def roles(body: dict[str, Any] | None = None) -> Roles:
    """The labels of both roles."""
    found = roles_of(NAMES, DeploymentKind(), body or target(), None, "istio-system")
    assert found is not None
    return found


def raw(kind: Kind, name: str, spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """An object as it is stored."""
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "1", "labels": {"a": "b"}}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec, "status": {"x": 1}}


def kept(kind: Kind, name: str, spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """An object as its cache holds it."""
    body = raw(kind, name, spec, namespace)
    return body if kind == SERVICES else GUARDED[kind](body)


def apart(kind: Kind, *bodies: dict[str, Any], of: Roles | None = None) -> list[str]:
    """The names of those that tell the roles apart, as the controller would find them by its indexes."""
    known = of or roles()
    index = default_indexes(kind)["mentions"]
    near = {body["metadata"]["namespace"] for body in bodies if not set(index(body)).isdisjoint(known.mentioned)}
    found = telling_apart(kind, [body for body in bodies if body["metadata"]["namespace"] in near], known)
    return [name for _, name in found]


def selecting(kind: Kind, **labels: str) -> dict[str, Any]:
    """The spec of an object of this kind that chooses pods by these labels, and says nothing else."""
    if kind == SERVICES:
        return {"selector": labels}
    field = {"Sidecar": "workloadSelector", "EnvoyFilter": "workloadSelector", "NetworkPolicy": "podSelector"}
    inner = labels if kind.kind in ("Sidecar", "EnvoyFilter") else None
    return {field.get(kind.kind, "selector"): {"labels": inner} if inner is not None else {"matchLabels": labels}}


BY_LABELS = [kind for kind in (SERVICES, *CHOOSERS) if kind.kind != "VerticalPodAutoscaler"]
WITH_EXPRESSIONS = [kind for kind in CHOOSERS if kind.kind in ("NetworkPolicy", "PodDisruptionBudget", "PodMonitor")]

__all__ = ["BY_LABELS", "DEPLOYMENTS", "LABELS", "NAMES", "WITH_EXPRESSIONS", "apart", "kept", "raw", "roles",
           "selecting", "target"]  # fmt: skip
