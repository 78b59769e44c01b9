"""Objects of a small shop, and a mesh that knows them, for the stories in this folder."""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, PODS, SERVICES, VIRTUAL_SERVICES, Kind
from delivery.sandbox.mesh import Load, Mesh
from delivery.sandbox.mesh.behaviour import PREFIX

KINDS = {each.kind: each for each in (PODS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES)}

LOAD = Load("shop", "reviews", per_second=100)


def pod(
    name: str, *, ready: bool = True, app: str = "reviews", version: str = "v1", **annotations: str
) -> dict[str, Any]:
    """A pod of a Deployment called as its app label; annotations by their short name, with _ for -."""
    return {
        "kind": "Pod",
        "metadata": {
            "uid": f"uid-{name}",
            "namespace": "shop",
            "name": name,
            "labels": {"app": app, "version": version, "pod-template-hash": "abc12"},
            "annotations": {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{app}-abc12"}],
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "app", "image": f"example/reviews:{version}"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", "state": {"running": {}} if ready else {"waiting": {}}}],
        },
    }


def deleting(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same pod, after somebody asked for its end."""
    return {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def service(name: str, app: str = "", *, ports: tuple[int, ...] = (9080,), namespace: str = "shop") -> dict[str, Any]:
    """A Service for an app label."""
    given = [{"name": f"http-{port}", "port": port} for port in ports]
    spec = {"selector": {"app": app or name}, "ports": given}
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def virtual_service(*http: Mapping[str, Any], name: str = "reviews", created: str = "", **spec: Any) -> dict[str, Any]:
    """A VirtualService for reviews, unless its spec says otherwise."""
    meta = {"namespace": spec.pop("namespace", "shop"), "name": name, "creationTimestamp": created}
    given = {"hosts": ["reviews"], **({"http": list(http)} if http else {}), **spec}
    return {"kind": "VirtualService", "metadata": meta, "spec": given}


def destination_rule(host: str, **subsets: str) -> dict[str, Any]:
    """A DestinationRule with a subset for each version."""
    given = [{"name": name, "labels": {"version": version}} for name, version in subsets.items()]
    return {
        "kind": "DestinationRule",
        "metadata": {"namespace": "shop", "name": host.split(".")[0]},
        "spec": {"host": host, "subsets": given},
    }


def route(**weights: int) -> dict[str, Any]:
    """A rule that splits requests between roles."""
    return {"route": [{"destination": {"host": f"reviews-{role}"}, "weight": part} for role, part in weights.items()]}


def to(host: str, subset: str = "", **more: Any) -> dict[str, Any]:
    """A rule with one destination."""
    return {"route": [{"destination": {"host": host, **({"subset": subset} if subset else {})}}], **more}


def kind_of(body: Mapping[str, Any]) -> Kind:
    return KINDS[body["kind"]]


PRIMARY, CANARY = pod("primary-1", app="reviews-primary"), pod("canary-1", version="v2")
SERVICES_ = [
    service("reviews", "reviews-primary"),
    service("reviews-primary", "reviews-primary"),
    service("reviews-canary", "reviews"),
]


def see(mesh: Mesh, *bodies: Mapping[str, Any], event: str = "MODIFIED", at_once: bool = False) -> None:
    """The cluster changes."""
    for body in bodies:
        mesh.apply(kind_of(body), event, body, at_once=at_once)


def shop(*bodies: Mapping[str, Any], loads: tuple[Load, ...] = (LOAD,), **options: Any) -> Mesh:
    """A mesh in which every proxy knows the Services of the shop and these objects."""
    mesh = Mesh(loads=loads, **{"lag": (0.0, 0.0), **options})
    see(mesh, *SERVICES_, *bodies, at_once=True)
    return mesh


def reached(mesh: Mesh, workload: str, **labels: str) -> int:
    """Requests that pods of a workload have counted."""
    return mesh.requests(reporter="destination", destination_workload=workload, **labels)
