"""How Istio chooses a pod."""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.durations import IstioDuration
from delivery.api.model import Piece, at_most_one, broken_rule

_HASH_KEYS = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")


class HashCookie(Piece):
    """A cookie to hash by."""

    name: str = Field(min_length=1)
    """Its name."""
    path: str | None = None
    """Its path."""
    ttl: IstioDuration | None = None
    """Its life, if Istio has to make it."""


class RingHash(Piece):
    """Ring hash."""

    minimum_ring_size: int | None = Field(default=None, ge=0)
    """Fewest nodes on the ring."""


class Maglev(Piece):
    """Maglev hash."""

    table_size: int | None = Field(default=None, ge=0)
    """Size of the table, a prime."""


class ConsistentHash(Piece):
    """Same caller, same pod. With weighted routes Istio does not keep that promise."""

    model_config = ConfigDict(json_schema_extra=at_most_one(*_HASH_KEYS))

    http_header_name: str | None = None
    """Hash by this header."""
    http_cookie: HashCookie | None = None
    """Hash by this cookie."""
    use_source_ip: bool | None = None
    """Hash by the caller's address."""
    http_query_parameter_name: str | None = None
    """Hash by this query parameter."""
    minimum_ring_size: int | None = Field(default=None, ge=0)
    """Istio's older place of ringHash.minimumRingSize."""
    ring_hash: RingHash | None = None
    """Use a hash ring."""
    maglev: Maglev | None = None
    """Use Maglev."""

    @model_validator(mode="after")
    def _one_key(self) -> "ConsistentHash":
        given = [key for key in _HASH_KEYS if key in self.as_json()]
        if len(given) > 1:
            raise broken_rule(given=" and ".join(given), allowed=f"at most one of {', '.join(_HASH_KEYS)}")
        return self


class Distribute(Piece):
    """Shares of traffic from one locality."""

    from_: str | None = Field(default=None, alias="from")
    """Locality of the caller."""
    to: Mapping[str, int] = Field(default_factory=dict)
    """Locality to its share, in percent."""


class Failover(Piece):
    """Where traffic goes when a locality is unwell."""

    from_: str | None = Field(default=None, alias="from")
    """The region that is unwell."""
    to: str | None = None
    """The region that takes over."""


class LocalityLb(Piece):
    """Balancing between localities."""

    enabled: bool | None = None
    """Whether it is on."""
    distribute: tuple[Distribute, ...] = ()
    """Shares by locality."""
    failover: tuple[Failover, ...] = ()
    """Regions that take over."""
    failover_priority: tuple[str, ...] = ()
    """Labels, in order, by which pods are preferred."""


class Warmup(Piece):
    """How slowly a new pod gets its share."""

    duration: IstioDuration
    """Time until the full share."""
    minimum_percent: float | None = Field(default=None, ge=0, le=100)
    """The share at the start, in percent."""
    aggression: float | None = Field(default=None, ge=0)
    """How fast the share rises."""


class LoadBalancer(Piece):
    """How a pod is chosen."""

    model_config = ConfigDict(json_schema_extra=at_most_one("simple", "consistentHash"))

    simple: Literal["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"] | None = None
    """A standard method."""
    consistent_hash: ConsistentHash | None = None
    """Same caller, same pod."""
    locality_lb_setting: LocalityLb | None = None
    """Balancing between localities."""
    warmup_duration_secs: IstioDuration | None = None
    """Istio's older name of warmup.duration."""
    warmup: Warmup | None = None
    """How slowly a new pod gets its share."""

    @model_validator(mode="after")
    def _one_method(self) -> "LoadBalancer":
        if self.simple is not None and self.consistent_hash is not None:
            raise broken_rule(given="both", allowed="one of simple, consistentHash")
        return self
