"""What a Canary says about routes, as a value without the API's models: Istio's JSON in Istio's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.api.affinity import SessionAffinity
from delivery.api.canary import Canary
from delivery.workloads.service_spec import ServiceSpec

Condition = Mapping[str, Any]
"""An Istio match; of a list of them, one must hold."""

MESH = "mesh"
"""Istio's word for all sidecars, where a VirtualService names its gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """Whom the routes are for, and who may meet the canary.

    `hosts` and `gateways` as given; with `delegation` there are none, for another VirtualService delegates to ours.
    `match` says which requests are routed at all, `audience` which of them meet the canary, `testers` which always do;
    empty conditions match everything, except that without `testers` nobody is one.
    """

    service: ServiceSpec
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    delegation: bool = False
    match: tuple[Condition, ...] = ()
    audience: tuple[Condition, ...] = ()
    testers: tuple[Condition, ...] = ()
    affinity: SessionAffinity | None = None
    primary_cookie_seconds: int = field(default=60)
    port_discovery: bool = False
    tcp: bool = False

    @classmethod
    def of(cls, canary: Canary) -> "RouteSpec":
        """Read it from a Canary."""
        service, analysis = canary.spec.service, canary.spec.analysis
        return cls(
            service=ServiceSpec.of(canary),
            hosts=service.hosts,
            gateways=service.gateways,
            delegation=service.delegation,
            match=tuple(each.as_json() for each in service.match),
            audience=tuple(each.as_json() for each in analysis.match),
            testers=tuple(each.as_json() for each in analysis.tester_match),
            affinity=analysis.session_affinity,
            primary_cookie_seconds=max(1, int(analysis.interval_seconds)),
            port_discovery=service.port_discovery,
            tcp=service.is_tcp,
        )

    @property
    def in_mesh(self) -> bool:
        """Are the routes for the mesh's sidecars too?"""
        return not self.delegation and (not self.gateways or MESH in self.gateways)

    @property
    def named_port(self) -> Mapping[str, Any]:
        """What a destination says of its port where there are only gateways, whose own ports mean nothing behind them
        and which cannot tell which of several is meant; empty elsewhere.
        """
        return {"port": {"number": self.service.port}} if self.port_discovery and not self.in_mesh else {}
