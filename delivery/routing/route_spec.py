"""What a Canary says about routes, as a value without the API's models: Istio's JSON in Istio's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.api.affinity import SessionAffinity
from delivery.api.canary import Canary
from delivery.api.route_refs import SubsetRef
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.workloads.service_spec import ServiceSpec

Condition = Mapping[str, Any]
"""An Istio match; of a list of them, one must hold."""

MESH = "mesh"
"""Istio's word for all sidecars, where a VirtualService names its gateways."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A VirtualService of the user, and the names of its http routes that split; none: all that name a role.

    `leaving`: the Canary names it no longer, but a run has left its traces there.
    """

    namespace: str
    name: str
    routes: tuple[str, ...] = ()
    leaving: bool = False

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return Ref(VIRTUAL_SERVICES, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Subsets:
    """The user's DestinationRule on the apex host, in the Canary's namespace, and its subset for each role.

    `versions`: each version has a subset for ever, and a promotion changes which of them is the primary's. Then these
    are names as of now ("" for one that is not known, and both the same between runs), and `before` is the subset that
    was the primary's until the last promotion: what it still has is the primary's.
    """

    rule: str
    primary: str
    canary: str
    before: str = ""
    versions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """Whom the routes are for, and who may meet the canary.

    `hosts` and `gateways` as given; with `delegation` there are none, for another VirtualService delegates to ours.
    `match` says which requests are routed at all, `audience` which of them meet the canary, `testers` which always do;
    empty conditions match everything, except that without `testers` nobody is one. `mirrors`: some step copies requests
    to the canary. With `references` the routes are the user's and only their weights are moved; with `subsets` a role
    is a subset of the apex host.
    """

    service: ServiceSpec
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    delegation: bool = False
    match: tuple[Condition, ...] = ()
    audience: tuple[Condition, ...] = ()
    testers: tuple[Condition, ...] = ()
    mirrors: bool = False
    affinity: SessionAffinity | None = None
    primary_cookie_seconds: int = field(default=60)
    port_discovery: bool = False
    tcp: bool = False
    references: tuple[Reference, ...] = ()
    subsets: Subsets | None = None

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
            mirrors=analysis.mirror,
            affinity=analysis.session_affinity,
            primary_cookie_seconds=max(1, int(analysis.interval_seconds)),
            port_discovery=service.port_discovery,
            tcp=service.is_tcp,
            references=tuple(
                Reference(each.namespace or canary.metadata.namespace, each.name, each.routes)
                for each in canary.spec.route_refs
            ),
            subsets=_subsets(canary.spec.subset_ref),
        )

    @property
    def by_version(self) -> bool:
        """Are the roles versions, of which each has a subset for ever? Then no proxy looks at the roles' Services."""
        return self.subsets is not None and self.subsets.versions

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


def _subsets(given: SubsetRef | None) -> Subsets | None:
    if given is None:
        return None
    return Subsets(
        given.name, given.primary_subset or "", given.canary_subset or "", versions=not given.names_roles
    )
