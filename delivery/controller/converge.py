"""Making the cluster equal to what is wanted: ordered writes, each with the preconditions of its decision.

Taking traffic away comes first and waits for nothing; giving a role more comes after everything that it needs. What
failed is remembered for the next snapshot, one failure stops no other rescue, and nothing here decides.
"""

from collections.abc import Sequence

import structlog

from delivery.cluster.errors import ClusterError, Conflict, Denied, Invalid, NotLeader, Unknown
from delivery.cluster.objects import VIRTUAL_SERVICES, Action, Change, Object, Ref
from delivery.cluster.protocols import Clock
from delivery.cluster.reader import Reader
from delivery.cluster.writer import Writer
from delivery.controller.changes import Changes, touch, touched
from delivery.controller.entry import Entry
from delivery.controller.picture import Picture
from delivery.controller.queue import Retry
from delivery.routing.router import Observed, Router
from delivery.workloads.ownership import is_ours
from strategies.decision import Wanted
from strategies.snapshot import Problem
from strategies.traffic import Traffic

log = structlog.get_logger(__name__)

_REASONS: tuple[tuple[type[ClusterError], str, str], ...] = (
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
        self, entry: Entry, picture: Picture, wanted: Wanted, found: Changes, *, live: int | None, settle: float
    ) -> None:
        """Write what is missing, in the order that keeps users served."""
        errors: list[ClusterError] = []
        lowering = wanted.traffic is not None and live is not None and wanted.traffic.canary < live
        if lowering and wanted.traffic is not None and wanted.traffic.canary > 0:
            # A way back to the primary waits for nothing; repairing a step steps back from a rival like any other.
            lowering = not entry.contested(self._clock.monotonic())
        first = lowering or entry.unsure
        if first:
            await self._routes(entry, picture, found, wanted.traffic, errors)
        if wanted.finalizer:
            await self._group(found.finalizer, errors)
        if found.destinations and await self._group(found.destinations, errors):
            entry.raise_at = self._clock.monotonic() + settle
        await self._group((*found.scaling, *found.fences), errors)
        if found.routes and not first:
            await self._raise(entry, picture, found, wanted.traffic, errors)
        if not errors:
            await self._group((*found.apex, *found.resting), errors)
        if not errors and not wanted.finalizer:
            await self._group(found.finalizer, errors)
        self._conclude(entry, errors)

    async def confirm(self, entry: Entry, picture: Picture, router: Router, traffic: Traffic, *, epoch: int) -> bool:
        """One GET of the routes: do they say so at the API server, not only in the cache?"""
        ref = Ref(VIRTUAL_SERVICES, picture.names.namespace, picture.names.apex)
        body = await self._reader.fetch(ref)
        if body is None or not is_ours(body, picture.names):
            return False
        fresh = Observed(route=body, primary=picture.primary_rule, canary=picture.canary_rule)
        if router.routes(picture.names, picture.service, traffic, fresh, epoch=epoch):
            return False
        entry.confirmed = (body["metadata"]["uid"], traffic.canary)
        return True

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
        body = await self._writer.write(change)
        log.info("written", object=str(change.ref), action=change.action.value, why=change.why)
        return body

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
        """Write the routes. After a write without an answer, the next one changes the object whatever it says."""
        if traffic is None:
            return
        changes = found.routes
        if entry.unsure:
            stamp = self._clock.now().isoformat()
            changes = tuple(touched(change, stamp=stamp) for change in changes)
            if not changes and picture.virtual_service is not None:
                changes = (touch(VIRTUAL_SERVICES, picture.virtual_service, stamp=stamp),)
        for change in changes:
            try:
                body = await self._write(change)
            except NotLeader:
                raise
            except ClusterError as error:
                if isinstance(error, Unknown):
                    entry.unsure, entry.confirmed = True, None
                errors.append(error)
            else:
                entry.unsure = False
                entry.confirmed = (body["metadata"]["uid"], traffic.canary)

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
