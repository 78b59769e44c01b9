"""The seam between the loop and a mesh: what a router is given, what it answers, and who it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from delivery.cluster.objects import Change, Kind, Object, Ref
from delivery.routing.route_spec import RouteSpec
from delivery.workloads.names import Names
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Observed:
    """The mesh objects of one Canary as they stand in the caches; those that are not there are missing."""

    objects: Mapping[Ref, Object] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[Ref, Object | None]]) -> "Observed":
        """From what a cache answers."""
        return cls({ref: body for ref, body in pairs if body is not None})

    def get(self, ref: Ref) -> Object | None:
        """One of them."""
        return self.objects.get(ref)

    def replaced(self, ref: Ref, body: Object) -> "Observed":
        """The same with one object as it is now."""
        return Observed({**self.objects, ref: body})


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What the routes say.

    `canary_weight` is the canary's percent, 0..100, of the requests that are split: the matched ones where routes
    match any; None when no rule takes them. `everybody_weight` is its percent of all other requests. `mirror` is the
    percent that is copied to it; `testers`: a rule leads testers to it. Of several objects the highest weight counts.
    `applied_matches` is False when somebody else changed our fields since our last write. `fence` is the epoch of the
    leader that wrote last, `managers` are those besides us who own fields of the spec, latest first.
    """

    canary_weight: int | None = None
    everybody_weight: int | None = None
    mirror: int = 0
    testers: bool = False
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

    def route_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        """The objects that split the traffic."""

    def destination_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        """The objects that describe each role to the mesh."""

    def created_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        """Those of all of them that we create, so that what is there under such a name must be ours."""

    def destinations(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes that make both roles known to the mesh; they must be in place before a route names them."""

    def routes(
        self, names: Names, spec: RouteSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        """The changes after which the routes say `traffic`; none when they do."""

    def read(self, names: Names, spec: RouteSpec, observed: Observed) -> RouteView:
        """What the routes say."""

    def refence(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes that put our epoch on every object that is there and change nothing else."""
