"""The columns of the built-in kinds and what stands in them, as API servers print them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delivery.cluster.objects import Object
from delivery.sandbox.schemas.ages import age
from delivery.sandbox.schemas.pod_cells import pod

NONE = "<none>"

Cells = Callable[[Object, datetime], list[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; priority above 0 is shown with `-o wide` only."""

    name: str
    type: str = "string"
    priority: int = 0
    form: str = ""

    def as_json(self, about: str = "") -> dict[str, Any]:
        """The column as a Table defines it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.form,
            "description": about,
            "priority": self.priority,
        }


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from `Name[:type][*]`, comma-separated; * marks the wide ones."""
    columns = []
    for word in text.split(","):
        name, _, type_ = word.strip().removesuffix("*").partition(":")
        columns.append(Column(name, type_ or "string", int(word.strip().endswith("*"))))
    return tuple(columns)


def _spec(body: Object) -> Mapping[str, Any]:
    return body.get("spec") or {}


def _status(body: Object) -> Mapping[str, Any]:
    return body.get("status") or {}


def _age(body: Object, now: datetime) -> str:
    return age(body["metadata"].get("creationTimestamp"), now)


def _joined(values: Any) -> str:
    return ",".join(str(value) for value in values or ()) or NONE


def _labels(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _selector(selector: Mapping[str, Any] | None) -> str:
    """A label selector in the short form that `kubectl get -l` takes."""
    terms = [f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for term in (selector or {}).get("matchExpressions") or ():
        key, values = term.get("key", ""), ",".join(sorted(term.get("values") or ()))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(forms.get(term.get("operator", ""), f"!{key}"))
    return ",".join(sorted(terms, key=lambda term: term.lstrip("!").split(" ")[0].split("=")[0])) or NONE


def _template(body: Object) -> list[Any]:
    spec = _spec(body)
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    names, images = (",".join(c.get(field, "") for c in containers) for field in ("name", "image"))
    return [names, images, _selector(spec.get("selector"))]


def _deployment(body: Object, now: datetime) -> list[Any]:
    status = _status(body)
    ready = f"{status.get('readyReplicas', 0)}/{_spec(body).get('replicas', 1)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [ready, *counts, _age(body, now), *_template(body)]


def _replica_set(body: Object, now: datetime) -> list[Any]:
    status = _status(body)
    counts = [_spec(body).get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [*counts, _age(body, now), *_template(body)]


def _daemon_set(body: Object, now: datetime) -> list[Any]:
    status = _status(body)
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    counts = [status.get(field, 0) for field in (*fields, "numberAvailable")]
    nodes = ((_spec(body).get("template") or {}).get("spec") or {}).get("nodeSelector")
    return [*counts, _labels(nodes), _age(body, now), *_template(body)]


def _service(body: Object, now: datetime) -> list[Any]:
    spec = _spec(body)
    ports = map(_port, spec.get("ports") or ())
    address = spec.get("clusterIP") or NONE
    head = [spec.get("type", "ClusterIP"), address, _external(spec, _status(body))]
    return [*head, _joined(ports), _age(body, now), _labels(spec.get("selector"))]


def _port(port: Mapping[str, Any]) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node}/{port.get('protocol', 'TCP')}"


def _external(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") != "LoadBalancer":
        return _joined(spec.get("externalIPs"))
    given = [each.get("ip") or each.get("hostname") for each in (status.get("loadBalancer") or {}).get("ingress") or ()]
    return ",".join([*filter(None, given), *(spec.get("externalIPs") or ())]) or "<pending>"


def _event(body: Object, now: datetime) -> list[Any]:
    first = age(body.get("firstTimestamp") or body.get("eventTime"), now)
    last, count = age(body["lastTimestamp"], now) if body.get("lastTimestamp") else first, body.get("count") or 1
    if series := body.get("series"):
        last, count = age(series.get("lastObservedTime"), now), series.get("count", 0)
    about = body.get("involvedObject") or body.get("regarding") or {}
    source = body.get("source") or {}
    names = (
        source.get("component") or body.get("reportingComponent") or body.get("reportingController"),
        source.get("host") or body.get("reportingInstance"),
    )
    return [
        *(last, body.get("type", ""), body.get("reason", "")),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        *(about.get("fieldPath", ""), ", ".join(filter(None, names))),
        *((body.get("message") or body.get("note") or "").strip(), first, count, body["metadata"].get("name", "")),
    ]


def _autoscaler(body: Object, now: datetime) -> list[Any]:
    spec, target = _spec(body), _spec(body).get("scaleTargetRef") or {}
    bounds = ["<unset>" if spec.get("minReplicas") is None else str(spec["minReplicas"]), spec.get("maxReplicas", 0)]
    current = _status(body).get("currentReplicas", 0)
    return [f"{target.get('kind')}/{target.get('name')}", _targets(body), *bounds, current, _age(body, now)]


def _targets(body: Object) -> str:
    """The first two metrics as `current/target`."""
    metrics = _spec(body).get("metrics") or ()
    measured = _status(body).get("currentMetrics") or ()
    texts = [_target(metric, measured[at] if at < len(measured) else {}) for at, metric in enumerate(metrics)]
    more = f" + {len(texts) - 2} more..." if len(texts) > 2 else ""
    return (", ".join(texts[:2]) + more) or NONE


def _target(metric: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    source = metric.get("type", "")
    field = source[:1].lower() + source[1:]
    wanted = (metric.get(field) or {}).get("target") or {}
    current = (measured.get(field) or {}).get("current") or {}
    name = f"{(metric.get(field) or {}).get('name')}: " if field in ("resource", "containerResource") else ""
    if wanted.get("averageUtilization") is not None:
        used = current.get("averageUtilization")
        return f"{name}{'<unknown>' if used is None else f'{used}%'}/{wanted['averageUtilization']}%"
    average = wanted.get("averageValue") is not None
    value = current.get("averageValue" if average else "value") or "<unknown>"
    return f"{name}{value}/{wanted.get('averageValue') or wanted.get('value')}" + (
        " (avg)" if average and field in ("object", "external") else ""
    )


def _binding(body: Object, now: datetime) -> list[Any]:
    role, subjects = body.get("roleRef") or {}, body.get("subjects") or ()

    def named(kind: str) -> str:
        names = (each for each in subjects if each.get("kind") == kind)
        return ", ".join("/".join(filter(None, (each.get("namespace"), each.get("name", "")))) for each in names)

    names = [named("User"), named("Group"), named("ServiceAccount")]
    return [f"{role.get('kind')}/{role.get('name')}", _age(body, now), *names]


_RBAC = "rbac.authorization.k8s.io"
_RUNNERS = "Containers*, Images*, Selector*"
_EVENTS = (
    *_columns("Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*"),
    Column("Name", priority=1, form="name"),
)
_BINDINGS = _columns("Role, Age, Users*, Groups*, ServiceAccounts*")

BUILTIN: dict[tuple[str, str], tuple[tuple[Column, ...], Cells]] = {
    ("apps", "Deployment"): (_columns(f"Ready, Up-to-date, Available, Age, {_RUNNERS}"), _deployment),
    ("apps", "ReplicaSet"): (
        _columns(f"Desired:integer, Current:integer, Ready:integer, Age, {_RUNNERS}"),
        _replica_set,
    ),
    ("apps", "DaemonSet"): (
        _columns(
            "Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, Available:integer, "
            f"Node Selector, Age, {_RUNNERS}"
        ),
        _daemon_set,
    ),
    ("", "Pod"): (_columns("Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*"), pod),
    ("", "Service"): (_columns("Type, Cluster-IP, External-IP, Port(s), Age, Selector*"), _service),
    ("", "Event"): (_EVENTS, _event),
    ("events.k8s.io", "Event"): (_EVENTS, _event),
    ("", "Namespace"): (
        _columns("Status, Age"),
        lambda body, now: [_status(body).get("phase", "Active"), _age(body, now)],
    ),
    ("", "ConfigMap"): (
        _columns("Data, Age"),
        lambda body, now: [len(body.get("data") or ()) + len(body.get("binaryData") or ()), _age(body, now)],
    ),
    ("", "Secret"): (
        _columns("Type, Data, Age"),
        lambda body, now: [body.get("type", "Opaque"), len(body.get("data") or ()), _age(body, now)],
    ),
    ("", "ServiceAccount"): (
        _columns("Secrets, Age"),
        lambda body, now: [len(body.get("secrets") or ()), _age(body, now)],
    ),
    ("coordination.k8s.io", "Lease"): (
        _columns("Holder, Age"),
        lambda body, now: [_spec(body).get("holderIdentity", ""), _age(body, now)],
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        _columns("Reference, Targets, MinPods, MaxPods, Replicas, Age"),
        _autoscaler,
    ),
    (_RBAC, "RoleBinding"): (_BINDINGS, _binding),
    (_RBAC, "ClusterRoleBinding"): (_BINDINGS, _binding),
}
