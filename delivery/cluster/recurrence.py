"""Pieces of time that come again and again: APScheduler's cron triggers, kept from two of their habits.

They count weekdays from Monday and want days of month and weekdays to agree; cron counts from Sunday and takes either.
And what they say of a night in which clocks are changed depends on when they are asked. So days are handed over by
name, one trigger for each kind of days, and triggers see times on the wall alone, which know no such nights; when a
time on the wall comes is worked out here: one that is left out comes with the change, one that comes twice does so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from delivery.api.cron import WEEKDAYS, Cron

_LOOK = timedelta(days=1)
"""Clocks are changed less often than that."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Something that begins by a cron expression, in a time zone, and lasts for `seconds`, 1 or more."""

    cron: Cron
    zone: ZoneInfo
    seconds: float

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return timedelta(seconds=self.seconds)

    def next(self, after: datetime) -> datetime:
        """When it begins next, later than `after` (aware); in UTC."""
        at = after.astimezone(UTC)
        wall, offset = _wall(at, self.zone), _offset(at, self.zone)
        while True:
            found = self._on_the_wall(wall)
            come = at + (found - wall)
            change = _change(at, come, self.zone, offset)
            if change is None:
                return come
            after_change = _wall(change, self.zone)
            if found < after_change and come >= change:
                return change  # that time is left out
            at, wall, offset = change - _TICK, after_change - _TICK, _offset(change, self.zone)

    def covers(self, at: datetime) -> datetime | None:
        """If it is on at `at`: the end of the first that is on then. Else None."""
        begun = self.next(at - self.length)
        return begun + self.length if begun <= at else None

    def _on_the_wall(self, wall: datetime) -> datetime:
        """The next time on the wall, later than `wall`; both without a zone."""
        start = (wall + _TICK).replace(tzinfo=UTC)
        found = (each.get_next_fire_time(None, start) for each in _triggers(self.cron))
        first: datetime = min(each.replace(tzinfo=None) for each in found)
        return first


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(start: datetime, end: datetime, zone: ZoneInfo, known: timedelta) -> datetime | None:
    """The first moment in (start, end] at which clocks have another offset than the one they are known to have; to
    the second.
    """
    low = start
    while low < end:
        high = min(low + _LOOK, end)
        if _offset(high, zone) != known:
            return _bisect(low, high, known, zone)
        low = high
    return None


def _bisect(low: datetime, high: datetime, known: timedelta, zone: ZoneInfo) -> datetime:
    first, last = int(low.timestamp()), -int(-high.timestamp() // 1)
    while last - first > 1:
        middle = (first + last) // 2
        same = _offset(datetime.fromtimestamp(middle, UTC), zone) == known
        first, last = (middle, last) if same else (first, middle)
    return datetime.fromtimestamp(last, UTC)


@lru_cache(maxsize=512)
def _triggers(cron: Cron) -> tuple[Any, ...]:
    from apscheduler.triggers.cron import CronTrigger

    names = ",".join(WEEKDAYS[each] for each in cron.weekdays)
    days = ",".join(map(str, cron.days))
    kinds = [{"day": days}, {"day_of_week": names}] if cron.either else [{"day": days, "day_of_week": names}]
    shared = {
        "month": ",".join(map(str, cron.months)),
        "hour": ",".join(map(str, cron.hours)),
        "minute": ",".join(map(str, cron.minutes)),
        "second": "0",
    }
    return tuple(CronTrigger(**shared, **kind, timezone=UTC) for kind in kinds)
