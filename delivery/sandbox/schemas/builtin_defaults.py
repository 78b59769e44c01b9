"""The defaults of all built-in kinds that are served: those of the simulated cluster, and what it has no need for."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from delivery.cluster.memory.defaulting import default_deployment, default_pod_spec, default_service
from delivery.cluster.objects import Kind

Body = dict[str, Any]

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_RBAC = "rbac.authorization.k8s.io"


def fill_in(kind: Kind, body: Body) -> None:
    """Write the kind's defaults into `body`, which is of the kind's form."""
    fill = _DEFAULTS.get((kind.group, kind.kind))
    if fill is not None:
        fill(body)


def _deployment(body: Body) -> None:
    spec = body.setdefault("spec", {})
    default_deployment(spec)
    _pods(spec)


def _replica_set(body: Body) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _pods(spec)


def _daemon_set(body: Body) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    _pods(spec)


def _pods(spec: Body) -> None:
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _pod(body: Body) -> None:
    spec = body.setdefault("spec", {})
    _pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        for name, limit in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, limit)


def _pod_spec(spec: Body) -> None:
    default_pod_spec(spec)
    if spec.get("initContainers"):
        default_pod_spec({"containers": spec["initContainers"]})  # the same for each container of either kind
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        account = spec.setdefault("serviceAccountName", spec.get("serviceAccount"))
        spec["serviceAccount"] = account
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        _container(container, host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _container(container: Body, *, host: bool) -> None:
    for probe in _PROBES:
        if container.get(probe) is not None:
            _probe(container[probe])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict) and hook.get("httpGet") is not None:
            _http(hook["httpGet"])
    for port in container.get("ports") or ():
        if host and port.get("containerPort"):
            port.setdefault("hostPort", port["containerPort"])
    for variable in container.get("env") or ():
        _reference((variable.get("valueFrom") or {}).get("fieldRef"))
        if (selected := (variable.get("valueFrom") or {}).get("resourceFieldRef")) is not None:
            selected.setdefault("divisor", "0")


def _probe(probe: Body) -> None:
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe[field] = probe.get(field) or value
    if probe.get("httpGet") is not None:
        _http(probe["httpGet"])


def _http(get: Body) -> None:
    get["path"] = get.get("path") or "/"
    get["scheme"] = get.get("scheme") or "HTTP"


def _reference(field: Body | None) -> None:
    if field is not None:
        field.setdefault("apiVersion", "v1")


def _volume(volume: Body) -> None:
    if not [key for key in volume if key != "name"]:
        volume["emptyDir"] = {}
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if volume.get(source) is not None:
            volume[source].setdefault("defaultMode", 0o644)
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _reference(item.get("fieldRef"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            _reference(item.get("fieldRef"))
        if source.get("serviceAccountToken") is not None:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _service(body: Body) -> None:
    spec = body.setdefault("spec", {})
    for port in spec.get("ports") or ():
        if port.get("targetPort") in (0, ""):
            del port["targetPort"]
    default_service(spec)
    if spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")


def _namespace(body: Body) -> None:
    body.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _lease(body: Body) -> None:
    body.setdefault("spec", {})


def _autoscaler(body: Body) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _secret(body: Body) -> None:
    body.setdefault("type", "Opaque")
    for name, text in (body.pop("stringData", None) or {}).items():
        body.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def _binding(body: Body) -> None:
    role = body.get("roleRef")
    if isinstance(role, dict) and not role.get("apiGroup"):
        role["apiGroup"] = _RBAC
    for subject in body.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = _RBAC


def _definition(body: Body) -> None:
    spec = body.setdefault("spec", {})
    kinds = spec.setdefault("names", {})
    if kind := kinds.get("kind"):
        kinds.setdefault("singular", kind.lower())
        kinds.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {}).setdefault("strategy", "None")


_DEFAULTS: Mapping[tuple[str, str], Callable[[Body], None]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("", "Namespace"): _namespace,
    ("", "Secret"): _secret,
    ("coordination.k8s.io", "Lease"): _lease,
    (_RBAC, "RoleBinding"): _binding,
    (_RBAC, "ClusterRoleBinding"): _binding,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
