"""The two objects beside the Canary: what is asked (MetricTemplate) and who is told (AlertProvider)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.metadata import Metadata
from delivery.api.model import Piece, broken_rule
from delivery.api.references import SecretRef


class MetricProvider(Piece):
    """The service that is asked."""

    type: Literal[
        "prometheus", "influxdb", "datadog", "externalmetrics", "stackdriver", "cloudwatch", "newrelic", "graphite",
        "dynatrace", "keptn", "splunk",
    ]  # fmt: skip
    """Its kind."""
    address: str | None = None
    """Its URL."""
    headers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Headers of each request, with their values."""
    secret_ref: SecretRef | None = None
    """Secret with credentials, in the template's namespace."""
    region: str | None = None
    """Region of the service."""
    insecure_skip_verify: bool = False
    """Accept any certificate."""


class MetricTemplateSpec(Piece):
    """What is asked of whom."""

    provider: MetricProvider
    """The service that is asked."""
    query: str = Field(min_length=1)
    """The query, a template."""


class MetricTemplate(Piece):
    """A metric for the analyses of many Canaries."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["MetricTemplate"] = "MetricTemplate"
    metadata: Metadata
    spec: MetricTemplateSpec


class AlertProviderSpec(Piece):
    """Where alerts are sent."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["address"]}, {"required": ["secretRef"]}]})

    type: Literal["slack", "msteams", "discord", "rocket", "gchat"]
    """Kind of the service."""
    channel: str = "general"
    """Channel to write to."""
    username: str = "progressive-delivery"
    """Name to write under."""
    address: str | None = Field(default=None, min_length=1)
    """URL of the service's hook."""
    proxy: str | None = None
    """HTTP proxy on the way there."""
    secret_ref: SecretRef | None = None
    """Secret with the keys address and, optionally, token."""

    @model_validator(mode="after")
    def _one_address(self) -> "AlertProviderSpec":
        if (self.address is None) == (self.secret_ref is None):
            given = "neither" if self.address is None else "both"
            raise broken_rule(given=given, allowed="exactly one of address, secretRef")
        return self


class AlertProvider(Piece):
    """A chat service that is told how rollouts go."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["AlertProvider"] = "AlertProvider"
    metadata: Metadata
    spec: AlertProviderSpec
