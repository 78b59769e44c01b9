"""Events and alerts as one: an announcement leaves the outbox when both were told, and neither waits for the other."""

import asyncio
from collections.abc import Iterable

from delivery.alerts.announcer import Announcer
from delivery.alerts.carrier import Carrier
from delivery.alerts.repeats import Repeats
from delivery.api.status import UnreadableStatus, load
from delivery.cluster.objects import Object
from strategies.snapshot import Problem
from strategies.status import Announcement, Posted


class Telling:
    """Who tells people, as the loop sees it."""

    def __init__(self, events: Announcer, alerts: Carrier, repeats: Repeats) -> None:
        self._events = events
        self._alerts = alerts
        self._repeats = repeats

    def offer(self, key: str, canary: Object, announcements: Iterable[Announcement]) -> int:
        """Take a Canary's outbox; answers how many did not fit. Never blocks."""
        given = tuple(each for each in announcements if self._repeats.passes(key, each))
        self._alerts.recall(key, _posted(canary))
        return max(self._events.offer(key, canary, given), self._alerts.offer(key, canary, given))

    def delivered(self, key: str) -> frozenset[str]:
        """The ids that everybody has been told, or that are left untold, and that nobody has called `forget` for."""
        return (self._events.delivered(key) & self._alerts.delivered(key)).union(self._repeats.left(key))

    def forget(self, key: str, ids: Iterable[str] | None = None) -> None:
        """These ids are no longer in the outbox (None: the Canary is gone, and what is on its way with it)."""
        given = None if ids is None else tuple(ids)
        self._events.forget(key, given)
        self._alerts.forget(key, given)
        self._repeats.forget(key, given)

    def posted(self, key: str) -> tuple[Posted, ...]:
        """What the status is to remember of messages that go on being edited."""
        return self._alerts.posted(key)

    def fault(self, key: str) -> Problem | None:
        """Why alerts of this Canary cannot be sent, as far as sending has shown."""
        return self._alerts.fault(key)

    @property
    def pending(self) -> int:
        """How many announcements are on their way to alert services."""
        return self._alerts.pending

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.run(), name="events")
            group.create_task(self._alerts.run(), name="alerts")


def _posted(canary: Object) -> tuple[Posted, ...]:
    try:
        return load(canary.get("status")).posted
    except UnreadableStatus:
        return ()
