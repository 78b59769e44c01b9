"""The Services and routes that a Canary asks for."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from delivery.api.durations import IstioDuration
from delivery.api.gateway import GatewayRef, RequestMirror
from delivery.api.http_policy import CorsPolicy, Headers, Retries, Rewrite
from delivery.api.matches import HttpMatch
from delivery.api.model import GROUP, Piece, broken_rule, cel
from delivery.api.references import DNS_LABEL, Port
from delivery.api.traffic_policy import TrafficPolicy

PortOrName = Annotated[
    Port | Annotated[str, Field(min_length=1, max_length=63)],
    WithJsonSchema({"x-kubernetes-int-or-string": True}),
]
"""A port's number or its name in the pod."""


MetadataKey = Annotated[str, Field(min_length=1, max_length=317)]
"""The key of a label or annotation: a prefix of 253 characters, a slash and a name of 63 at most."""


class CustomMetadata(Piece):
    """Labels and annotations for an object that we make."""

    labels: Mapping[str, str] = Field(default_factory=dict)
    """Labels to put on it."""
    annotations: Mapping[str, str] = Field(default_factory=dict)
    """Annotations to put on it."""


_OWN_LABELS = ("app.kubernetes.io/managed-by", f"{GROUP}/canary")
_NO_OWN_LABEL = " && ".join(f"key != '{label}'" for label in _OWN_LABELS)


class UnmanagedMetadata(Piece):
    """Keys on our Services that other tools own."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"!has(self.labels) || self.labels.all(key, {_NO_OWN_LABEL})",
                f"labels must not name {' or '.join(_OWN_LABELS)}, by which the controller knows its objects",
            ),
            (
                f"!has(self.annotations) || self.annotations.all(key, !key.startsWith('{GROUP}/'))",
                f"annotations must not begin with {GROUP}/",
            ),
        )
    )

    labels: tuple[MetadataKey, ...] = Field(default=(), max_length=64)
    """Label keys that are given at most once, when the Service is made, and then left alone whatever they say."""
    annotations: tuple[MetadataKey, ...] = Field(default=(), max_length=64)
    """Annotation keys that are given at most once, when the Service is made, and then left alone."""

    @model_validator(mode="after")
    def _not_ours(self) -> "UnmanagedMetadata":
        if taken := [key for key in self.labels if key in _OWN_LABELS]:
            raise broken_rule(
                given=", ".join(taken),
                allowed=f"any label but {' and '.join(_OWN_LABELS)}",
                field="labels",
                drop=("labels",),
            )
        if taken := [key for key in self.annotations if key.startswith(f"{GROUP}/")]:
            raise broken_rule(
                given=", ".join(taken),
                allowed=f"any annotation that does not begin with {GROUP}/",
                field="annotations",
                drop=("annotations",),
            )
        return self


_DELEGATES_ALONE = (
    "!has(self.delegation) || !self.delegation || "
    "((!has(self.hosts) || size(self.hosts) == 0) && (!has(self.gateways) || size(self.gateways) == 0))"
)


class Service(Piece):
    """The Services and routes of a Canary."""

    model_config = ConfigDict(json_schema_extra=cel((_DELEGATES_ALONE, "delegation allows neither hosts nor gateways")))

    name: str | None = Field(default=None, pattern=DNS_LABEL, max_length=63)
    """Name of the apex Service and of the VirtualService; by default the target's name."""
    port: Port
    """Port of the Services."""
    port_name: str = Field(default="http", pattern=DNS_LABEL, max_length=63)
    """Name of the port; Istio reads the protocol from it."""
    target_port: PortOrName | None = None
    """Number or name of the pods' port; by default the Service's port."""
    app_protocol: str | None = Field(default=None, max_length=253)
    """Application protocol of the port; tcp asks for TCP routes."""
    traffic_distribution: Literal["PreferClose", "PreferSameZone", "PreferSameNode"] | None = None
    """Which endpoints Kubernetes prefers; kept in step on all three Services."""
    port_discovery: bool = False
    """Add all ports of the pods' containers to the three Services."""
    headless: bool = False
    """Make the apex Service without a cluster IP; on Istio the Services of the roles keep one."""
    timeout: IstioDuration | None = None
    """Time limit of a request."""
    backend_timeout: IstioDuration | None = None
    """Time limit of a request to a backend (Gateway API only)."""
    gateways: tuple[str, ...] = Field(default=(), max_length=64)
    """Istio gateways that the routes are for; empty means the mesh."""
    gateway_refs: tuple[GatewayRef, ...] = Field(default=(), max_length=32)
    """Gateways of the Gateway API that the routes are for."""
    hosts: tuple[str, ...] = Field(default=(), max_length=256)
    """Hosts that the routes are for, besides the apex Service."""
    delegation: bool = False
    """Make a VirtualService without hosts and gateways, for another one to delegate to."""
    traffic_policy: TrafficPolicy | None = None
    """Istio's traffic policy for both roles."""
    match: tuple[HttpMatch, ...] = ()
    """Which requests the routes are for."""
    rewrite: Rewrite | None = None
    """How path and host are rewritten."""
    retries: Retries | None = None
    """How failed requests are repeated."""
    headers: Headers | None = None
    """Changes to headers."""
    mirror: tuple[RequestMirror, ...] = Field(default=(), max_length=16)
    """Constant mirroring, unrelated to the canary (Gateway API only)."""
    cors_policy: CorsPolicy | None = None
    """Cross-origin resource sharing."""
    apex: CustomMetadata | None = None
    """Metadata of the apex Service and of the VirtualService."""
    primary: CustomMetadata | None = None
    """Metadata of the primary's Service."""
    canary: CustomMetadata | None = None
    """Metadata of the canary's Service."""
    unmanaged_metadata: UnmanagedMetadata | None = None
    """Keys on the Services that other tools own."""
    mesh_name: str | None = None
    """Name of the mesh (App Mesh only)."""
    backends: tuple[str, ...] = ()
    """Services that the workload calls (App Mesh only)."""

    @property
    def is_tcp(self) -> bool:
        """Whether TCP routes are asked for."""
        return (self.app_protocol or "").lower() == "tcp"

    @model_validator(mode="after")
    def _delegate_alone(self) -> "Service":
        taken = [name for name, value in (("hosts", self.hosts), ("gateways", self.gateways)) if value]
        if self.delegation and taken:
            raise broken_rule(
                given=f"true together with {' and '.join(taken)}",
                allowed="true without hosts and gateways",
                field="delegation",
                drop=("delegation",),
            )
        return self


def traffic_policy_json(service: Service) -> dict[str, Any]:
    """The traffic policy as it was given, for a DestinationRule; empty without one."""
    return service.traffic_policy.as_json() if service.traffic_policy else {}


def rule_json(service: Service) -> dict[str, Any]:
    """What an Istio http rule carries of it, in Istio's own words; only what was given."""
    given = service.as_json()
    fields = {
        name: given[name] for name in ("timeout", "retries", "rewrite", "headers", "corsPolicy") if given.get(name)
    }
    if "rewrite" in fields:
        fields["rewrite"] = {name: value for name, value in fields["rewrite"].items() if name != "type"}
    return {name: value for name, value in fields.items() if value}
