"""What Istio does to requests on their way: rewrites, retries, headers, CORS. All of Istio's shape is typed."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from delivery.api.durations import IstioDuration
from delivery.api.matches import StringMatch
from delivery.api.model import Piece


class Rewrite(Piece):
    """How path and host are rewritten before the request is passed on."""

    uri: str | None = None
    """The new path, or its new prefix."""
    authority: str | None = None
    """The new host."""
    type: str | None = None
    """ReplacePrefixMatch replaces the matched prefix, anything else the full path (Gateway API only)."""


class Retries(Piece):
    """How failed requests are repeated."""

    attempts: int | None = Field(default=None, ge=0)
    """How often a request is repeated; 0 turns retries off."""
    per_try_timeout: IstioDuration | None = None
    """Time limit of each attempt."""
    retry_on: str | None = None
    """Comma-separated conditions of a retry, in Envoy's words."""
    retry_remote_localities: bool | None = None
    """Whether retries may go to other localities."""
    retry_ignore_previous_hosts: bool | None = None
    """Whether a retry avoids the hosts already tried."""
    backoff: IstioDuration | None = None
    """Least time between retries."""


class HeaderOperations(Piece):
    """Changes to headers."""

    add: Mapping[str, str] = Field(default_factory=dict)
    """Headers to append."""
    set: Mapping[str, str] = Field(default_factory=dict)
    """Headers to overwrite."""
    remove: tuple[str, ...] = ()
    """Headers to remove."""


class Headers(Piece):
    """Changes to headers of requests and responses."""

    request: HeaderOperations | None = None
    """Changes before a request is passed on."""
    response: HeaderOperations | None = None
    """Changes before a response is returned."""


class CorsPolicy(Piece):
    """Cross-origin resource sharing."""

    allow_origin: tuple[str, ...] = ()
    """Origins that may call; Istio prefers allowOrigins."""
    allow_origins: tuple[StringMatch, ...] = ()
    """Conditions on origins that may call."""
    allow_methods: tuple[str, ...] = ()
    """Methods that may be used."""
    allow_headers: tuple[str, ...] = ()
    """Headers that may be sent."""
    expose_headers: tuple[str, ...] = ()
    """Headers that the caller may read."""
    max_age: IstioDuration | None = None
    """How long a preflight answer may be kept."""
    allow_credentials: bool | None = None
    """Whether credentials may be sent."""
    unmatched_preflights: Literal["UNSPECIFIED", "FORWARD", "IGNORE"] | None = None
    """What becomes of preflights from other origins."""
