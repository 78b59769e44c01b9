"""Making the cluster equal to what is wanted: ordered writes, each with the preconditions of its decision.

Taking traffic away comes first and waits for nothing; giving a role more comes after everything that it needs. What
failed is remembered for the next snapshot, one failure stops no other rescue, and nothing here decides.
"""

import asyncio
from collections.abc import Sequence

import structlog

from delivery.cluster.errors import ClusterError, Conflict, Denied, Gone, Invalid, NotLeader, Unknown
from delivery.cluster.objects import Action, Change, Object
from delivery.cluster.protocols import Clock
from delivery.cluster.reader import Reader
from delivery.cluster.writer import Writer
from delivery.controller.changes import Changes
from delivery.controller.entry import Entry
from delivery.controller.late_writes import touch, touched
from delivery.controller.picture import Picture
from delivery.controller.queue import Retry
from delivery.controller.revisions import Copying
from delivery.routing.applied import managers
from delivery.workloads.configs.content import digest
from delivery.workloads.configs.copies import copy_change
from delivery.workloads.ownership import is_ours
from strategies.decision import Wanted
from strategies.reasons import Reason
from strategies.rollout import lowers
from strategies.snapshot import Problem, Routes
from strategies.traffic import Traffic

log = structlog.get_logger(__name__)

_REASONS: tuple[tuple[type[ClusterError], Reason, str], ...] = (
    (Denied, "WriteDenied", "grant the controller's role what it asks for"),
    (Invalid, "WriteRefused", "correct what the API server names"),
    (ClusterError, "ClusterUnavailable", "it is tried again by itself"),
)


def problem_of(error: ClusterError) -> Problem:
    """A failed request in words, with the way out."""
    for kind, reason, way_out in _REASONS:
        if isinstance(error, kind):
            return Problem(reason=reason, message=f"{error}; {way_out}")
    return Problem(reason="ClusterUnavailable", message=str(error))


class Converger:
    """Carries out what `changes` found. Raises the first ClusterError after everything that could be done was done;
    Retry when something has to wait.
    """

    def __init__(self, reader: Reader, writer: Writer, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def converge(
        self, entry: Entry, picture: Picture, wanted: Wanted, found: Changes, *, live: Routes, settle: float
    ) -> None:
        """Write what is missing, in the order that keeps users served."""
        errors: list[ClusterError] = []
        lowering = wanted.traffic is not None and live.canary_weight is not None and lowers(wanted.traffic, live)
        if lowering and wanted.traffic is not None and wanted.traffic.canary > 0:
            # A way back to the primary waits for nothing; repairing a step steps back from a rival like any other.
            lowering = not entry.contested(self._clock.monotonic())
        first = lowering or entry.awaits(picture.route_refs)
        if first:
            await self._routes(entry, picture, found, wanted.traffic, errors)
        if wanted.finalizer:
            await self._group(found.finalizer, errors)
        await self._copies(found.copies, errors)
        if found.destinations and await self._group(found.destinations, errors) and not picture.route.by_version:
            entry.raise_at = self._clock.monotonic() + settle
        await self._pods(entry, picture, found.scaling, errors)
        await self._group(found.fences, errors)
        if found.routes and not first:
            await self._raise(entry, picture, found, wanted.traffic, errors)
        if not errors:
            await self._group(found.apex, errors)
            await self._pods(entry, picture, found.resting, errors)
            await self._group((*found.collected, *found.undoing), errors)
        if not errors:
            await self._group(found.last, errors)
        if not errors and not wanted.finalizer:
            await self._group(found.finalizer, errors)
        self._conclude(entry, errors)

    async def confirm(self, entry: Entry, picture: Picture, traffic: Traffic, *, epoch: int) -> bool:
        """One GET of each route object not confirmed yet: do they say so at the API server, not only in the cache?"""
        mesh, shown = picture.mesh, {}
        for ref in entry.unconfirmed(picture.route_uids, traffic):
            body = await self._reader.fetch(ref)
            if body is None:
                return False
            mesh, shown[ref] = mesh.replaced(ref, body), (str(body["metadata"].get("uid", "")), traffic)
        view = picture.router.read(picture.names, picture.route, mesh)
        if view.canary_weight is None or picture.router.routes(
            picture.names, picture.route, traffic, mesh, epoch=epoch
        ):
            return False
        entry.confirmed.update(shown)
        return True

    async def _pods(
        self, entry: Entry, picture: Picture, changes: Sequence[Change], errors: list[ClusterError]
    ) -> None:
        """Write each, but what somebody takes back again and again only now and then; at the end of a Canary always."""
        leaving = "deletionTimestamp" in picture.body["metadata"]
        for change in changes:
            now, known = self._clock.monotonic(), self._reader.get(change.ref)
            if entry.rivalry.waits(change, now) and not leaving:
                continue
            who = next(iter(managers(known)), "") if known is not None else ""
            if await self._group((change,), errors):
                entry.rivalry.wrote(change, who, now)

    async def _group(self, changes: Sequence[Change], errors: list[ClusterError]) -> bool:
        """Write each; True when anything was written."""
        written = False
        for change in changes:
            try:
                await self._write(change)
                written = True
            except NotLeader:
                raise
            except ClusterError as error:
                errors.append(error)
        return written

    async def _write(self, change: Change) -> Object:
        """One write. Before anything is created, its absence is confirmed by one GET."""
        if change.action is Action.CREATE and await self._reader.fetch(change.ref) is not None:
            raise Conflict(f"{change.ref} exists by now")
        try:
            body = await self._writer.write(change)
        except Gone:
            if change.action is not Action.DELETE:
                raise
            body = {}
        log.info("written", object=str(change.ref), action=change.action.value, why=change.why)
        return body

    async def _copies(self, wanted: Sequence[Copying], errors: list[ClusterError]) -> None:
        """Copy configs; one that cannot be copied stops no other."""
        for each in wanted:
            try:
                await self._copy(each)
            except NotLeader:
                raise
            except ClusterError as error:
                errors.append(error)

    async def _copy(self, wanted: Copying) -> None:
        """Copy what was decided on and nothing else: the content is read now, and it may have been edited since."""
        source = wanted.config.ref(wanted.names.namespace)
        body = await self._reader.content(source)
        if body is None or digest(body, canary=wanted.names.canary, salt=wanted.salt) != wanted.digest:
            raise Conflict(f"{source} holds something else by now")
        change = copy_change(wanted.config, body, wanted.names, salt=wanted.salt, epoch=wanted.epoch)
        there = await self._reader.fetch(change.ref)
        if there is not None and not is_ours(there, wanted.names):
            raise Invalid(f"{change.ref} exists and is not a copy made for this Canary; rename or delete it")
        if there is None:
            await self._write(change)

    async def _raise(
        self, entry: Entry, picture: Picture, found: Changes, traffic: Traffic | None, errors: list[ClusterError]
    ) -> None:
        """Routes that give a role more: after its destinations, and after these had their time to reach the proxies."""
        wait = entry.raise_at - self._clock.monotonic()
        if errors:
            return
        if wait > 0:
            raise Retry(wait)
        if self._clock.monotonic() < entry.repair_at:
            raise Retry(entry.repair_at - self._clock.monotonic())
        await self._routes(entry, picture, found, traffic, errors)

    async def _routes(
        self, entry: Entry, picture: Picture, found: Changes, traffic: Traffic | None, errors: list[ClusterError]
    ) -> None:
        """Write the routes, all at once: one that fails stops none.

        After a write without an answer, the next one changes the object whatever it says.
        """
        if traffic is not None:
            stamp = self._clock.now().isoformat()
            changes = (*found.routes, *self._touches(entry, picture, found, stamp=stamp))
            stamped = (touched(each, stamp=stamp) if each.ref in entry.unsure else each for each in changes)
            await asyncio.gather(*(self._route(entry, each, traffic, errors) for each in stamped))

    def _touches(self, entry: Entry, picture: Picture, found: Changes, *, stamp: str) -> list[Change]:
        """For the routes that look right although a write to them may still arrive."""
        written = {change.ref for change in found.routes}
        unsure = ((ref, picture.mesh.get(ref)) for ref in picture.route_refs if ref in entry.unsure - written)
        return [touch(ref.kind, body, stamp=stamp) for ref, body in unsure if body is not None]

    async def _route(self, entry: Entry, change: Change, traffic: Traffic, errors: list[ClusterError]) -> None:
        """Write one of the route objects, and remember what its answer says."""
        try:
            body = await self._write(change)
        except NotLeader:
            raise
        except ClusterError as error:
            if isinstance(error, Unknown):
                entry.unsure.add(change.ref)
                entry.confirmed.pop(change.ref, None)
            errors.append(error)
        else:
            entry.unsure.discard(change.ref)
            entry.confirmed[change.ref] = (str(body["metadata"].get("uid", "")), traffic)

    def _conclude(self, entry: Entry, errors: list[ClusterError]) -> None:
        serious = [error for error in errors if not isinstance(error, Conflict)]
        entry.problem = problem_of(serious[0]) if serious else None
        if not serious:
            entry.failing_since = None
        elif entry.failing_since is None:
            entry.failing_since = self._clock.monotonic()
        if serious:
            raise serious[0]
        if errors:
            raise Retry(0.0)
