"""Cron expressions as times: held against a clock that is read minute by minute, most of all when it is changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from delivery.api import cron
from delivery.cluster.recurrence import Recurrence

MINUTE = timedelta(minutes=1)
CHANGES = (
    ("Europe/Berlin", datetime(2024, 3, 31, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2024, 3, 10, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2024, 11, 3, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC)),  # by half an hour
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 15, 30, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 3, 10, 2, tzinfo=UTC)),  # back for a month
    ("America/Santiago", datetime(2024, 9, 8, 4, tzinfo=UTC)),  # over midnight
    ("Asia/Kathmandu", datetime(2024, 2, 28, 20, tzinfo=UTC)),  # never changed; a leap day
)


def a_field(low: int, high: int) -> some.SearchStrategy[str]:
    numbers = some.lists(some.integers(low, high), min_size=1, max_size=3, unique=True)
    return some.one_of(
        some.just("*"),
        numbers.map(lambda found: ",".join(map(str, found))),
        some.integers(1, max(1, high // 2)).map(lambda step: f"*/{step}"),
    )


EXPRESSIONS = some.tuples(
    a_field(0, 59), some.one_of(a_field(0, 23), some.sampled_from(["0-4", "*"])),
    some.one_of(some.just("*"), a_field(1, 28)), some.just("*"), some.one_of(some.just("*"), a_field(0, 7)),
).map(" ".join)  # fmt: skip


def on_the_clock(rules: cron.Cron, wall: datetime) -> bool:
    day, weekday = wall.day in rules.days, (wall.isoweekday() % 7) in rules.weekdays
    days = day or weekday if rules.either else day and weekday
    return wall.minute in rules.minutes and wall.hour in rules.hours and wall.month in rules.months and days


def looked_up(rules: cron.Cron, zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first minute after `after` at which the clock shows such a time, or has just passed over one."""
    moment = after.replace(second=0, microsecond=0)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    while moment < until:
        moment += MINUTE
        now = moment.astimezone(zone).replace(tzinfo=None)
        passed = shown + MINUTE if now > shown else now
        while passed <= now:
            if on_the_clock(rules, passed):
                return moment
            passed += MINUTE
        shown = now
    return None


@given(expression=EXPRESSIONS, change=some.sampled_from(CHANGES), minutes=some.integers(-2000, 200))
@settings(max_examples=150, deadline=None)
def test_it_begins_when_the_clock_on_the_wall_says_so(
    expression: str, change: tuple[str, datetime], minutes: int
) -> None:
    zone, after = ZoneInfo(change[0]), change[1] + minutes * MINUTE
    rules = cron.parse(expression)
    until = after + timedelta(days=3)
    expected = looked_up(rules, zone, after, until)
    found = Recurrence(rules, zone, 60).next(after)
    assert found == expected if expected is not None else found > until


@given(expression=EXPRESSIONS, change=some.sampled_from(CHANGES), minutes=some.integers(-2000, 200))
@settings(max_examples=100, deadline=None)
def test_whoever_asks_later_hears_the_same(expression: str, change: tuple[str, datetime], minutes: int) -> None:
    rule = Recurrence(cron.parse(expression), ZoneInfo(change[0]), 3600)
    after = change[1] + minutes * MINUTE
    begun = rule.next(after)
    assert rule.next(after + (begun - after) / 2) == begun
    assert rule.next(begun) > begun
    assert rule.covers(begun) is not None
    end = rule.covers(begun)
    assert end is not None
    assert begun < end <= begun + timedelta(seconds=3600)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 9 * * 0", "2024-03-01T00:00", "2024-03-03T09:00"),  # Sunday is 0
        ("0 9 * * 7", "2024-03-01T00:00", "2024-03-03T09:00"),  # and 7
        ("0 9 * * 1", "2024-03-01T00:00", "2024-03-04T09:00"),
        ("0 9 * * mon-fri", "2024-03-02T00:00", "2024-03-04T09:00"),
        ("0 9 10 * 1", "2024-03-01T00:00", "2024-03-04T09:00"),  # either kind of days
        ("0 9 10 * 1", "2024-03-08T00:00", "2024-03-10T09:00"),
        ("0 0 29 2 *", "2024-03-01T00:00", "2028-02-29T00:00"),
        ("*/15 10-11 * jan,jul *", "2024-03-01T00:00", "2024-07-01T10:00"),
        ("30 9 * * *", "2024-03-01T09:30", "2024-03-02T09:30"),
    ],
)
def test_expressions_mean_what_cron_means(expression: str, after: str, expected: str) -> None:
    rule = Recurrence(cron.parse(expression), ZoneInfo("UTC"), 60)
    moment, come = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (after, expected))
    assert rule.next(moment) == come
