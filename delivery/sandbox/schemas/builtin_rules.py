"""What an API server refuses of its own kinds: content that makes no sense, and changes that must not be.

The essentials, with the server's messages; what nobody gets wrong by hand is not repeated here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.memory.selectors import matches_labels
from delivery.cluster.memory.values import equal_json
from delivery.cluster.objects import Kind, Object
from delivery.sandbox.schemas import names
from delivery.sandbox.schemas.complaints import forbidden, invalid, non_negative, required, unsupported
from delivery.sandbox.schemas.definition_rules import definition
from delivery.sandbox.schemas.other_rules import OTHERS
from delivery.sandbox.schemas.pod_rules import pod_spec
from delivery.sandbox.schemas.service_rules import service

Part = Mapping[str, Any]

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_PERCENT = re.compile("[0-9]+%")
_RBAC = "rbac.authorization.k8s.io"
_IMMUTABLE = "field is immutable"
_NAME_RULES: Mapping[tuple[str, str], names.Rule] = {
    ("", "Service"): names.dns_1035_label,
    ("", "Namespace"): names.dns_label,
    **{(_RBAC, kind): names.path_segment for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")},
}


def content(kind: Kind, body: Object) -> list[Cause]:
    """Everything that is wrong with an object whose defaults are filled in."""
    rule = _NAME_RULES.get((kind.group, kind.kind), names.dns_subdomain)
    causes = list(names.metadata(body.get("metadata") or {}, rule))
    check = _CONTENT.get((kind.group, kind.kind))
    return causes if check is None else [*causes, *check(body)]


def frozen(kind: Kind, old: Object, body: Object) -> list[Cause]:
    """What a change from `old` to `body` must not touch."""
    if kind.group == "apps":
        return _same(old, body, "spec", "selector")
    if (kind.group, kind.kind) == ("", "Pod"):
        return _pod_update(old, body)
    if kind.kind in ("RoleBinding", "ClusterRoleBinding"):
        if equal_json(old.get("roleRef"), body.get("roleRef")):
            return []
        return [invalid("roleRef", body.get("roleRef"), "cannot change roleRef")]
    if (kind.group, kind.kind) == ("", "Service"):
        return _same_address(old, body)
    if kind.kind in ("ConfigMap", "Secret") and not kind.group:
        return _sealed(old, body)
    return []


# -- workloads


def _deployment(body: Object) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    yield from non_negative("spec.replicas", spec.get("replicas"))
    yield from _selector(spec, "deployment")
    yield from _strategy(spec.get("strategy") or {})
    for field in ("minReadySeconds", "revisionHistoryLimit"):
        yield from non_negative(f"spec.{field}", spec.get(field))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    yield from _template(spec)


def _replica_set(body: Object) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    yield from non_negative("spec.replicas", spec.get("replicas"))
    yield from _selector(spec, "deployment")  # servers say this word here, too
    yield from _template(spec)


def _daemon_set(body: Object) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    yield from _selector(spec, "daemonset")
    yield from _template(spec)
    strategy = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate")
    if strategy not in ("RollingUpdate", "OnDelete"):
        yield unsupported("spec.updateStrategy", strategy, ("RollingUpdate", "OnDelete"))


def _selector(spec: Part, word: str) -> Iterator[Cause]:
    """A workload's selector must be there and select the pods that the workload makes."""
    selector, path = spec.get("selector"), "spec.selector"
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    wrong: list[Cause] = []
    if selector is None:
        yield required(path)
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid(path, selector, f"empty selector is invalid for {word}")
        return
    else:
        wrong = list(_selector_terms(selector, path))
        yield from wrong
    if wrong:
        yield invalid(path, selector, "invalid label selector")
    elif selector is None or not matches_labels(selector, labels):
        why = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", labels, why)


def _selector_terms(selector: Part, path: str) -> Iterator[Cause]:
    yield from names.labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for number, term in enumerate(selector.get("matchExpressions") or ()):
        field, operator = f"{path}.matchExpressions[{number}]", term.get("operator", "")
        yield from names.named(f"{field}.key", term.get("key", ""), names.qualified_name)
        if operator not in _OPERATORS:
            yield invalid(f"{field}.operator", operator, "not a valid selector operator")
        elif operator in ("In", "NotIn") and not term.get("values"):
            yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist") and term.get("values"):
            yield forbidden(f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _template(spec: Part) -> Iterator[Cause]:
    template, path = spec.get("template") or {}, "spec.template"
    meta, pods = template.get("metadata") or {}, template.get("spec") or {}
    yield from names.labels(f"{path}.metadata.labels", meta.get("labels"))
    for key in meta.get("annotations") or ():
        yield from names.named(f"{path}.metadata.annotations", key.lower(), names.qualified_name)
    yield from pod_spec(pods, f"{path}.spec")
    if pods.get("restartPolicy", "Always") != "Always":
        yield unsupported(f"{path}.spec.restartPolicy", pods["restartPolicy"], ["Always"])
    if pods.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        yield forbidden(f"{path}.spec.activeDeadlineSeconds", why)


def _strategy(strategy: Part) -> Iterator[Cause]:
    type_, rolling, path = strategy.get("type", "RollingUpdate"), strategy.get("rollingUpdate"), "spec.strategy"
    if type_ not in ("Recreate", "RollingUpdate"):
        yield unsupported(path, strategy, ("Recreate", "RollingUpdate"))
    elif type_ == "Recreate" and rolling is not None:
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif rolling is not None:
        yield from _rolling(rolling, f"{path}.rollingUpdate")


def _rolling(rolling: Part, path: str) -> Iterator[Cause]:
    for field in ("maxUnavailable", "maxSurge"):
        value = rolling.get(field, 0)
        if isinstance(value, int):
            yield from non_negative(f"{path}.{field}", value)
        elif not _PERCENT.fullmatch(value):
            rule = "a valid percent string must be a numeric string followed by an ending '%'"
            yield invalid(
                f"{path}.{field}", value, f"{rule} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            )
        elif field == "maxUnavailable" and int(value[:-1]) > 100:
            yield invalid(f"{path}.{field}", value, "must not be greater than 100%")
    if all(rolling.get(field) in (0, "0%") for field in ("maxUnavailable", "maxSurge")):
        yield invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")


def _pod(body: Object) -> Iterator[Cause]:
    yield from pod_spec(body.get("spec") or {}, "spec")


# -- changes


def _same(old: Object, body: Object, *path: str) -> list[Cause]:
    was: Any = old
    now: Any = body
    for name in path:
        was, now = (was or {}).get(name), (now or {}).get(name)
    return [] if equal_json(was, now) else [invalid(".".join(path), now, _IMMUTABLE)]


def _same_address(old: Object, body: Object) -> list[Cause]:
    """An address once given stays; one that is left out is kept by whoever gives addresses."""
    was, now = ((each.get("spec") or {}).get("clusterIP") or "" for each in (old, body))
    external = "ExternalName" in ((old.get("spec") or {}).get("type"), (body.get("spec") or {}).get("type"))
    if not was or not now or was == now or external:
        return []
    return [invalid("spec.clusterIPs[0]", [now], "may not change once set")]


def _pod_update(old: Object, body: Object) -> list[Cause]:
    """A pod's spec is fixed but for images, deadline, grace of a termination and added tolerations."""

    def fixed(each: Object) -> dict[str, Any]:
        spec = dict(each.get("spec") or {})
        for field in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"):
            spec.pop(field, None)
        for group in ("containers", "initContainers"):
            spec[group] = [{**one, "image": ""} for one in spec.get(group) or ()]
        if not (old.get("spec") or {}).get("nodeName"):
            spec.pop("nodeName", None)
        return spec

    if equal_json(fixed(old), fixed(body)):
        return []
    changeable = (
        "`spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, "
        "`spec.tolerations` (only additions to existing tolerations)"
    )
    return [forbidden("spec", f"pod updates may not change fields other than {changeable}")]


def _sealed(old: Object, body: Object) -> list[Cause]:
    if not old.get("immutable"):
        return []
    causes = []
    if not body.get("immutable"):
        causes.append(forbidden("immutable", "field is immutable when `immutable` is set"))
    causes += [
        forbidden(field, "field is immutable when `immutable` is set")
        for field in ("data", "binaryData")
        if not equal_json(old.get(field), body.get(field))
    ]
    return causes


_CONTENT: Mapping[tuple[str, str], Callable[[Object], Iterator[Cause]]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("", "Pod"): _pod,
    ("", "Service"): service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
    **OTHERS,
}
