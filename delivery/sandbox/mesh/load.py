"""Load: requests that somebody keeps sending, all alike. Whoever has callers of several kinds has several loads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PROTOCOLS = ("http", "grpc", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class Load:
    """`per_second` requests (tcp, tls: connections) to a service of a namespace, at an even pace.

    `source` is the caller's workload, in `source_namespace` (the same namespace when empty), with `source_labels`.
    `port` 0 is the Service's first one. With `gateway` ("namespace/name") they come through the ingress gateway and
    `authority`, the name that users type, decides about the route. `version` marks the caller's own version.
    """

    namespace: str
    service: str
    per_second: float
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = "productpage"
    source_namespace: str = ""
    source_labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    version: str = "v1"
    method: str = "GET"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict, hash=False)
    authority: str = ""
    port: int = 0
    protocol: str = "http"
    sni: str = ""
    gateway: str = ""

    def __post_init__(self) -> None:
        if self.per_second < 0:
            raise ValueError(f"per_second: {self.per_second}; allowed is 0 or more")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol: {self.protocol!r}; one of {', '.join(PROTOCOLS)}")
        if self.gateway and "/" not in self.gateway:
            raise ValueError(f"gateway: {self.gateway!r}; allowed is namespace/name")

    @property
    def client_namespace(self) -> str:
        """Where the caller lives."""
        return self.source_namespace or self.namespace

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the caller's pods."""
        return {"app": self.source, "version": self.version, **self.source_labels}

    @property
    def is_http(self) -> bool:
        """Does the proxy see single requests? Else it forwards connections."""
        return self.protocol in {"http", "grpc"}
