"""Who may write: one process at a time holds the Lease.

The safety of it rests on one clock each. A holder counts its time from before it sent the renewal that succeeded;
another process calls the holder gone only when it has itself seen the Lease unchanged for that long, counted from after
the answer. Neither looks at the other's clock, so wrong clocks do no harm. A process that was stopped in between is
held off by the epoch: it grows with each holder and stands as the fence on everything that is written.

A Lease that is deleted takes the count of epochs with it. Whoever had seen it waits as for a silent holder; a process
that never saw one creates it at once, and the fences on the objects tell it what to go above (`outrank`).
"""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from delivery.cluster.errors import ClusterError, Conflict, Gone, Invalid, Unknown
from delivery.cluster.lease import HIGHEST_FENCE, Record, held
from delivery.cluster.objects import LEASES, Object, Ref, resource_version
from delivery.cluster.protocols import Api, Clock

GRACE_SECONDS = 0.5
"""How much longer than agreed a request may take before it is given up."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Term:
    """A time for which we are the holder. `sent` is the monotonic time before the renewal that succeeded last."""

    epoch: int
    sent: float
    lease: Object


class Elector:
    """Leadership by a Lease. `identity` is unique to the process (a pod's name is not: containers restart).

    A holder renews every `retry_seconds` and gives up when it has not succeeded for `renew_seconds`; others take over
    a Lease that they have seen unchanged for `lease_seconds`.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        identity: str,
        lease_seconds: float = 15.0,
        renew_seconds: float = 10.0,
        retry_seconds: float = 2.0,
        rng: random.Random,
    ) -> None:
        if not lease_seconds > renew_seconds > retry_seconds > 0:
            raise ValueError(
                f"lease_seconds {lease_seconds:g}, renew_seconds {renew_seconds:g}, retry_seconds {retry_seconds:g}: "
                "each must be shorter than the one before, and above 0"
            )
        if not identity:
            raise ValueError("identity: is empty; it must name this process and no other")
        self._api = api
        self._clock = clock
        self._ref = Ref(LEASES, namespace, name)
        self._identity = identity
        self._duration = math.ceil(lease_seconds)
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds
        self._retry_seconds = retry_seconds
        self._rng = rng
        self._term: _Term | None = None
        self._lost = asyncio.Event()
        self._writing = asyncio.Lock()
        self._request_seconds = renew_seconds / 2
        self._seen: Record | None = None
        self._seen_at = -math.inf
        self._patience = 0.0
        self._highest = 0

    # -- Leadership

    @property
    def epoch(self) -> int:
        """The Lease's transitions while it is held by us, else 0. Grows with each new holder."""
        return self._term.epoch if self._term is not None else 0

    def remaining(self) -> float:
        """Seconds for which the Lease is ours without doubt; 0 or less when it is not."""
        if self._term is None:
            return 0.0
        return self._term.sent + self._lease_seconds - self._clock.monotonic()

    async def outrank(self, fence: int) -> bool:
        """A fence higher than our epoch was met: look whether the Lease is still ours, and if so go above the fence.

        False when it is not: leadership is over. Raises Invalid for a fence that no Lease can reach, and the error
        when the Lease can't be read or written.
        """
        if fence > HIGHEST_FENCE:
            raise Invalid(f"fence: {fence} was met, allowed is up to {HIGHEST_FENCE}; no leader wrote it: remove it")
        async with self._writing:
            term = self._current()
            if term is None:
                return False
            if fence > term.epoch:
                _log.warning("fence_above_epoch", lease=str(self._ref), fence=fence, epoch=term.epoch)
                await self._look_and_renew(term, least=fence + 1)
            return self._term is not None

    # -- the life of a leader

    async def acquire(self) -> None:
        """Wait until we hold the Lease."""
        self._term = None
        self._lost = asyncio.Event()
        while True:
            if await self._attempt():
                return
            await asyncio.sleep(self._retry_seconds * self._rng.uniform(0.8, 1.2))

    async def hold(self) -> None:
        """Renew until the Lease is lost, then return; `remaining()` is 0 from then on."""
        while (term := self._term) is not None:
            pause = min(self._retry_seconds * self._rng.uniform(0.8, 1.0), max(self._left(term), 0.0))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._lost.wait()
            async with self._writing:
                if (current := self._current()) is not None:
                    await self._keep(current)

    async def release(self) -> None:
        """Give the Lease back on a clean stop, after the last write, so that the next holder need not wait.

        Never raises a ClusterError: what can't be given back runs out.
        """
        term, self._term = self._term, None
        self._lost.set()
        if term is None:
            return
        async with self._writing:
            try:
                await self._hand_back(term.lease)
            except Conflict:
                await self._hand_back_as_found()
            except ClusterError as error:
                _log.warning("lease_not_released", lease=str(self._ref), error=str(error))

    # -- becoming the holder

    async def _attempt(self) -> bool:
        """Look at the Lease once, and take it if it is free."""
        try:
            lease = await self._look()
            if not self._free():
                return False
            await self._take(lease)
        except Conflict:
            return False
        except ClusterError as error:
            _log.warning("election_failed", lease=str(self._ref), error=str(error))
            return False
        _log.info("lease_acquired", lease=str(self._ref), epoch=self.epoch)
        return True

    async def _look(self) -> Object | None:
        """The Lease as it is, or None. Its state counts as seen from the time after the answer."""
        lease: Object | None
        try:
            lease = await self._get(timeout=self._request_seconds)
        except Gone:
            lease = None
        self._note(Record.of(lease) if lease is not None else None)
        return lease

    def _note(self, record: Record | None) -> None:
        if record == self._seen:
            return
        self._seen, self._seen_at = record, self._clock.monotonic()
        if record is not None:
            self._patience = max(self._lease_seconds, record.duration)
            self._highest = max(self._highest, record.transitions)

    def _free(self) -> bool:
        """Whether the Lease as seen last may be taken: given back, or silent for long enough.

        Our own name in it, from a request whose answer got lost, gives no right: the request may have come late.
        """
        if self._seen is not None and not self._seen.holder:
            return True
        # Nothing was ever seen: patience is 0.
        return self._clock.monotonic() - self._seen_at >= self._patience

    async def _take(self, lease: Object | None) -> None:
        epoch = self._highest + 1
        sent = self._clock.monotonic()
        spec = self._spec(lease, epoch)
        stored = await self._store(lease, spec, timeout=self._request_seconds)
        self._begin(_Term(epoch, sent, stored))

    # -- staying the holder

    async def _keep(self, term: _Term) -> None:
        """One renewal; what fails is tried again until the deadline."""
        try:
            try:
                await self._renew(term, term.lease, epoch=term.epoch)
            except (Conflict, Gone):
                await self._look_and_renew(term, least=term.epoch)
        except ClusterError as error:
            _log.warning("lease_not_renewed", lease=str(self._ref), left=round(self._left(term), 1), error=str(error))

    async def _look_and_renew(self, term: _Term, *, least: int) -> None:
        """One GET: another's, and it is lost; ours, and it is renewed; deleted, and it is made again, higher."""
        try:
            lease = await self._get(timeout=self._time_for(term))
        except Gone:
            await self._renew(term, None, epoch=max(least, term.epoch + 1, self._highest + 1))
            return
        record = Record.of(lease)
        if record.holder != self._identity:
            self._lose(f"held by {record.holder or 'nobody'}")
            return
        await self._renew(term, lease, epoch=max(least, term.epoch, record.transitions))

    async def _renew(self, term: _Term, lease: Object | None, *, epoch: int) -> None:
        sent = self._clock.monotonic()
        stored = await self._store(lease, self._spec(lease, epoch), timeout=self._time_for(term))
        if self._term is term:  # not released meanwhile
            self._begin(_Term(epoch, sent, stored))

    def _begin(self, term: _Term) -> None:
        self._term = term
        self._note(Record.of(term.lease))

    def _current(self) -> _Term | None:
        """The term, unless its deadline has passed: then it is over."""
        if self._term is not None and self._left(self._term) <= 0:
            self._lose(f"not renewed for {self._renew_seconds:g} s")
        return self._term

    def _left(self, term: _Term) -> float:
        """Seconds until we give up."""
        return term.sent + self._renew_seconds - self._clock.monotonic()

    def _time_for(self, term: _Term) -> float:
        return max(min(self._request_seconds, self._left(term)), 0.001)

    def _lose(self, why: str) -> None:
        _log.error("lease_lost", lease=str(self._ref), epoch=self.epoch, why=why)
        self._term = None
        self._lost.set()

    # -- requests

    async def _get(self, *, timeout: float) -> Object:
        async with _at_most(timeout, f"get {self._ref}"):
            return await self._api.get(self._ref, timeout=timeout)

    async def _store(self, lease: Object | None, spec: Mapping[str, Any], *, timeout: float) -> Object:
        """Write a spec over the Lease as it was read, or create it; Conflict when it is not so any more."""
        async with _at_most(timeout, f"write {self._ref}"):
            if lease is None:
                metadata = {"name": self._ref.name, "namespace": self._ref.namespace}
                body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
                return await self._api.create(self._ref, body, timeout=timeout)
            ops = (
                {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(lease)},
                {"op": "add", "path": "/spec", "value": spec},
            )
            return await self._api.patch(self._ref, ops, timeout=timeout)

    def _spec(self, lease: Object | None, epoch: int) -> dict[str, Any]:
        now = self._clock.now()
        return held(lease, holder=self._identity, transitions=epoch, duration=self._duration, now=now)

    async def _hand_back(self, lease: Object) -> None:
        spec = {**self._spec(lease, Record.of(lease).transitions), "holderIdentity": ""}
        await self._store(lease, spec, timeout=self._request_seconds)

    async def _hand_back_as_found(self) -> None:
        """The Lease has changed: by a renewal of ours that we saw no answer of, or it is another's by now."""
        with suppress(ClusterError):
            lease = await self._get(timeout=self._request_seconds)
            if Record.of(lease).holder == self._identity:
                await self._hand_back(lease)


@asynccontextmanager
async def _at_most(seconds: float, what: str) -> AsyncIterator[None]:
    """The end of a request that its transport does not end."""
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            yield
    except TimeoutError as error:
        raise Unknown(f"{what}: no answer within {seconds:.1f} s") from error
