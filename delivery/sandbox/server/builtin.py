"""The builtin kinds that are served, with the names that kubectl and discovery give them."""

from collections.abc import Iterator

from delivery.cluster import objects
from delivery.cluster.memory.resources import (
    AUTOSCALERS,
    NAMESPACES,
    Resource,
)
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.builtin import shape_of
from delivery.sandbox.server.served import ScalePaths, Served

RBAC = "rbac.authorization.k8s.io"
CRDS = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
SERVICE_ACCOUNTS = Kind("", "v1", "ServiceAccount", "serviceaccounts")
ROLES = Kind(RBAC, "v1", "Role", "roles")
ROLE_BINDINGS = Kind(RBAC, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLES = Kind(RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)

OWN_RESOURCES = (
    Resource(CRDS, status=True, generation=True),
    *(Resource(kind) for kind in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)),
)
"""What the server keeps in the store besides the kinds that the store knows by itself."""

_POD_FIELDS = (
    *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
    *("status.phase", "status.podIP", "status.nominatedNodeName"),
)
_EVENT_FIELDS = (
    *(f"involvedObject.{field}" for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
    *("involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"),
)
_SHORT_NAMES = {
    NAMESPACES: "ns",
    objects.CONFIG_MAPS: "cm",
    SERVICE_ACCOUNTS: "sa",
    objects.PODS: "po",
    objects.SERVICES: "svc",
    objects.EVENTS: "ev",
    objects.DEPLOYMENTS: "deploy",
    objects.REPLICA_SETS: "rs",
    objects.DAEMON_SETS: "ds",
    AUTOSCALERS: "hpa",
    CRDS: "crd crds",
}
_FIELDS = {
    objects.PODS: _POD_FIELDS,
    objects.EVENTS: _EVENT_FIELDS,
    objects.SECRETS: ("type",),
    NAMESPACES: ("status.phase",),
    objects.REPLICA_SETS: ("status.replicas",),
}
_IN_ALL = {objects.PODS, objects.SERVICES, objects.DEPLOYMENTS, objects.REPLICA_SETS, objects.DAEMON_SETS, AUTOSCALERS}
_SCALED = {objects.DEPLOYMENTS, objects.REPLICA_SETS}
_CONDITIONAL = {objects.LEASES, CRDS}

_KINDS = (
    *(NAMESPACES, objects.CONFIG_MAPS, objects.SECRETS, SERVICE_ACCOUNTS),
    *(objects.PODS, objects.SERVICES, objects.EVENTS),
    *(objects.DEPLOYMENTS, objects.REPLICA_SETS, objects.DAEMON_SETS, AUTOSCALERS, objects.LEASES),
    *(ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, CRDS),
)
_WITH_STATUS = {*_IN_ALL, NAMESPACES, CRDS}


def builtin_kinds() -> Iterator[Served]:
    """Each builtin kind as it is served."""
    for kind in _KINDS:
        yield Served(
            kind=kind,
            stored=kind,
            singular=kind.kind.lower(),
            list_kind=f"{kind.kind}List",
            short_names=tuple(_SHORT_NAMES.get(kind, "").split()),
            categories=_categories(kind),
            status=kind in _WITH_STATUS,
            scale=ScalePaths() if kind in _SCALED else None,
            unconditional=kind not in _CONDITIONAL,
            fields=_FIELDS.get(kind, ()),
            shape=shape_of(kind),
        )


def _categories(kind: Kind) -> tuple[str, ...]:
    if kind == CRDS:
        return ("api-extensions",)
    return ("all",) if kind in _IN_ALL else ()
