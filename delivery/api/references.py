"""Names of other objects in a spec, and the closed lists that go with them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, broken_rule, cel

DNS_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
URL = "^https?://"
ADDRESS = r"^(https?://[^/?#@\s]+(/[^?#@\s]*)?)?$"
"""A URL without user name and password, which would be shown wherever it is, and without query; empty is absent."""
ACKNOWLEDGED = "^(NoSidecar|[A-Z][A-Za-z]*(/[a-z0-9]([-.a-z0-9]*[a-z0-9])?){1,2})$"

Name = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of an API object."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

Provider = Literal[
    "apisix", "appmesh", "appmesh:v1beta2", "contour", "gatewayapi:v1", "gatewayapi:v1beta1", "gloo", "istio",
    "knative", "kubernetes", "kuma", "linkerd", "nginx", "osm", "skipper", "smi:v1alpha1", "smi:v1alpha2",
    "smi:v1alpha3", "traefik",
]  # fmt: skip
"""The routers that a Canary can name."""


class TargetRef(Piece):
    """The user's workload: during a run its pods are the canary."""

    api_version: str = Field(min_length=1)
    """API version of the workload, e.g. apps/v1."""
    kind: Literal["DaemonSet", "Deployment", "Service"]
    """Kind of the workload."""
    name: Name
    """Name of the workload, in the Canary's namespace."""


class ScalerReplicas(Piece):
    """Bounds on the primary's scaler that differ from the target's."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
                "minReplicas must not be greater than maxReplicas",
            )
        )
    )

    min_replicas: int | None = Field(default=None, ge=1)
    """Fewest replicas of the primary."""
    max_replicas: int | None = Field(default=None, ge=1)
    """Most replicas of the primary."""

    @model_validator(mode="after")
    def _in_order(self) -> "ScalerReplicas":
        if (self.min_replicas or 0) > (self.max_replicas or self.min_replicas or 0):
            raise broken_rule(
                given=f"{self.min_replicas}, with maxReplicas {self.max_replicas}",
                allowed="at most maxReplicas",
                field="minReplicas",
                drop=("minReplicas", "maxReplicas"),
            )
        return self


class AutoscalerRef(Piece):
    """The target's autoscaler; the primary gets a copy of it that is kept like it."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.kind == 'ScaledObject' || !has(self.primaryScalerQueries) || size(self.primaryScalerQueries) < 1",
                "primaryScalerQueries are for a ScaledObject",
            )
        )
    )

    api_version: str = Field(min_length=1)
    """API version of the autoscaler; of a HorizontalPodAutoscaler the best one that the server has is used."""
    kind: Literal["HorizontalPodAutoscaler", "ScaledObject"]
    """Kind of the autoscaler."""
    name: Name
    """Name of the autoscaler, in the Canary's namespace."""
    primary_scaler_queries: Mapping[str, str] = Field(default_factory=dict)
    """KEDA only: trigger name to the query that the primary's trigger asks."""
    primary_scaler_replicas: ScalerReplicas | None = None
    """Bounds for the primary's autoscaler alone."""

    @model_validator(mode="after")
    def _queries_are_kedas(self) -> "AutoscalerRef":
        if self.primary_scaler_queries and self.kind != "ScaledObject":
            raise broken_rule(
                given=f"queries for a {self.kind}",
                allowed="queries for a ScaledObject",
                field="primaryScalerQueries",
                drop=("primaryScalerQueries",),
            )
        return self


class IngressRef(Piece):
    """An Ingress whose routes are to be split."""

    api_version: str = Field(min_length=1)
    """API version of the Ingress."""
    kind: Literal["Ingress"]
    """Kind of the object."""
    name: Name
    """Name of the Ingress."""


class RouteRef(Piece):
    """An APISIX route whose traffic is to be split."""

    api_version: str = Field(min_length=1)
    """API version of the route."""
    kind: Literal["ApisixRoute"]
    """Kind of the object."""
    name: Name
    """Name of the route."""


class UpstreamRef(Piece):
    """A Gloo upstream."""

    api_version: str = Field(min_length=1)
    """API version of the upstream."""
    kind: Literal["Upstream"]
    """Kind of the object."""
    name: Name
    """Name of the upstream."""
    namespace: str = ""
    """Namespace of the upstream; empty is the Canary's."""


class SecretRef(Piece):
    """A Secret in the namespace of the object that names it."""

    name: Name
    """Name of the Secret."""


class ObjectRef(Piece):
    """An object of a known kind."""

    name: Name
    """Name of the object."""
    namespace: str = ""
    """Its namespace; empty is the Canary's."""
