"""The seam between the loop and a mesh: what a router is given, what it answers, and who it is."""

from dataclasses import dataclass
from typing import Protocol

from delivery.cluster.objects import Change, Kind, Object
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The mesh objects of one Canary as they stand in the caches; None where there is none.

    `route` is the object that splits the apex's traffic, the destinations are the objects that describe each role.
    """

    route: Object | None = None
    primary: Object | None = None
    canary: Object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What a route object says.

    `canary_weight` is the percent of requests without a special rule that go to the canary, 0..100; None when no rule
    of it takes them. `applied_matches` is False when somebody else changed our fields since our last write.
    `fence` is the epoch of the leader that wrote last, `managers` are those besides us who own
    fields of its spec, latest first.
    """

    canary_weight: int | None = None
    applied_matches: bool = True
    fence: int = 0
    managers: tuple[str, ...] = ()


class Router(Protocol):
    """A mesh. Pure: it answers with changes and does none.

    What answers with changes raises delivery.cluster.errors.Fenced when an object carries a higher fence than `epoch`.
    """

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of objects that have to be watched."""

    def destinations(self, names: Names, spec: ServiceSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes that make both roles known to the mesh; they must be in place before a route names them."""

    def routes(
        self, names: Names, spec: ServiceSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        """The changes after which the routes say `traffic`; none when they do."""

    def read(self, route: Object | None, names: Names) -> RouteView:
        """What a route object says."""

    def refence(self, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes that put our epoch on every object that is there and change nothing else."""
