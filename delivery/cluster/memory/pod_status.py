"""The status of a pod as a kubelet writes it: what people and controllers read of a pod's life."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delivery.cluster.memory.conditions import Condition, condition, find
from delivery.cluster.objects import Object

Body = dict[str, Any]


@dataclass(slots=True)
class Life:
    """What the kubelet remembers of a pod. `chapter` outdates the timers of what was going on before."""

    address: str
    chapter: int = 0
    crashes: int = 0
    last: Body | None = None
    started: str = ""
    terminating: bool = False

    @classmethod
    def remembered(cls, pod: Object) -> "Life | None":
        """The life that a stored status tells of; None if the pod has not been taken up by any kubelet yet."""
        status = pod.get("status") or {}
        if not status.get("podIP"):
            return None
        container: Body = next(iter(status.get("containerStatuses") or ()), {})
        started = ((container.get("state") or {}).get("running") or {}).get("startedAt", "")
        return cls(
            status["podIP"],
            crashes=int(container.get("restartCount", 0)),
            last=container.get("lastState") or None,
            started=started,
        )


def pod_status(pod: Object, life: Life, phase: str, state: Body, *, ready: bool, now: str) -> Body:
    """The status of a pod whose containers are all in `state`. Times are in the API's form."""
    was = pod.get("status") or {}
    return {
        "phase": phase,
        "conditions": _conditions(was, now, ready),
        "containerStatuses": [_container(each, life, state, ready) for each in pod["spec"].get("containers") or ()],
        "hostIP": "192.168.0.1",
        "podIP": life.address,
        "podIPs": [{"ip": life.address}],
        "startTime": was.get("startTime", now),
        "qosClass": _qos_class(pod["spec"].get("containers") or ()),
    }


def waiting(reason: str, message: str = "") -> Body:
    """The state of a container that waits."""
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def waiting_for(pod: Object) -> str:
    """The reason for which a pod's containers wait, empty if they don't."""
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((str(((c.get("state") or {}).get("waiting") or {}).get("reason", "")) for c in containers), "")


def _qos_class(containers: Sequence[Object]) -> str:
    """Kubernetes, "Pod Quality of Service Classes"."""
    asked = [each.get("resources") or {} for each in containers]
    if not any(each.get("requests") or each.get("limits") for each in asked):
        return "BestEffort"
    for each in asked:
        limits = each.get("limits") or {}
        if set(limits) < {"cpu", "memory"} or (each.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def _container(spec: Object, life: Life, state: Body, ready: bool) -> Body:
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": life.crashes,
        "state": state,
        "lastState": life.last or {},
    }


def _conditions(was: Object, now: str, ready: bool) -> list[Condition]:
    """The conditions that a kubelet writes, and PodScheduled."""
    why = {} if ready else {"reason": "ContainersNotReady", "message": "containers with unready status"}
    return [
        condition(find(was, "Initialized"), "Initialized", True, now),
        condition(find(was, "Ready"), "Ready", ready, now, **why),
        condition(find(was, "ContainersReady"), "ContainersReady", ready, now, **why),
        condition(find(was, "PodScheduled"), "PodScheduled", True, now),
    ]
