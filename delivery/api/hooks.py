"""Who is asked and who is told during an analysis."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from delivery.api.durations import IstioDuration
from delivery.api.model import Piece
from delivery.api.references import URL, ObjectRef


class Webhook(Piece):
    """An HTTP service that opens a gate, runs a test or is told of events."""

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
    timeout: IstioDuration = "10s"
    """Time limit of a call."""
    retries: int = Field(default=0, ge=0)
    """How often a failed call is repeated."""
    metadata: Mapping[str, str] = Field(default_factory=dict)
    """Sent along with every call."""
    mute_alert: bool = False
    """No alerts while the gate is closed."""
    disable_tls: bool = Field(default=False, alias="disableTLS")
    """Accept any certificate."""


class Alert(Piece):
    """An AlertProvider that is told of this Canary."""

    name: str = Field(min_length=1, max_length=253)
    """Name of the alert."""
    severity: Literal["", "info", "warn", "error"] = "info"
    """The least severity that is told; empty is info."""
    provider_ref: ObjectRef
    """The AlertProvider."""
