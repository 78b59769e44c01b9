"""What the controllers of the simulated world share: the store, the time, a queue, and ownership."""

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from delivery.cluster.memory.recording import Recorder
from delivery.cluster.memory.rejections import RejectionError
from delivery.cluster.memory.store import Store
from delivery.cluster.memory.timekeeping import Schedule
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, Kind, Object, Ref

log = logging.getLogger(__name__)

Seconds = tuple[float, float]

FAILED = {DEPLOYMENTS: "ReplicaSetCreateError", REPLICA_SETS: "FailedCreate", DAEMON_SETS: "FailedCreate"}
"""The reason that a controller gives when the API server refuses what it wants to write."""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 60.0


def controller_of(body: Object) -> Mapping[str, Any]:
    """The ownerReference of the object's controller, empty if it has none."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def owner_reference(ref: Ref, body: Object) -> dict[str, Any]:
    """An ownerReference to the controller `body`."""
    return {
        "apiVersion": ref.kind.api_version,
        "kind": ref.kind.kind,
        "name": ref.name,
        "uid": body["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Context:
    """One world's tools. Work on an object is queued once and done after a delay drawn from `delay`.

    What the API server refuses (a namespace that is being deleted, an admission rule) is tried again after a while.
    `recorder` None: no Events are written.
    """

    recorder: Recorder | None = None

    def __init__(self, store: Store, schedule: Schedule, *, delay: Seconds, rng: random.Random) -> None:
        self.store, self.rng = store, rng
        self._schedule, self._delay = schedule, delay
        self._syncs: dict[Kind, Callable[[Ref], None]] = {}
        self._queued: dict[Ref, None] = {}
        self._wakes: dict[Ref, datetime] = {}
        self._refused: dict[Ref, int] = {}

    def now(self) -> datetime:
        """The world's wall clock."""
        return self._schedule.now()

    def timestamp(self) -> str:
        """The time as the API writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def handle(self, kind: Kind, sync: Callable[[Ref], None]) -> None:
        """`sync` is what is done with objects of `kind`."""
        self._syncs[kind] = sync

    def enqueue(self, ref: Ref) -> None:
        """Have the object looked at soon."""
        if ref.kind in self._syncs and ref not in self._queued:
            self._queued[ref] = None
            self.later(self.rng.uniform(*self._delay), self._sync, ref)

    def later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        """Call in the world after `delay` seconds."""
        self._schedule.call_later(delay, call, *args)

    def wake_at(self, ref: Ref, times: Iterable[datetime]) -> None:
        """Have the object looked at again at the first of `times`."""
        at = min(times, default=None)
        if at is None or self._wakes.get(ref) == at:
            return
        self._wakes[ref] = at
        self.later(max(0.0, (at - self.now()).total_seconds()), self._awake, ref, at)

    def owned(self, kind: Kind, owner: Object) -> list[Object]:
        """The objects of a kind that `owner` controls."""
        uid = owner["metadata"]["uid"]
        return [body for body in self.store.dependents(owner, kind) if controller_of(body).get("uid") == uid]

    def write_status(self, ref: Ref, status: Mapping[str, Any], manager: str) -> None:
        """Replace an object's status."""
        op = {"op": "add", "path": "/status", "value": status}
        self.store.patch(ref, [op], subresource="status", manager=manager)

    @property
    def tells(self) -> bool:
        """Are Events wanted?"""
        return self.recorder is not None

    def tell(self, about: Object, reason: str, message: str, *, source: str, **more: Any) -> None:
        """Write an Event about an object, if Events are wanted; `more` as Recorder.record takes it."""
        if self.recorder is not None:
            try:
                self.recorder.record(about, reason, message, source=source, **more)
            except RejectionError as error:  # a namespace on its way out takes no Events; nobody misses them
                log.debug("event refused: %s", error)

    def _sync(self, ref: Ref) -> None:
        self._queued.pop(ref, None)
        try:
            self._syncs[ref.kind](ref)
        except RejectionError as error:
            self._retry(ref, error)
        else:
            self._refused.pop(ref, None)

    def _retry(self, ref: Ref, error: RejectionError) -> None:
        body = self.store.peek(ref)
        if body is None:
            self._refused.pop(ref, None)
            return
        times = self._refused[ref] = self._refused.get(ref, 0) + 1
        self.tell(body, FAILED.get(ref.kind, "FailedSync"), error.message, source="controller-manager", warning=True)
        self.later(min(FIRST_RETRY_SECONDS * 2 ** min(times, 10), LONGEST_RETRY_SECONDS), self.enqueue, ref)

    def _awake(self, ref: Ref, at: datetime) -> None:
        if self._wakes.get(ref) == at:
            del self._wakes[ref]
            self.enqueue(ref)
