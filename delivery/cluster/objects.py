"""Kinds, references and changes: the words in which the rest of the application speaks of API objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

Object = Mapping[str, Any]
"""An API object as its JSON."""

GROUP = "progressive.delivery"


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of API objects. `group` is empty for the core group.

    `metadata_only`: lists and watches of it ask for metadata alone, because the contents are nobody's business until
    one object is asked for by its name. It says how we look at a kind, not which kind it is, so it is not compared.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    metadata_only: bool = field(default=False, compare=False)

    @property
    def api_version(self) -> str:
        """The value of `apiVersion`: group/version, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return self.kind


CANARIES = Kind(GROUP, "v1beta1", "Canary", "canaries")
METRIC_TEMPLATES = Kind(GROUP, "v1beta1", "MetricTemplate", "metrictemplates")
ALERT_PROVIDERS = Kind(GROUP, "v1beta1", "AlertProvider", "alertproviders")
APPROVALS = Kind(GROUP, "v1beta1", "Approval", "approvals")
FREEZES = Kind(GROUP, "v1beta1", "Freeze", "freezes")
DEPLOYMENTS = Kind("apps", "v1", "Deployment", "deployments")
DAEMON_SETS = Kind("apps", "v1", "DaemonSet", "daemonsets")
REPLICA_SETS = Kind("apps", "v1", "ReplicaSet", "replicasets")
PODS = Kind("", "v1", "Pod", "pods")
SERVICES = Kind("", "v1", "Service", "services")
EVENTS = Kind("", "v1", "Event", "events")
CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps", metadata_only=True)
SECRETS = Kind("", "v1", "Secret", "secrets", metadata_only=True)
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints")
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
LEASES = Kind("coordination.k8s.io", "v1", "Lease", "leases")
VIRTUAL_SERVICES = Kind("networking.istio.io", "v1beta1", "VirtualService", "virtualservices")
DESTINATION_RULES = Kind("networking.istio.io", "v1beta1", "DestinationRule", "destinationrules")
HORIZONTAL_POD_AUTOSCALERS = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECTS = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")

AUTOSCALING_VERSIONS = tuple(
    replace(HORIZONTAL_POD_AUTOSCALERS, version=version) for version in ("v2", "v2beta2", "v1")
)
"""HorizontalPodAutoscalers in every version that can say what ours must, the best first; a server is asked once."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one API object."""

    kind: Kind
    namespace: str
    name: str

    @classmethod
    def of(cls, kind: Kind, body: Object) -> "Ref":
        """The reference of an object that was read."""
        meta = body["metadata"]
        return cls(kind, meta.get("namespace", ""), meta["name"])

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}"


Op = Mapping[str, Any]
"""One operation of a JSON patch (RFC 6902)."""


class Action(StrEnum):
    """What a change does to its object."""

    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write, with what it was decided on.

    A patch is `tests` followed by `ops`, both JSON patch operations: the tests hold what the decision saw, so the
    write fails with Conflict when that is no longer so. A creation has the whole `body` and fails with Conflict when
    the object exists. A deletion with a `version` fails with Conflict when the object has another resourceVersion by
    then. `why` is for logs.
    """

    ref: Ref
    action: Action = Action.PATCH
    tests: tuple[Op, ...] = ()
    ops: tuple[Op, ...] = ()
    body: Object = field(default_factory=dict)
    version: str = ""
    subresource: str = ""
    why: str = ""

    @property
    def patch(self) -> list[dict[str, Any]]:
        """The JSON patch to send."""
        return [dict(op) for op in (*self.tests, *self.ops)]


def pointer(*path: str) -> str:
    """A JSON pointer (RFC 6901) from its unescaped parts."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def resource_version(body: Object) -> str:
    """The resourceVersion of an object that was read ("" if it has none)."""
    return str(body["metadata"].get("resourceVersion", ""))
