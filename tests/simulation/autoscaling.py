"""Autoscalers of `reviews`, the load that moves them, and what can be read of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from delivery.cluster.objects import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    SCALED_OBJECTS,
    Kind,
    Object,
    Ref,
)
from delivery.workloads.ownership import labels
from tests.simulation import bookinfo
from tests.simulation.invariants import PRIMARY, TARGET
from tests.simulation.simulation import Simulation

SOURCE = Ref(HORIZONTAL_POD_AUTOSCALERS, bookinfo.NAMESPACE, bookinfo.NAME)
CLONE = Ref(HORIZONTAL_POD_AUTOSCALERS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-primary")
KEDA_SOURCE = Ref(SCALED_OBJECTS, bookinfo.NAMESPACE, bookinfo.NAME)
KEDA_CLONE = Ref(SCALED_OBJECTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-primary")

PAUSED_AT = "autoscaling.keda.sh/paused-replicas"
PER_POD = 50.0
"""Requests per second for which an autoscaler wants one pod."""


class Users:
    """So many requests per second, shared between the roles as the routes say, and in a role between its ready pods."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.sim: Simulation | None = None

    def __call__(self, pod: Object) -> float:
        if self.sim is None:
            return 0.0
        role = "primary" if labels(pod).get("app") == PRIMARY.name else "canary"
        weight = self.sim.weight
        share = {"primary": 0, "canary": 100} if weight is None else {"primary": 100 - weight, "canary": weight}
        return self.rate * share[role] / 100 / max(1, self.sim.promises.ready(role))


@contextmanager
def crowded() -> Iterator[Simulation]:
    """A world with users for four pods."""
    users = Users(4 * PER_POD)
    with Simulation(11, load=users) as sim:
        users.sim = sim
        yield sim


def with_four_pods(sim: Simulation, body: dict[str, Any], **spec: Any) -> str:
    """A Canary at rest whose primary has the four pods that its users need; the controller's name."""
    name = scaled(sim, body, replicas=4, **spec)
    sim.until(lambda: pods(sim, PRIMARY) == 4 == sim.promises.ready("primary"), seconds=120, what="four pods")
    return name


def at(sim: Simulation, weight: int) -> None:
    """A run has come to a weight."""
    sim.until(lambda: sim.weight == weight, seconds=300, what=f"weight {weight}")


def autoscaler(name: str = bookinfo.NAME, *, least: int = 2, most: int = 10, **spec: Any) -> dict[str, Any]:
    """A HorizontalPodAutoscaler that scales down as soon as it may."""
    cpu = {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}}
    given = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": bookinfo.NAME},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": cpu}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        **spec,
    }
    return _object(HORIZONTAL_POD_AUTOSCALERS, name, given)


def scaled_object(name: str = bookinfo.NAME, *, least: int = 2, most: int = 10, **spec: Any) -> dict[str, Any]:
    """A ScaledObject."""
    given = {
        "scaleTargetRef": {"name": bookinfo.NAME},
        "minReplicaCount": least,
        "maxReplicaCount": most,
        "triggers": [{"type": "cpu", "metricType": "AverageValue", "metadata": {"value": "500m"}}],
        **spec,
    }
    return _object(SCALED_OBJECTS, name, given)


def named(kind: Kind, name: str = bookinfo.NAME, **more: Any) -> dict[str, Any]:
    """A Canary's reference to an autoscaler."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, "name": name, **more}


def _object(kind: Kind, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": bookinfo.NAMESPACE, "labels": {"team": "books"}}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}


def scaled(sim: Simulation, body: dict[str, Any], *, replicas: int = 2, **more: Any) -> str:
    """A Canary at rest that names this autoscaler; the controller's name."""
    kind = {each.kind: each for each in (HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS)}[body["kind"]]
    sim.apply(kind, body)
    sim.set_up(replicas=replicas, autoscaler=named(kind, body["metadata"]["name"], **more))
    name = sim.start_controller()
    sim.until_phase("Initialized")
    return name


def set_back(sim: Simulation) -> None:
    """The target has its first template again."""
    template = bookinfo.deployment()["spec"]["template"]
    template["metadata"]["annotations"]["sandbox.progressive.delivery/behaviour"] = None
    sim.merge(TARGET, {"spec": {"template": template}})


def bounds(sim: Simulation, ref: Ref) -> tuple[int | None, int | None]:
    """The fewest and the most pods that an autoscaler allows; None where it does not say."""
    spec = (sim.store.peek(ref) or {}).get("spec") or {}
    if ref.kind == SCALED_OBJECTS:
        return spec.get("minReplicaCount"), spec.get("maxReplicaCount")
    return spec.get("minReplicas"), spec.get("maxReplicas")


def pods(sim: Simulation, ref: Ref) -> int:
    """How many pods a Deployment wants."""
    body = sim.store.peek(Ref(DEPLOYMENTS, ref.namespace, ref.name))
    return int(body["spec"].get("replicas", 1)) if body is not None else 0


def noted(sim: Simulation, ref: Ref) -> dict[str, str]:
    """What of ours, and of KEDA's, stands on an autoscaler."""
    given = (sim.store.peek(ref) or {"metadata": {}})["metadata"].get("annotations") or {}
    return {name: value for name, value in given.items() if name.startswith(("progressive.delivery/", "autoscaling."))}


class Writes:
    """Who wrote the number of pods of both roles, and how it changed."""

    def __init__(self, sim: Simulation) -> None:
        self.ours: list[tuple[str, int | None, int | None]] = []
        self._sim = sim
        sim.store.observers.append(self._observe)

    def _observe(self, event: Any) -> None:
        if event.ref not in (TARGET, PRIMARY) or not self._sim.promises.writer.startswith("delivery"):
            return
        before = event.previous["spec"].get("replicas") if event.previous is not None else None
        after = event.object["spec"].get("replicas")
        if before != after:
            self.ours.append((event.ref.name, before, after))
