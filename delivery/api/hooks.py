"""Who is asked and who is told during an analysis."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from delivery.api.durations import ISTIO_PATTERN, seconds
from delivery.api.headers import HEADER_NAME, HEADER_VALUE
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.references import URL, ObjectRef, SecretRef
from delivery.api.templates import CertificateAuthorityRef

RESERVED = frozenset(
    {
        "content-type", "content-length", "transfer-encoding", "host", "connection", "idempotency-key",
        "x-delivery-signature", "x-delivery-timestamp",
    }
)  # fmt: skip
"""Headers that the controller sets itself, in lower case."""


def _bearable(text: str) -> str:
    if not 0 < seconds(text) <= 86400:
        raise broken_rule(given=f'"{text}"', allowed='more than 0 and at most 24h, such as "30s"')
    return text


HookTimeout = Annotated[
    str,
    Field(
        pattern=ISTIO_PATTERN,
        max_length=24,
        json_schema_extra=cel(
            (
                "duration(self) > duration('0s') && duration(self) <= duration('24h')",
                "must be more than 0 and at most 24h, such as 30s",
            )
        ),
    ),
    AfterValidator(_bearable),
]
"""How long one call may take."""


class Webhook(Piece):
    """An HTTP service that opens a gate, runs a test or is told of events."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.caRef) || !has(self.disableTLS) || !self.disableTLS",
                "at most one of caRef, disableTLS",
            )
        )
    )

    name: str = Field(min_length=1, max_length=253)
    """Name of the hook."""
    url: str = Field(min_length=1, pattern=URL, max_length=4096)
    """Where the request is sent."""
    type: Literal[
        "",
        "confirm-rollout",
        "pre-rollout",
        "rollout",
        "confirm-traffic-increase",
        "confirm-promotion",
        "post-rollout",
        "rollback",
        "event",
    ] = ""
    """When it is called; empty is rollout."""
    timeout: HookTimeout = "10s"
    """Time limit of a call, more than 0 and at most 24h."""
    retries: int = Field(default=0, ge=0, le=100)
    """How often a call is repeated that had no answer, or HTTP 429 or 5xx; after 1 s, 2 s, 4 s, at most 30 s."""
    metadata: Mapping[str, str] = Field(default_factory=dict)
    """Sent along with every call."""
    mute_alert: bool = False
    """No alerts while the gate is closed."""
    disable_tls: bool = Field(default=False, alias="disableTLS")
    """Accept any certificate."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Headers of each call. Secrets belong into secretRef."""
    secret_ref: SecretRef | None = None
    """Secret in the Canary's namespace: its key token becomes a bearer token, hmacKey signs each call (HMAC-SHA256)."""
    ca_ref: CertificateAuthorityRef | None = None
    """Authorities that the certificate is checked against, instead of the public ones."""

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
                raise broken_rule(given=f'"{name}"', allowed="names and values of HTTP headers, without line breaks")
            if name.lower() in RESERVED:
                raise broken_rule(given=f'"{name}"', allowed="headers other than those that the controller sets")
        return headers

    @model_validator(mode="after")
    def _one_way_to_trust(self) -> "Webhook":
        if self.disable_tls and self.ca_ref is not None:
            raise broken_rule(given="both", allowed="at most one of caRef, disableTLS")
        return self


class Alert(Piece):
    """An AlertProvider that is told of this Canary."""

    name: str = Field(min_length=1, max_length=253)
    """Name of the alert."""
    severity: Literal["", "info", "warn", "error"] = "info"
    """The least severity that is told; empty is info."""
    provider_ref: ObjectRef
    """The AlertProvider."""
