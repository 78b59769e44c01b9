"""What a proxy knows of routes, as values: the form between API objects and the fate of requests."""

from dataclasses import dataclass, field

from delivery.sandbox.mesh.matching import Match

MESH = "mesh"
"""The gateway name that means every sidecar."""

DEFAULT_RETRY_ON = ("connect-failure", "refused-stream", "unavailable", "cancelled")


@dataclass(frozen=True, slots=True)
class Retry:
    """`attempts` retries after the first try. Istio's default is two, on what surely did not reach the application
    (Istio, "Traffic Management", retries; the 503 of older releases is no longer among the conditions).
    """

    attempts: int = 2
    on: tuple[str, ...] = DEFAULT_RETRY_ON
    per_try_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HeaderOps:
    """What is done to the headers of requests or of answers on one way."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, headers: dict[str, str]) -> dict[str, str]:
        """`headers` (lower case) afterwards; what is added to one that is there stands behind a comma."""
        out = {name: value for name, value in headers.items() if name not in self.remove}
        out.update(self.set)
        for name, value in self.add:
            out[name] = f"{out[name]},{value}" if name in out else value
        return out


@dataclass(frozen=True, slots=True)
class Destination:
    """A host (fully qualified), a subset of it or "", a port or 0 for the one that was asked for."""

    host: str
    subset: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Branch:
    """One way that a rule sends a share (0..1) of requests."""

    destination: Destination
    share: float
    request_headers: HeaderOps = HeaderOps()
    response_headers: HeaderOps = HeaderOps()


@dataclass(frozen=True, slots=True)
class Mirror:
    """Copies whose answers nobody sees; a share 0..1 of the requests."""

    destination: Destination
    share: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Faults that the proxy makes up itself. Shares 0..1; `abort` is (share, HTTP code, gRPC code)."""

    delay: tuple[float, float] | None = None
    """(share, seconds)"""
    abort: tuple[float, int, int | None] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An HTTP rule. All `conditions` must hold, of each any of its matches; none: it takes every request.

    `answer` is the code of a redirect or a direct response, which reaches no pod.
    """

    conditions: tuple[tuple[Match, ...], ...] = ()
    branches: tuple[Branch, ...] = ()
    name: str = ""
    answer: int | None = None
    mirrors: tuple[Mirror, ...] = ()
    retry: Retry = field(default_factory=Retry)
    timeout_seconds: float | None = None
    fault: Fault = field(default_factory=Fault)
    request_headers: HeaderOps = HeaderOps()
    response_headers: HeaderOps = HeaderOps()


@dataclass(frozen=True, slots=True)
class StreamMatch:
    """When a rule for connections (tcp, tls) is meant; empty members hold always."""

    port: int = 0
    sni: tuple[str, ...] = ()
    source_labels: tuple[tuple[str, str], ...] = ()
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamRule:
    """A rule for whole connections."""

    matches: tuple[StreamMatch, ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rules of one VirtualService (of several, on a gateway), and which namespaces see them (`*`: all)."""

    name: str
    exported_to: frozenset[str] = frozenset({"*"})
    http: tuple[Rule, ...] = ()
    tcp: tuple[StreamRule, ...] = ()
    tls: tuple[StreamRule, ...] = ()

    def visible_to(self, namespace: str) -> bool:
        """Do callers of this namespace follow it?"""
        return "*" in self.exported_to or namespace in self.exported_to


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """All that routes say about a host: tables in the order of age, of which the first visible one counts (IST0109).

    `ports` are the Service's; None: there is no such Service.
    """

    host: str
    tables: tuple[Table, ...] = ()
    ports: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A destination that a proxy may send to: a Service, or a subset of it, on these ports."""

    host: str
    subset: str = ""
    ports: tuple[int, ...] = ()
