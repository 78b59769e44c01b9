"""Istio's traffic policy, passed on to the DestinationRules of both roles.

Typed field by field (connections, balancing, outliers, TLS, the same by port) rather than preserved unseen: a field
that the DestinationRule would refuse then fails where its author looks. Nothing here has a default of ours, so what
is passed on is exactly what was given.
"""

from typing import Annotated, Literal

from pydantic import Field

from delivery.api.durations import IstioDuration
from delivery.api.load_balancer import LoadBalancer
from delivery.api.model import Piece
from delivery.api.references import Port

Count = Annotated[int, Field(ge=0, le=2147483647)]
Percent = Annotated[int, Field(ge=0, le=100)]


class KeepAlive(Piece):
    """TCP keep-alive."""

    probes: Count | None = None
    """Unanswered probes before a connection is dead."""
    time: IstioDuration | None = None
    """Idle time before the first probe."""
    interval: IstioDuration | None = None
    """Time between probes."""


class TcpPool(Piece):
    """Limits of TCP connections."""

    max_connections: Count | None = None
    """Most connections to a host."""
    connect_timeout: IstioDuration | None = None
    """Time limit of connecting."""
    tcp_keepalive: KeepAlive | None = None
    """Keep-alive probes."""
    max_connection_duration: IstioDuration | None = None
    """Longest life of a connection."""
    idle_timeout: IstioDuration | None = None
    """Longest idle time of a connection."""


class Http2KeepAlive(Piece):
    """HTTP/2 keep-alive."""

    interval: IstioDuration | None = None
    """Time between pings."""
    timeout: IstioDuration | None = None
    """Time limit of an answer."""


class HttpPool(Piece):
    """Limits of HTTP connections."""

    http1_max_pending_requests: Count | None = None
    """Most requests that wait for a connection."""
    http2_max_requests: Count | None = None
    """Most requests in flight."""
    max_requests_per_connection: Count | None = None
    """Most requests over one connection."""
    max_retries: Count | None = None
    """Most retries in flight."""
    idle_timeout: IstioDuration | None = None
    """Longest idle time of a connection."""
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] | None = None
    """Whether HTTP/1.1 is upgraded to HTTP/2."""
    use_client_protocol: bool | None = None
    """Keep the caller's protocol."""
    max_concurrent_streams: Count | None = None
    """Most streams on one HTTP/2 connection."""
    http2_keep_alive: Http2KeepAlive | None = None
    """HTTP/2 pings."""


class ConnectionPool(Piece):
    """Limits of connections."""

    tcp: TcpPool | None = None
    """Limits of TCP connections."""
    http: HttpPool | None = None
    """Limits of HTTP connections."""


class OutlierDetection(Piece):
    """When a pod that answers badly is left out for a while."""

    split_external_local_origin_errors: bool | None = None
    """Count errors made by the proxy apart from those made by the pod."""
    consecutive_local_origin_failures: Count | None = None
    """Errors made by the proxy in a row."""
    consecutive_gateway_errors: Count | None = None
    """Answers 502, 503, 504 in a row."""
    consecutive_5xx_errors: Count | None = None
    """Answers 5xx in a row."""
    consecutive_errors: Count | None = None
    """Istio's older name of consecutiveGatewayErrors."""
    interval: IstioDuration | None = None
    """Time between looks."""
    base_ejection_time: IstioDuration | None = None
    """Least time of being left out."""
    max_ejection_percent: Percent | None = None
    """Most pods that may be left out, in percent."""
    min_health_percent: Percent | None = None
    """Below this share of healthy pods nobody is left out, in percent."""


class Tls(Piece):
    """TLS towards the pods."""

    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] | None = None
    """How connections are secured."""
    client_certificate: str | None = None
    """File of the client certificate."""
    private_key: str | None = None
    """File of the private key."""
    ca_certificates: str | None = None
    """File of the authorities."""
    ca_crl: str | None = None
    """File of the revocation list."""
    credential_name: str | None = None
    """Secret that holds key and certificates."""
    subject_alt_names: tuple[str, ...] = ()
    """Names that the server's certificate may carry."""
    sni: str | None = None
    """Name sent in the handshake."""
    insecure_skip_verify: bool | None = None
    """Accept any certificate."""


class PortSelector(Piece):
    """A port of the Service."""

    number: Port
    """Its number."""


class Policy(Piece):
    """What can be said for all ports or for one."""

    load_balancer: LoadBalancer | None = None
    """How a pod is chosen."""
    connection_pool: ConnectionPool | None = None
    """Limits of connections."""
    outlier_detection: OutlierDetection | None = None
    """When pods are left out."""
    tls: Tls | None = None
    """TLS towards the pods."""


class PortPolicy(Policy):
    """Settings of one port; they replace the general ones."""

    port: PortSelector
    """The port."""


class TrafficPolicy(Policy):
    """Istio's traffic policy."""

    port_level_settings: tuple[PortPolicy, ...] = Field(default=(), max_length=4096)
    """Settings by port."""
