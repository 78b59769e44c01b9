"""The defaults that an API server writes into built-in kinds, as an admission hook.

A controller that compares what it sent with what it reads back meets them on a real cluster, so it meets them here.
"""

from typing import Any

from delivery.cluster.memory.store import Admission
from delivery.cluster.objects import DEPLOYMENTS, SERVICES

Body = dict[str, Any]


def default_builtins(admission: Admission) -> None:
    """Fill in what was left out of a Deployment or a Service (the fields that matter here)."""
    if admission.subresource:
        return
    if admission.ref.kind == DEPLOYMENTS:
        _deployment(admission.object.setdefault("spec", {}))
    elif admission.ref.kind == SERVICES:
        _service(admission.object.setdefault("spec", {}))


def _deployment(spec: Body) -> None:
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _pod_spec(spec: Body) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in spec.get("containers") or ():
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        tag = str(container.get("image", "")).rpartition(":")[2]
        container.setdefault("imagePullPolicy", "Always" if tag == "latest" else "IfNotPresent")
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _service(spec: Body) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
