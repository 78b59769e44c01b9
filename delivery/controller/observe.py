"""A snapshot: what a decision needs, from caches that cost no request.

Absence is the one thing that a cache may not claim: before anything moves because an object is not there, one GET
has said so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from delivery.cluster.errors import Unavailable
from delivery.cluster.indexes import CANARY_INDEX
from delivery.cluster.objects import Object, Ref
from delivery.cluster.protocols import Clock
from delivery.cluster.reader import Reader
from delivery.controller import beside
from delivery.controller.adopting import apex_on_primary, primary_of
from delivery.controller.alerting import Alerting
from delivery.controller.changes import Changes, changes
from delivery.controller.configs import Tracker
from delivery.controller.entry import Entry
from delivery.controller.finalizing import FINALIZER
from delivery.controller.freshness import AGAIN_SECONDS, again_in, stale
from delivery.controller.guarded import Guarded
from delivery.controller.guarding import UNKNOWN, Guards
from delivery.controller.interest import HOST, Interest, Place
from delivery.controller.picture import Picture, take
from delivery.controller.reading import Spec, told_apart, under_names
from delivery.controller.references import coarse
from delivery.controller.refusals import refusal
from delivery.controller.revisions import current, is_copied, resolve
from delivery.controller.scaling import lacking
from delivery.controller.templates import Templates
from delivery.controller.undoing import undone
from delivery.controller.unrouted import unrouted_in
from delivery.controller.versions import known_since, recalled
from delivery.gates.people import People
from delivery.routing.router import RouteView
from delivery.workloads.configs.references import references
from delivery.workloads.naming import in_use
from delivery.workloads.ownership import is_ours
from delivery.workloads.revision import Scope
from delivery.workloads.service_problems import unkept_problem
from delivery.workloads.targets.leading import led_to
from strategies.decision import Wanted
from strategies.rollout import wanted
from strategies.snapshot import Problem, Routes, Snapshot, Undone, Workload
from strategies.spec import RolloutSpec
from strategies.status import Phase, Stage, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look: the objects, and what they mean.

    `wish` is what the recorded status wants of them and `found` what is missing for it, fences aside. `again_in`:
    seconds after which to look again in any case.
    """

    picture: Picture
    snapshot: Snapshot
    wish: Wanted
    found: Changes
    again_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlook:
    """One look at what somebody else rolls out. `spec` has the names by which both versions are counted; `again_in`:
    seconds after which to look again in any case.
    """

    spec: Spec
    snapshot: Snapshot
    again_in: float | None = None


class Observer:
    """Takes snapshots."""

    def __init__(
        self,
        reader: Reader,
        clock: Clock,
        scope: Scope,
        templates: Templates,
        alerting: Alerting,
        people: People,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._tracker = Tracker(reader, clock, scope)
        self._guards = Guards(reader)
        self._templates = templates
        self._alerting = alerting
        self._people = people
        self._interest = Interest()
        self.interested = self._interest.of
        self.forget = self._interest.forget

    def named(self, spec: Spec) -> Spec:
        """The spec with the names under which the Canary's primary was made."""
        names = spec.names
        ours = self._reader.indexed(spec.target.primary_kind, CANARY_INDEX, f"{names.namespace}/{names.canary}")
        named = under_names(spec, in_use(names, ours))
        if not spec.route.by_version:
            return named
        primary = self._reader.get(Ref(spec.target.primary_kind, names.namespace, named.names.primary))
        return told_apart(named, led_to(primary).deployment)

    async def observe(
        self,
        entry: Entry,
        body: Object,
        spec: Spec,
        status: Status,
        *,
        epoch: int,
        delivered: frozenset[str],
    ) -> Sight:
        """Look at everything that belongs to a Canary. Raises Fenced when a later leader has written some of it."""
        picture, guarded = self._take(entry, body, spec)
        if await self._confirm_absence(entry, picture, status):
            picture, guarded = self._take(entry, body, spec)
        picture = replace(picture, configs=await self._tracker.read(entry, picture.names, picture.template))
        if picture.configs.pending and status.phase in (Phase.NONE, Phase.INITIALIZING) and status.stage is Stage.NONE:
            raise Unavailable(picture.configs.pending)  # nothing is known and nothing was begun: look again in a moment
        if picture.workload.routes_only:
            free_in = unrouted_in(picture, now=self._clock.now(), settle=spec.rollout.settle_seconds)
            picture = replace(picture, canary_free_in=free_in)
        snapshot = self._snapshot(entry, picture, status, spec, epoch=epoch, delivered=delivered)
        snapshot = _with_guards(snapshot, guarded, taken_over=_is_taken_over(picture, status))
        return self._with_routes(entry, picture, spec.rollout, status, snapshot)

    async def look_on(
        self, entry: Entry, body: Object, spec: Spec, status: Status, *, epoch: int, delivered: frozenset[str]
    ) -> Onlook:
        """Look at what somebody else rolls out under a Canary's names. What forbids us to take over forbids nothing."""
        picture = take(self._reader, body, spec, scaling=False)
        hosts = ((HOST, "", name) for name in (picture.names.canary_service, picture.names.primary_service))
        self._note_interest(entry, picture, hosts, self._beside(spec))
        picture = replace(picture, configs=await self._tracker.read(entry, picture.names, picture.template))
        if picture.configs.pending and status.run is None:
            raise Unavailable(picture.configs.pending)  # nothing was begun: look again in a moment
        since = status.run.started if status.run is not None else None
        found = beside.look(self._reader, picture, matched=spec.rollout.analysis.matched, since=since)
        target = found.target
        if target is not None and not picture.workload.routes_only:
            target = current(picture, target, status)
        snapshot = Snapshot(
            target=target,
            primary=found.primary,
            routes=found.routes,
            mover=found.mover,
            unmeasurable=self._templates.problem(spec.brief.metrics.values()),
            unalertable=self._alerting.problem(spec.canary),
            hold=spec.hold or stale(self._reader, picture.needed),
            deleting="deletionTimestamp" in body["metadata"],
            epoch=epoch,
            delivered=delivered,
            command=self._people.command(body),
        )
        look_again = again_in(self._reader, self._clock, entry, picture)
        return Onlook(spec=told_apart(spec, found.version), snapshot=snapshot, again_in=look_again)

    def _take(self, entry: Entry, body: Object, spec: Spec) -> tuple[Picture, Guarded]:
        """Everything of the Canary, and what preflight says of its surroundings."""
        picture = take(self._reader, body, spec)
        guarded = self._guards.look(entry.guarded, picture, spec.caution)
        places = (*guarded.places, *self._people.places(picture.names.namespace))
        self._note_interest(entry, picture, places, self._beside(spec))
        return picture, guarded

    def _beside(self, spec: Spec) -> tuple[Ref, ...]:
        """The objects that the analysis names: whom is asked, who is told."""
        return (*self._templates.refs(spec.brief.metrics.values()), *self._alerting.refs(spec.canary))

    def _note_interest(
        self, entry: Entry, picture: Picture, further: Iterable[Place], measured: Iterable[Ref]
    ) -> None:
        """Be told of every object that this Canary looks at, before any of it is asked for."""
        configs = references(picture.template) if picture.template is not None else ()
        named = (config.ref(picture.names.namespace) for config in configs)
        routed = (*picture.route_refs, *_destination_refs(picture))
        refs = (*routed, *picture.scaling.named(picture.names), *named, *measured)
        self._interest.note(
            entry.key, picture.names, refs, target=picture.workload.kind, labels=picture.pod_labels, further=further
        )

    async def _confirm_absence(self, entry: Entry, picture: Picture, status: Status) -> bool:
        """One GET for each object that should be there and is not; True when one was there after all."""
        names, kind = picture.names, picture.workload.kind
        expected: list[tuple[Ref, Object | None]] = [(Ref(kind, names.namespace, names.target), picture.target)]
        if status.phase not in (Phase.NONE, Phase.INITIALIZING) or recalled(picture):
            primary = Ref(picture.workload.primary_kind, names.namespace, names.primary)
            expected += [(primary, picture.primary)]
        if status.phase not in (Phase.NONE, Phase.INITIALIZING):
            expected += [(ref, picture.mesh.get(ref)) for ref in picture.route_refs]
        found = False
        for ref, body in expected:
            if body is not None:
                entry.absent.pop(ref, None)
            elif ref not in entry.absent:
                found = await self._reader.fetch(ref) is not None or found
                entry.absent[ref] = None
        return found

    def _snapshot(
        self,
        entry: Entry,
        picture: Picture,
        status: Status,
        spec: Spec,
        *,
        epoch: int,
        delivered: frozenset[str],
    ) -> Snapshot:
        now = self._clock.monotonic()
        since = status.run.started if status.run is not None else None
        revision = status.run.revision if status.run is not None else status.last_promoted_spec
        return Snapshot(
            target=_target(picture, status, since),
            primary=_workload(picture, primary_of(picture), since),
            refusal=spec.refusal or refusal(self._reader, picture),
            warning=_unkept(picture),
            unmeasurable=self._templates.problem(spec.brief.metrics.values()),
            unalertable=self._alerting.problem(spec.canary),
            hold=spec.hold or stale(self._reader, picture.needed),
            contested=_contested(entry) if entry.contested(now) else entry.rivalry.problem(now),
            deleting="deletionTimestamp" in picture.body["metadata"],
            resolvable=not revision or resolve(picture, revision) is not None,
            copied=is_copied(picture, status),
            finalizer=FINALIZER in (picture.body["metadata"].get("finalizers") or ()),
            previous_scaled=picture.scaling.versions is not None and bool(picture.scaling.versions.before),
            epoch=epoch,
            delivered=delivered,
            recalled=recalled(picture),
            command=self._people.command(picture.body),
            window=entry.window.at(spec.canary.spec.rollout_windows, self._clock.now()),
            frozen=self._people.frozen(picture.names.namespace, self._clock.now()),
            approvals=self._people.approvals(picture.names.namespace, picture.names.canary),
        )

    def _with_routes(
        self, entry: Entry, picture: Picture, spec: RolloutSpec, status: Status, snapshot: Snapshot
    ) -> Sight:
        """Add what the routes say, held against what the recorded status wants of them."""
        view = picture.router.read(picture.names, picture.route, picture.mesh)
        early = status.phase in (Phase.NONE, Phase.INITIALIZING, Phase.TERMINATING)
        if early and not view.taken_over:
            view = RouteView()  # what the user's routes say before we come is nothing that we have to hold to
        live = _live(view)
        snapshot = replace(snapshot, routes=live)
        wish = wanted(spec, status, snapshot)
        found = changes(wish, picture, epoch=snapshot.epoch, running=False)
        in_sync = wish.traffic is not None and found.in_sync
        expected = wish.traffic is not None or _waits(status, routed=view.canary_weight is not None)
        self._note_sync(entry, expected=expected, in_sync=in_sync)
        shown = wish.traffic is not None and not entry.unconfirmed(picture.route_uids, wish.traffic)
        # Whatever could not be written counts: a run also waits for its finalizer and for its pods.
        since = [each for each in (entry.unsynced_since, entry.failing_since) if each is not None]
        routes = replace(
            live,
            in_sync=in_sync,
            confirmed=in_sync and not entry.awaits(picture.route_uids) and shown,
            hand_edited=view.canary_weight is not None and not view.applied_matches,
            apex_moved=_apex_moved(picture, routed=live.canary_weight is not None),
            failing_seconds=self._clock.monotonic() - min(since) if since else 0.0,
            problem=entry.problem,
            coarse=coarse(picture, wish.traffic),
        )
        snapshot = replace(
            snapshot,
            routes=routes,
            scarcity=lacking(wish, picture.scaling),
            undone=undone(picture, epoch=snapshot.epoch) if status.phase is Phase.TERMINATING else Undone(),
        )
        look_again = again_in(self._reader, self._clock, entry, picture)
        if snapshot.refusal is not None and snapshot.refusal.reason == UNKNOWN:
            look_again = min(AGAIN_SECONDS, look_again or AGAIN_SECONDS)
        return Sight(picture=picture, snapshot=snapshot, wish=wish, found=found, again_in=look_again)

    def _note_sync(self, entry: Entry, *, expected: bool, in_sync: bool) -> None:
        if in_sync or not expected:
            entry.unsynced_since = None
        elif entry.unsynced_since is None:
            entry.unsynced_since = self._clock.monotonic()


def _live(view: RouteView) -> Routes:
    """What the routes say, not yet held against anything."""
    return Routes(
        canary_weight=view.canary_weight,
        everybody_weight=view.everybody_weight,
        mirror=view.mirror,
        testers=view.testers,
        behind=view.behind,
    )


def _destination_refs(picture: Picture) -> tuple[Ref, ...]:
    return picture.router.destination_refs(picture.names, picture.route)


def _apex_moved(picture: Picture, *, routed: bool) -> bool:
    """Has the apex been led to the primary by us? Where its selector is the route, people can have done it before."""
    if picture.route.subsets is not None:
        return routed
    return apex_on_primary(picture) and (routed or not picture.router.moves_apex)


def _is_taken_over(picture: Picture, status: Status) -> bool:
    """Are users on routes of ours? Objects tell, too: a status may be lost."""
    if status.phase not in (Phase.NONE, Phase.INITIALIZING):
        return True
    routes = (picture.mesh.get(ref) for ref in picture.route_refs)
    return apex_on_primary(picture) or any(body is not None and is_ours(body, picture.names) for body in routes)


def _unkept(picture: Picture) -> Problem | None:
    apex = None if picture.workload.routes_only else picture.apex
    services = (apex, picture.primary_service, picture.canary_service)
    return unkept_problem(picture.names, picture.service, services)


def _with_guards(snapshot: Snapshot, guarded: Guarded, *, taken_over: bool) -> Snapshot:
    """What preflight found forbids to take traffic over; later it is only said, but for another controller."""
    if taken_over:
        warning = guarded.concern or snapshot.warning
        return replace(snapshot, refusal=guarded.foreign or snapshot.refusal, warning=warning)
    return replace(snapshot, refusal=guarded.foreign or snapshot.refusal or guarded.concern or guarded.unknown)


def _waits(status: Status, *, routed: bool) -> bool:
    """True when routes should be there."""
    if status.phase is Phase.TERMINATING:
        return routed and status.stage in (Stage.ROUTES, Stage.TARGET, Stage.RETURN)
    early = status.phase is Phase.INITIALIZING and status.stage in (Stage.NONE, Stage.PRIMARY)
    return status.phase is not Phase.NONE and not early


def _workload(picture: Picture, body: Object | None, since: datetime | None) -> Workload | None:
    if body is None:
        return None
    return picture.workload.observe(body, picture.pods, past=picture.past, since=since)


def _target(picture: Picture, status: Status, since: datetime | None) -> Workload | None:
    """The target, with its revision."""
    seen = _workload(picture, picture.target, since)
    return current(picture, known_since(picture, seen), status) if seen is not None else None


def _contested(entry: Entry) -> Problem:
    return Problem(
        reason="Contested",
        message=f"{entry.rival or 'somebody'} keeps changing the weights that this Canary manages; tell it to ignore "
        "them, or suspend the Canary. The weight does not rise meanwhile",
    )
