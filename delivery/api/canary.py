"""The Canary: what a user asks for, for one workload."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api import by_reference, combinations, comparing, countable, meshless, switching, target_rules
from delivery.api.analysis import Analysis
from delivery.api.metadata import Metadata
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.naming import NAMING_RULES, Naming, check_naming
from delivery.api.references import (
    ACKNOWLEDGED,
    URL,
    AutoscalerRef,
    IngressRef,
    Provider,
    RouteRef,
    TargetRef,
    UpstreamRef,
)
from delivery.api.route_refs import MOST_ROUTES, RouteReference, SubsetRef
from delivery.api.service import Service
from delivery.api.windows import RolloutWindows


class TrafficSettings(Piece):
    """How carefully traffic is moved."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.drainSeconds) || !has(self.drainMaxSeconds) || self.drainSeconds <= self.drainMaxSeconds",
                "drainSeconds must not be greater than drainMaxSeconds",
            )
        )
    )

    settle_seconds: int = Field(default=10, ge=0, le=3600)
    """How long routes get to reach all proxies, in seconds."""
    drain_seconds: int = Field(default=30, ge=0, le=86400)
    """How long pods without traffic stay at least, in seconds."""
    drain_max_seconds: int = Field(default=300, ge=0, le=86400)
    """How long pods stay at most while requests still reach them, in seconds."""
    capacity_check: bool = True
    """Raise a weight only when enough pods are ready to carry it."""

    @model_validator(mode="after")
    def _in_order(self) -> "TrafficSettings":
        if self.drain_seconds > self.drain_max_seconds:
            raise broken_rule(
                given=f"{self.drain_seconds}, with drainMaxSeconds {self.drain_max_seconds}",
                allowed="at most drainMaxSeconds",
                field="drainSeconds",
                drop=("drainSeconds", "drainMaxSeconds"),
            )
        return self


class Promotion(Piece):
    """What becomes of a version that passed its analysis."""

    method: Literal["copy", "switch"] = "copy"
    """How a version becomes the one that serves: its pods are copied to the primary, or users are led to its own."""
    keep_previous_seconds: int = Field(default=3600, ge=0, le=2592000)
    """How long the way back to the previous version stays open without a new analysis, in seconds; with switch."""
    bake_seconds: int = Field(default=0, ge=0, le=604800)
    """How long everybody is on the new version, checks going on, before the old one is given up, in seconds."""


Acknowledged = Annotated[str, Field(pattern=ACKNOWLEDGED, max_length=400)]
"""What preflight names: Kind/name, Kind/namespace/name outside of the Canary's namespace, or NoSidecar."""


class Preflight(Piece):
    """What must be clear before traffic is taken over."""

    acknowledge: tuple[Acknowledged, ...] = Field(default=(), max_length=64)
    """What may go on telling target and primary apart: Kind/name as the refusal says it, or NoSidecar."""


class CanarySpec(Piece):
    """What is rolled out, how it is reached and how it is tried."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *combinations.RULES,
            *comparing.RULES,
            *NAMING_RULES,
            *meshless.RULES,
            *countable.RULES,
            *target_rules.RULES,
            *by_reference.RULES,
            *switching.RULES,
        )
    )

    provider: Provider | None = None
    """Who routes; by default the controller's own setting."""
    metrics_server: str | None = Field(default=None, pattern=URL, max_length=2048)
    """Prometheus for builtin metrics and inline queries; by default the controller's own setting."""
    target_ref: TargetRef
    """The workload that is rolled out."""
    autoscaler_ref: AutoscalerRef | None = None
    """The workload's autoscaler."""
    ingress_ref: IngressRef | None = None
    """The Ingress to split."""
    route_ref: RouteRef | None = None
    """The APISIX route to split."""
    route_refs: tuple[RouteReference, ...] = Field(default=(), max_length=MOST_ROUTES)
    """VirtualServices of the user whose weights are moved; then no VirtualService is made."""
    subset_ref: SubsetRef | None = None
    """The user's DestinationRule whose subsets are the roles; then no DestinationRule is made."""
    upstream_ref: UpstreamRef | None = None
    """The Gloo upstream."""
    service: Service
    """How the workload is reached."""
    naming: Naming | None = None
    """Other names for the primary and for the canary's Service; fixed once the primary is made."""
    analysis: Analysis
    """How a new version is tried."""
    promotion: Promotion = Field(default_factory=Promotion)
    """What becomes of a version that passed its analysis."""
    progress_deadline_seconds: int = Field(default=600, ge=1)
    """How long a role may be stuck before it counts as broken, in seconds."""
    skip_analysis: bool = False
    """Promote without steps and metrics."""
    revert_on_deletion: bool = False
    """Give the workload its traffic back when the Canary is deleted."""
    mode: Literal["apply", "observe"] = "apply"
    """Move traffic, or look on while somebody else does and say what would be done, without a write."""
    suspend: bool = False
    """Hands off: nothing at all is done."""
    paused: bool = False
    """Hold the weight; checks and roll-back go on."""
    traffic: TrafficSettings = Field(default_factory=TrafficSettings)
    """How carefully traffic is moved."""
    rollout_windows: RolloutWindows | None = None
    """When rollouts may be; by default always."""
    preflight: Preflight = Field(default_factory=Preflight)
    """What must be clear before traffic is taken over."""

    @property
    def has_mesh(self) -> bool:
        """Can whoever routes tell requests apart and split them? Else a Service's selector leads everybody."""
        return self.provider != meshless.KUBERNETES

    @model_validator(mode="after")
    def _names_differ(self) -> "CanarySpec":
        check_naming(self.naming, target=self.target_ref.name, apex=self.service.name or self.target_ref.name)
        return self

    @model_validator(mode="after")
    def _combinations(self) -> "CanarySpec":
        combinations.check(self)
        comparing.check(self)
        meshless.check(self)
        countable.check(self)
        target_rules.check(self)
        switching.check(self)
        by_reference.check(self)
        return self


class Canary(Piece):
    """Rolls out each new version of a workload step by step."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["Canary"] = "Canary"
    metadata: Metadata
    spec: CanarySpec

    @property
    def apex(self) -> str:
        """Name of the apex Service: the service's name, else the target's."""
        return self.spec.service.name or self.spec.target_ref.name
