"""The defaults that an API server writes into built-in kinds, as an admission hook.

A controller that compares what it sent with what it reads back meets them on a real cluster, so it meets them here.
"""

from typing import Any

from delivery.cluster.memory.store import Admission
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, SERVICES, Object

Body = dict[str, Any]

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation that the API server keeps on a DaemonSet: how often its template has changed."""


def default_builtins(admission: Admission) -> None:
    """Fill in what was left out of a Deployment, a DaemonSet or a Service (the fields that matter here)."""
    if admission.subresource:
        return
    if admission.ref.kind == DEPLOYMENTS:
        default_deployment(admission.object.setdefault("spec", {}))
    elif admission.ref.kind == DAEMON_SETS:
        default_daemon_set(admission.object.setdefault("spec", {}))
        count_templates(admission.object, admission.old)
    elif admission.ref.kind == SERVICES:
        default_service(admission.object.setdefault("spec", {}))


def default_deployment(spec: Body) -> None:
    """The defaults of a Deployment's spec, its pods' included."""
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def default_daemon_set(spec: Body) -> None:
    """The defaults of a DaemonSet's spec, its pods' included."""
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def count_templates(body: Body, old: Object | None) -> None:
    """Keep the annotation that counts a DaemonSet's templates; what a client writes into it does not count."""
    before = int((((old or {}).get("metadata") or {}).get("annotations") or {}).get(TEMPLATE_GENERATION, "0"))
    changed = old is None or old["spec"]["template"] != body["spec"]["template"]
    annotations = body["metadata"].get("annotations") or {}
    body["metadata"]["annotations"] = {**annotations, TEMPLATE_GENERATION: str(before + changed)}


def default_pod_spec(spec: Body) -> None:
    """The defaults of a pod's spec, as far as the simulation needs them."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in spec.get("containers") or ():
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("imagePullPolicy", _pull_policy(str(container.get("image", ""))))
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _pull_policy(image: str) -> str:
    """An image without a tag is the latest, and the latest may change; a digest may not."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


def default_service(spec: Body) -> None:
    """The defaults of a Service's spec; its addresses are somebody else's."""
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
