"""What an API server refuses in autoscalers, configurations, leases, roles and bindings."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.objects import Object
from delivery.sandbox.schemas.complaints import forbidden, invalid, required, unsupported
from delivery.sandbox.schemas.names import config_key, named

_METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SUBJECTS = ("ServiceAccount", "User", "Group")
_TLS = "kubernetes.io/tls"


def _autoscaler(body: Object) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    target, least, most = spec.get("scaleTargetRef") or {}, spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    for member in ("kind", "name"):
        if not target.get(member):
            yield required(f"spec.scaleTargetRef.{member}")
    metrics = spec.get("metrics") or ()
    if least < 0 or (least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics)):
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for number, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{number}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", why)


def _metric(metric: Mapping[str, Any], path: str) -> Iterator[Cause]:
    type_ = metric.get("type", "")
    if type_ not in _METRICS:
        yield unsupported(f"{path}.type", type_, _METRICS)
        return
    field = type_[0].lower() + type_[1:]
    source = metric.get(field)
    if source is None:
        yield required(f"{path}.{field}", "must populate information for the given metric source")
        return
    if type_ in ("Resource", "ContainerResource"):
        if not source.get("name"):
            yield required(f"{path}.{field}.name", "must specify a resource name")
        yield from _target_type(source.get("target") or {}, f"{path}.{field}.target.type")
        target, used = source.get("target") or {}, (source.get("target") or {}).get("averageUtilization")
        where = f"{path}.{field}.target.averageUtilization"
        if used is None and target.get("averageValue") is None:
            yield required(where, "must set either a target raw value or a target utilization")
        elif used is not None and used < 1:
            yield invalid(where, used, "must be greater than 0")


def _target_type(target: Mapping[str, Any], path: str) -> Iterator[Cause]:
    type_ = target.get("type", "")
    if not type_:
        yield required(path, "must specify a metric target type")
    if type_ not in ("Utilization", "Value", "AverageValue"):
        yield invalid(path, type_, "must be either Utilization, Value, or AverageValue")


def _config(body: Object) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in body.get(field) or ():
            yield from named(f"{field}[{key}]", key, config_key)


def _secret(body: Object) -> Iterator[Cause]:
    yield from _config(body)
    if body.get("type") == _TLS:
        for key in ("tls.crt", "tls.key"):
            if key not in (body.get("data") or {}):
                yield required(f"data[{key}]")


def _lease(body: Object) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        yield invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")


def _role(body: Object) -> Iterator[Cause]:
    for number, rule in enumerate(body.get("rules") or ()):
        path = f"rules[{number}]"
        if not rule.get("verbs"):
            yield required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def _binding(*kinds: str) -> Callable[[Object], Iterator[Cause]]:
    def check(body: Object) -> Iterator[Cause]:
        role = body.get("roleRef") or {}
        if role.get("kind", "") not in kinds:
            yield unsupported("roleRef.kind", role.get("kind", ""), kinds)
        if not role.get("name"):
            yield required("roleRef.name")
        for number, subject in enumerate(body.get("subjects") or ()):
            if subject.get("kind") not in _SUBJECTS:
                yield unsupported(f"subjects[{number}].kind", subject.get("kind", ""), _SUBJECTS)
            if not subject.get("name"):
                yield required(f"subjects[{number}].name")
            if "Role" not in kinds and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
                yield required(f"subjects[{number}].namespace")

    return check


_RBAC = "rbac.authorization.k8s.io"

OTHERS: Mapping[tuple[str, str], Callable[[Object], Iterator[Cause]]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("", "ConfigMap"): _config,
    ("", "Secret"): _secret,
    ("coordination.k8s.io", "Lease"): _lease,
    (_RBAC, "Role"): _role,
    (_RBAC, "ClusterRole"): _role,
    (_RBAC, "RoleBinding"): _binding("Role", "ClusterRole"),
    (_RBAC, "ClusterRoleBinding"): _binding("ClusterRole"),
}
"""The rules by group and kind."""
