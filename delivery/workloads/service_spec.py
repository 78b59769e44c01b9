"""What `spec.service` says, as a value without the API's models: ports, traffic policy, metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.api.canary import Canary
from delivery.api.service import CustomMetadata, UnmanagedMetadata, rule_json, traffic_policy_json


@dataclass(frozen=True, slots=True)
class Metadata:
    """Labels and annotations that the user wants on an object of ours."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Keys of labels and annotations that other tools own on our objects."""

    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A Canary's service. `port` is 1..65535; `target_port` a number or the name of a container port.

    `traffic_policy` is Istio's TrafficPolicy as JSON in Istio's own camelCase, or None; `rule` what the http rule
    carries besides its destinations, likewise (timeout, retries, rewrite, headers, corsPolicy). `port_discovery`:
    the containers' other ports are offered too. `headless` is about an apex Service that we make; those of the roles
    have addresses, for a mesh sends a request for a Service without one wherever the caller had looked it up, and
    weights would mean nothing. `unmanaged` holds keys that we may give but never change.
    """

    port: int
    port_name: str = "http"
    target_port: int | str = 0
    app_protocol: str | None = None
    traffic_policy: Mapping[str, Any] | None = None
    rule: Mapping[str, Any] = field(default_factory=dict)
    traffic_distribution: str | None = None
    port_discovery: bool = False
    headless: bool = False
    apex: Metadata = Metadata()
    primary: Metadata = Metadata()
    canary: Metadata = Metadata()
    unmanaged: Unmanaged = Unmanaged()

    def __post_init__(self) -> None:
        if not self.target_port:
            object.__setattr__(self, "target_port", self.port)

    @classmethod
    def of(cls, canary: Canary) -> "ServiceSpec":
        """Read it from a Canary; the target port is the port without one."""
        service = canary.spec.service
        return cls(
            port=service.port,
            port_name=service.port_name,
            target_port=service.target_port or service.port,
            app_protocol=service.app_protocol or None,
            traffic_policy=traffic_policy_json(service) or None,
            rule=rule_json(service),
            traffic_distribution=service.traffic_distribution,
            port_discovery=service.port_discovery,
            headless=service.headless,
            apex=_metadata(service.apex),
            primary=_metadata(service.primary),
            canary=_metadata(service.canary),
            unmanaged=_unmanaged(service.unmanaged_metadata),
        )


def _metadata(given: CustomMetadata | None) -> Metadata:
    return Metadata(given.labels, given.annotations) if given else Metadata()


def _unmanaged(given: UnmanagedMetadata | None) -> Unmanaged:
    return Unmanaged(frozenset(given.labels), frozenset(given.annotations)) if given else Unmanaged()
