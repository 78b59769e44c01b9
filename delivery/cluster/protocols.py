"""The seams of the cluster room.

`Api` is a transport: one method, one request, no cache and no retry. Reflectors, caches, preconditions and leader
election are built on it once and run unchanged on every transport.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from delivery.cluster.objects import Kind, Object, Op, Ref


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer to a list: the objects and the resourceVersion to watch from."""

    items: Sequence[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, with the object."""

    type: str
    object: Object


class Api(Protocol):
    """A transport to an API server. Every method raises a ClusterError subclass, nothing else.

    `namespace` None means all namespaces. `timeout` is in seconds and covers the whole request. Of a kind that is
    `metadata_only`, lists and watches have nothing but metadata; a GET has the whole object.
    """

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        """One object; Gone if there is none."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, label_selector: str = "", timeout: float = 30.0
    ) -> Listing:
        """All objects of a kind; Gone if the server does not know the kind."""

    def watch(
        self, kind: Kind, namespace: str | None = None, *, resource_version: str, timeout: float = 60.0
    ) -> AsyncIterator[WatchEvent]:
        """Events after `resource_version`, for at most `timeout` seconds; then it ends. Raises Expired on a 410,
        Unavailable on a broken stream.
        """

    async def create(self, ref: Ref, body: Object, *, timeout: float = 10.0) -> Object:
        """Create; Conflict if it exists. The answer is the object as stored."""

    async def patch(self, ref: Ref, ops: Sequence[Op], *, subresource: str = "", timeout: float = 10.0) -> Object:
        """JSON patch; Conflict if a test in it fails (or a path does not exist), Gone if there is no object."""

    async def delete(self, ref: Ref, *, resource_version: str = "", timeout: float = 10.0) -> None:
        """Delete; Gone if there is no object, Conflict if its resourceVersion is not the given one."""


class Clock(Protocol):
    """Time, injected: tests and the simulation have their own."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump."""


class Timers(Protocol):
    """One pending call per key."""

    def set(self, key: str, at: datetime, fire: Callable[[], None]) -> None:
        """Call `fire` at `at` (at once if that is past), replacing what was pending under `key`."""

    def cancel(self, key: str) -> None:
        """Forget what is pending under `key`, if anything."""


class Leadership(Protocol):
    """What a writer has to know of the Lease."""

    @property
    def epoch(self) -> int:
        """The Lease's transitions while it is held by us, else 0. Grows with each new holder."""

    def remaining(self) -> float:
        """Seconds for which the Lease is ours without doubt; 0 or less when it is not."""

    async def outrank(self, fence: int) -> bool:
        """A fence higher than our epoch was met. One GET of the Lease: still ours -> raise its transitions above
        `fence` and answer True; else give up leadership and answer False.
        """


Projection = Callable[[Object], dict[str, Any]]
"""Keeps of an object only the fields that are read, so that caches stay small."""
