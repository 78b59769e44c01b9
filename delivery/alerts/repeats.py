"""Warnings that come again and again, told now and then: who is told a thing three hundred times reads nothing.

Kubernetes' own recorders have such a filter for all Events of an object together, so that the end of a long run is lost
behind the checks that failed before. Here each reason has its own, and what is said once in a run is always told: its
beginning, its steps, its end. Nothing else depends on it, so that its memory may be lost with the process.
"""

from collections.abc import Callable, Collection

from delivery.alerts.facts import BEGINNINGS, ENDINGS, ERRORS
from delivery.cluster.protocols import Clock
from strategies.status import Announcement

BURST = 10
"""Warnings of one reason that a Canary may have told one after the other."""
PERIOD = 300.0
"""Seconds after which it may have one more told; that is the pace of the recorders' filter, too."""
ALWAYS = BEGINNINGS | ENDINGS | ERRORS


class Repeats:
    """Says which announcements are left untold; of each one always the same, until it is forgotten.

    `on_left` is told of one that is left untold: the Canary's key and the announcement's id.
    """

    def __init__(self, clock: Clock, on_left: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._on_left = on_left
        self._due: dict[str, dict[str, float]] = {}
        self._told: dict[str, set[str]] = {}
        self._left: dict[str, set[str]] = {}

    def left(self, key: str) -> Collection[str]:
        """The ids that are left untold."""
        return self._left.get(key, ())

    def passes(self, key: str, announcement: Announcement) -> bool:
        """Whether to tell it."""
        if announcement.id in self._left.get(key, ()):
            return False
        if not announcement.warning or announcement.reason in ALWAYS or announcement.id in self._told.get(key, ()):
            return True
        if self._spend(self._due.setdefault(key, {}), announcement.reason):
            self._told.setdefault(key, set()).add(announcement.id)
            return True
        self._left.setdefault(key, set()).add(announcement.id)
        self._on_left(key, announcement.id)
        return False

    def _spend(self, due: dict[str, float], reason: str) -> bool:
        """Whether one more is allowed. Kept is when the reason would be as quiet as if it had never been told."""
        now = self._clock.monotonic()
        quiet = max(now, due.get(reason, now))
        if quiet - now > (BURST - 1) * PERIOD:
            return False
        due[reason] = quiet + PERIOD
        return True

    def forget(self, key: str, ids: tuple[str, ...] | None) -> None:
        """These are no longer in the outbox; None: the Canary is gone."""
        if ids is None:
            for kept in (self._due, self._told, self._left):
                kept.pop(key, None)
            return
        for known in (self._told, self._left):
            if key in known:
                known[key].difference_update(ids)
