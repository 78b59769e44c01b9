"""The pieces of the Gateway API that a Canary's service can carry."""

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, broken_rule, cel
from delivery.api.references import Port


class GatewayRef(Piece):
    """A Gateway that the routes are for."""

    group: str = Field(default="gateway.networking.k8s.io", max_length=253)
    """API group of the Gateway."""
    kind: str = Field(default="Gateway", min_length=1, max_length=63)
    """Kind of the Gateway."""
    name: str = Field(min_length=1, max_length=253)
    """Name of the Gateway."""
    namespace: str | None = Field(default=None, min_length=1, max_length=63)
    """Its namespace; by default the Canary's."""
    section_name: str | None = Field(default=None, min_length=1, max_length=253)
    """The listener's name."""
    port: Port | None = None
    """The listener's port."""


_SERVICE_HAS_PORT = (
    "!((!has(self.group) || self.group == '') && (!has(self.kind) || self.kind == 'Service')) || has(self.port)"
)


class BackendRef(Piece):
    """Who gets the copies."""

    model_config = ConfigDict(json_schema_extra=cel((_SERVICE_HAS_PORT, "a Service needs a port")))

    group: str = Field(default="", max_length=253)
    """API group; empty is the core group."""
    kind: str = Field(default="Service", min_length=1, max_length=63)
    """Kind of the backend."""
    name: str = Field(min_length=1, max_length=253)
    """Name of the backend."""
    namespace: str | None = Field(default=None, min_length=1, max_length=63)
    """Its namespace; by default the Canary's."""
    port: Port | None = None
    """Its port; needed for a Service."""

    @model_validator(mode="after")
    def _service_has_port(self) -> "BackendRef":
        if not self.group and self.kind == "Service" and self.port is None:
            raise broken_rule(given="nothing", allowed="1..65535 (a Service needs a port)", field="port")
        return self


class Fraction(Piece):
    """A part of the requests."""

    numerator: int = Field(ge=0)
    """How many."""
    denominator: int = Field(default=100, ge=1)
    """Out of how many."""


class RequestMirror(Piece):
    """A mirror filter of the Gateway API."""

    backend_ref: BackendRef
    """Who gets the copies."""
    percent: int | None = Field(default=None, ge=0, le=100)
    """Share of requests that is copied, in percent."""
    fraction: Fraction | None = None
    """Share of requests that is copied, as a fraction."""
