"""Whom the loop talks to besides the cluster: those who tell people, those who count, and the queue."""

from collections.abc import Iterable
from typing import Protocol

from delivery.cluster.objects import Object
from strategies.snapshot import Problem
from strategies.status import Announcement, Posted, Status


class Announcer(Protocol):
    """Who tells people. Telling twice is seen as telling once."""

    def offer(self, key: str, canary: Object, announcements: Iterable[Announcement]) -> int:
        """Deliver what has not been delivered yet; answers how many did not fit."""

    def delivered(self, key: str) -> frozenset[str]:
        """The ids that were delivered."""

    def forget(self, key: str, ids: Iterable[str] | None = None) -> None:
        """These are no longer in the outbox; None: the Canary is gone."""

    def posted(self, key: str) -> tuple[Posted, ...]:
        """What the status is to remember of messages that go on being edited."""

    def fault(self, key: str) -> Problem | None:
        """Why alerts of a Canary cannot be sent, as far as sending has shown."""


class Reporter(Protocol):
    """Who counts."""

    def observe_status(
        self, namespace: str, name: str, target: str, status: Status, *, skipped: bool = False, primary: str = ""
    ) -> None:
        """A status was recorded or read; `skipped`: the Canary promotes without analysis; `primary`: its name."""

    def observe_tick(self, namespace: str, target: str, seconds: float) -> None:
        """How long one look at a Canary took, in seconds."""

    def remove(self, namespace: str, name: str) -> None:
        """The Canary is gone."""


class Enqueue(Protocol):
    """How a Canary is named for another look."""

    def __call__(self, key: str, *, urgent: bool = False) -> None: ...
