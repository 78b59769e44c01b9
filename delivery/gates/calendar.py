"""Whether a Canary's rollout window is open, and until when that is certain.

A function of the rules and of a moment and of nothing else, so that whoever comes after a crash says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from delivery.api import cron
from delivery.api.windows import Opening, RolloutWindows, zone
from delivery.cluster.recurrence import Recurrence
from strategies.permits import Window
from strategies.snapshot import Problem

MOST_STEPS = 200
"""How many rules are looked up for one answer in the loop; what is not known by then is asked again."""

SEARCHED_STEPS = 2000
"""The same where somebody waits to hear whether a window ever opens."""

_FOREVER = timedelta(days=400)
_TRIES = 30


@dataclass(frozen=True, slots=True)
class Calendar:
    """Rules in the form in which they are asked: it is open while one of `allow` is on (always, if there is none) and
    none of `deny` is.
    """

    allow: tuple[Recurrence, ...]
    deny: tuple[Recurrence, ...]

    @classmethod
    def of(cls, windows: RolloutWindows) -> "Calendar":
        """The rules of a Canary."""
        place = zone(windows.time_zone)
        if place is None:
            raise ValueError(f"unknown time zone {windows.time_zone}")  # the model has refused it

        def each(rules: Sequence[Opening]) -> tuple[Recurrence, ...]:
            return tuple(Recurrence(cron.parse(rule.cron), place, float(rule.duration_seconds)) for rule in rules)

        return cls(each(windows.allow), each(windows.deny))

    def at(self, now: datetime, *, steps: int = MOST_STEPS) -> Window:
        """What holds at a moment. Until `until` it stays so; None: for ever."""
        walk = _Walk(self, steps)
        if walk.closed_until(now) is None:
            return Window(open=True, until=walk.open_until(now))
        opens, certain = walk.opening(now)
        if opens is None:
            return Window(open=False, until=None)
        return Window(open=False, until=opens, certain=certain)


def problem(windows: RolloutWindows, now: datetime) -> Problem | None:
    """Why the rules can't be meant: a window that never opens."""
    calendar = Calendar.of(windows)
    if calendar.at(now).open:
        return None
    found = calendar.at(now, steps=SEARCHED_STEPS)
    if found.until is not None and found.certain:
        return None
    far = f"before {found.until.astimezone(UTC):%Y-%m-%d}" if found.until is not None else "for more than a year"
    return Problem(
        reason="WindowNeverOpens",
        message=f"spec.rolloutWindows: given rules that do not open {far}, allowed ones that open; deny wins",
    )


def closers(windows: RolloutWindows, now: datetime) -> tuple[Opening, ...]:
    """The rules that keep it closed: the denials that are on, else all of `allow`, of which none is; () when open."""
    calendar = Calendar.of(windows)
    denied = (rule for rule, each in zip(windows.deny, calendar.deny, strict=True) if each.covers(now) is not None)
    if found := tuple(denied):
        return found
    return () if any(each.covers(now) is not None for each in calendar.allow) else windows.allow


class Remembered:
    """The last answer, which is good until it says."""

    def __init__(self) -> None:
        self._rules: RolloutWindows | None = None
        self._from: datetime | None = None
        self._window: Window | None = None

    def at(self, rules: RolloutWindows | None, now: datetime) -> Window | None:
        """What holds now; None without rules."""
        if rules is None:
            return None
        known, since = self._window, self._from
        if known is None or since is None or rules != self._rules or not _holds(known, since, now):
            known = Calendar.of(rules).at(now)
            self._rules, self._from, self._window = rules, now, known
        return known


def _holds(window: Window, since: datetime, now: datetime) -> bool:
    return since <= now and (window.until is None or now < window.until)


class _Walk:
    """One look along the rules, of a limited length."""

    def __init__(self, calendar: Calendar, steps: int) -> None:
        self._calendar = calendar
        self._steps = steps

    def closed_until(self, at: datetime) -> datetime | None:
        """If it is closed at `at`: until when at least. None if it is open."""
        denied = _latest(self._calendar.deny, at)
        if denied is not None:
            return denied
        allow = self._calendar.allow
        if not allow or _latest(allow, at) is not None:
            return None
        return min(each.next(at) for each in allow)

    def open_until(self, at: datetime) -> datetime | None:
        """It is open at `at`: until when at least; None: for ever."""
        ends = [each.next(at) for each in self._calendar.deny]
        limit = min(ends, default=None)
        if not self._calendar.allow:
            return limit
        end = at
        while (limit is None or end < limit) and self._steps > 0:
            later = _latest(self._calendar.allow, end)
            if later is None:
                break
            end = later
            self._steps -= 1
        return end if limit is None else min(end, limit)

    def opening(self, at: datetime) -> tuple[datetime | None, bool]:
        """When it opens next, and whether that is certain: else it stays closed until then at least. None: never."""
        moment, tries = at, 0
        while self._steps > 0:
            later = self.closed_until(moment)
            if later is None:
                return moment, True
            tries += _latest(self._calendar.deny, moment) is not None
            moment = later
            self._steps -= 1
            if moment - at > _FOREVER and tries >= _TRIES:
                return None, True
        return moment, False


def _latest(rules: Sequence[Recurrence], at: datetime) -> datetime | None:
    """Until when the one that lasts longest is on at `at`; None if none is."""
    return max((end for each in rules if (end := each.covers(at)) is not None), default=None)
