"""The seam between the loop and a mesh: what a router is given, what it answers, and who it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from delivery.cluster.objects import Change, Kind, Object, Ref
from delivery.routing.route_spec import RouteSpec
from delivery.workloads.names import Names
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Observed:
    """What a router looks at for one Canary, as it stands in the caches; objects that are not there are missing.

    `primary` and `canary` are the labels that select each role's pods, empty while they are not known; `templates` are
    the pod templates of both.
    """

    objects: Mapping[Ref, Object] = field(default_factory=dict)
    primary: Mapping[str, str] = field(default_factory=dict)
    canary: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        pairs: Iterable[tuple[Ref, Object | None]],
        *,
        primary: Mapping[str, str] = MappingProxyType({}),
        canary: Mapping[str, str] = MappingProxyType({}),
        templates: Iterable[Mapping[str, Any]] = (),
    ) -> "Observed":
        """From what a cache answers."""
        found = {ref: body for ref, body in pairs if body is not None}
        return cls(found, primary=primary, canary=canary, templates=tuple(templates))

    def get(self, ref: Ref) -> Object | None:
        """One of them."""
        return self.objects.get(ref)

    def replaced(self, ref: Ref, body: Object) -> "Observed":
        """The same with one object as it is now."""
        return replace(self, objects={**self.objects, ref: body})


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What the routes say.

    `canary_weight` is the canary's percent, 0..100, of the requests that are split: the matched ones where routes
    match any; None when no rule takes them. `everybody_weight` is its percent of all other requests. `mirror` is the
    percent that is copied to it; `testers`: a rule leads testers to it. Of several objects the highest weight counts.
    `applied_matches` is False when somebody else changed our fields since our last write. `fence` is the epoch of the
    leader that wrote last, `managers` are those besides us who own fields of the spec, latest first. `taken_over` is
    False while routes of the user carry no trace of ours: before we come they say nothing about our roles. `behind`:
    the version that was promoted has not got all that belongs to the primary yet.
    """

    canary_weight: int | None = None
    everybody_weight: int | None = None
    mirror: int = 0
    testers: bool = False
    applied_matches: bool = True
    fence: int = 0
    managers: tuple[str, ...] = ()
    taken_over: bool = True
    behind: bool = False


class Router(Protocol):
    """A mesh, or what does without one. Pure: it answers with changes and does none.

    What answers with changes raises delivery.cluster.errors.Fenced when an object carries a higher fence than `epoch`.
    """

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of objects that have to be watched, and without whose watches nothing may rise."""

    @property
    def moves_apex(self) -> bool:
        """Do users follow the apex Service's selector? Then it is this router's, and nobody else moves it."""

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

    def give_back(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes after which the routes are what they were before us; none when they are.

        Users reach the target's pods by the apex Service by then, and go on doing so at every moment.
        """

    def adoptable(self, names: Names, spec: RouteSpec, observed: Observed) -> tuple[Ref, ...]:
        """Those of `created_refs` under which there is an object that we may take over as it stands: users are led as
        before by the first `routes` and `destinations`, which record what it said.
        """

    def read(self, names: Names, spec: RouteSpec, observed: Observed) -> RouteView:
        """What the routes say."""

    def refence(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """The changes that put our epoch on every object that is there and change nothing else."""
