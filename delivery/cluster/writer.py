"""Every write of the application goes through here: under the Lease, on what was decided on, known at once.

What is sent is never sent again by this room. Its outcome is made known to the caches first, then the caller, who has
decided on an older state, observes and decides again.
"""

import asyncio
from collections.abc import Callable

import structlog

from delivery.cluster.errors import ClusterError, Conflict, Gone, Invalid, NotLeader, Unknown
from delivery.cluster.objects import Action, Change, Object, Ref, resource_version
from delivery.cluster.protocols import Api, Clock, Leadership
from delivery.cluster.reader import Reader

LEASE_MARGIN_SECONDS = 1.0
"""How long before the end of our Lease a write must have its answer."""

LEAST_TIMEOUT_SECONDS = 1.0
"""With less time than this a write is not worth sending."""

CONFLICT_LIMIT = 3
"""So many conflicts in a row, each on a fresh read, are not somebody else's writes: the patch itself can't apply."""

Observe = Callable[[str, str, str, float], None]
"""Told of each write: verb, kind, outcome ("success" or the error's name in lower case), seconds."""

_log = structlog.get_logger(__name__)


def _unobserved(_verb: str, _kind: str, _outcome: str, _seconds: float) -> None:
    """For those who do not count."""


class Writer:
    """Sends changes. Nothing is retried."""

    def __init__(
        self,
        api: Api,
        reader: Reader,
        leadership: Leadership,
        clock: Clock,
        *,
        observe: Observe = _unobserved,
    ) -> None:
        self._api = api
        self._reader = reader
        self._leadership = leadership
        self._clock = clock
        self._observe = observe
        self._conflicts: dict[Ref, int] = {}

    async def write(self, change: Change, *, timeout: float = 10.0) -> Object:
        """Send one change; the answer is the object as stored (for a deletion: as last known, else empty).

        `timeout` in seconds; less is given when the Lease ends sooner. Raises NotLeader without sending when the Lease
        is not ours for long enough; Conflict when a test failed or the object to create exists (the cache has been
        refreshed by one GET); Invalid also for the third Conflict in a row on one object (a path that does not exist
        is answered like a failed test); Gone; Denied; Unavailable (not done); Unknown (may have been done; the cache
        has been refreshed by one GET if the server answered it).
        """
        budget = self._budget(change, timeout)
        known = self._known(change.ref)
        try:
            body = await self._send(change, budget)
        except Conflict as error:
            await self._conflicted(change, error)
            raise
        except (Unknown, Gone):
            await self._refresh(change.ref)
            raise
        self._conflicts.pop(change.ref, None)
        if change.action is Action.DELETE:
            await self._deleted(change.ref, known)
            return known or {}
        self._reader.put(change.ref.kind, body)
        return body

    def _budget(self, change: Change, timeout: float) -> float:
        """Seconds that a request may take: its answer, or its end, must come while the Lease is ours."""
        remaining = self._leadership.remaining()
        budget = min(timeout, remaining - LEASE_MARGIN_SECONDS)
        if budget < min(timeout, LEAST_TIMEOUT_SECONDS) or budget <= 0:
            raise NotLeader(
                f"{change.action} {change.ref}: not sent; the Lease is ours for {max(remaining, 0.0):.1f} s, "
                f"a write needs {LEASE_MARGIN_SECONDS + LEAST_TIMEOUT_SECONDS:g} s"
            )
        return budget

    async def _send(self, change: Change, budget: float) -> Object:
        started, outcome = self._clock.monotonic(), "cancelled"
        try:
            body = await self._request(change, budget)
            outcome = "success"
            return body
        except ClusterError as error:
            outcome = type(error).__name__.lower()
            raise
        finally:
            seconds = self._clock.monotonic() - started
            self._observe(str(change.action), str(change.ref.kind), outcome, seconds)

    async def _request(self, change: Change, budget: float) -> Object:
        try:
            # The transport ends its requests itself; this is for one that does not, because the Lease must outlive it.
            async with asyncio.timeout(budget + LEASE_MARGIN_SECONDS / 2):
                if change.action is Action.CREATE:
                    return await self._api.create(change.ref, change.body, timeout=budget)
                if change.action is Action.PATCH:
                    return await self._api.patch(
                        change.ref, change.patch, subresource=change.subresource, timeout=budget
                    )
                await self._api.delete(change.ref, resource_version=change.version, timeout=budget)
                return {}
        except TimeoutError as error:
            raise Unknown(f"{change.action} {change.ref}: no answer within {budget:.1f} s") from error

    async def _conflicted(self, change: Change, error: Conflict) -> None:
        """Read afresh; a patch that conflicts again and again although each time decided on a fresh read is wrong."""
        fresh = await self._refresh(change.ref)
        if not fresh or change.action is Action.CREATE:
            return
        count = self._conflicts.get(change.ref, 0) + 1
        if count < CONFLICT_LIMIT:
            self._conflicts[change.ref] = count
            return
        self._conflicts.pop(change.ref, None)
        raise Invalid(
            f"{error} ({count} times in a row, each decided on a fresh read: a path of the patch may not exist)"
        ) from error

    async def _deleted(self, ref: Ref, known: Object | None) -> None:
        """Gone from the cache, unless finalizers keep it alive for a while."""
        if known is None:
            return
        if known["metadata"].get("finalizers"):
            await self._refresh(ref)
        else:
            self._reader.forget(ref, resource_version(known))

    async def _refresh(self, ref: Ref) -> bool:
        """One GET into the cache; whether it was answered. Its failure must not hide what is being reported."""
        if not self._reader.watches(ref.kind):
            return False
        try:
            await self._reader.fetch(ref)
        except ClusterError as error:
            _log.warning("refresh_failed", ref=str(ref), error=str(error))
            return False
        return True

    def _known(self, ref: Ref) -> Object | None:
        return self._reader.get(ref) if self._reader.watches(ref.kind) else None
