"""Rollout windows: open or closed, until when, and the ones that never open."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from delivery.api.windows import RolloutWindows
from delivery.gates.calendar import Calendar, Remembered, closers, problem

HOUR = 3600
FRIDAY = datetime(2024, 3, 29, 12, tzinfo=UTC)


def windows(**given: object) -> RolloutWindows:
    return RolloutWindows.model_validate_json(json.dumps(given))


def rule(cron: str, seconds: int = HOUR) -> dict[str, object]:
    return {"cron": cron, "durationSeconds": seconds}


WORKING_HOURS = windows(allow=[rule("0 9 * * 1-5", 8 * HOUR)], timeZone="Europe/Berlin")
NO_FRIDAYS = windows(allow=[rule("0 9 * * *")], deny=[rule("0 0 * * 5", 24 * HOUR)])
LAST_DAYS = windows(deny=[rule("0 0 20 12 *", 14 * 24 * HOUR)])


@pytest.mark.parametrize(
    ("rules", "now", "is_open", "until"),
    [
        (WORKING_HOURS, "2024-03-29T07:59", False, "2024-03-29T08:00"),
        (WORKING_HOURS, "2024-03-29T08:00", True, "2024-03-29T16:00"),
        (WORKING_HOURS, "2024-03-29T16:00", False, "2024-04-01T07:00"),  # the clock is set forward meanwhile
        (LAST_DAYS, "2024-03-29T16:00", True, "2024-12-20T00:00"),
        (LAST_DAYS, "2024-12-24T16:00", False, "2025-01-03T00:00"),
        (NO_FRIDAYS, "2024-03-29T09:30", False, "2024-03-30T09:00"),
        (windows(allow=[rule("0 9 * * *"), rule("30 9 * * *")]), "2024-03-29T09:10", True, "2024-03-29T10:30"),
        (windows(allow=[rule("0 9 * * *")], deny=[rule("30 9 * * *")]), "2024-03-29T09:10", True, "2024-03-29T09:30"),
    ],
)  # fmt: skip
def test_open_or_closed_and_until_when(rules: RolloutWindows, now: str, is_open: bool, until: str) -> None:
    found = Calendar.of(rules).at(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (found.open, found.until, found.certain) == (
        is_open,
        datetime.fromisoformat(until).replace(tzinfo=UTC),
        True,
    )


RULES = some.lists(
    some.builds(
        rule,
        some.tuples(
            some.sampled_from(["0", "30", "*/20"]),
            some.sampled_from(["*", "2", "1-3", "9"]),
            some.sampled_from(["*", "1,15"]),
            some.just("*"),
            some.sampled_from(["*", "0", "1-5"]),
        ).map(" ".join),
        some.sampled_from([60, 1200, 3600, 5400, 86400, 3 * 86400]),
    ),
    max_size=2,
)  # fmt: skip


@given(
    allow=RULES, deny=RULES, zone=some.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    start=some.sampled_from([datetime(2024, 3, 9, tzinfo=UTC), datetime(2024, 3, 30, 20, tzinfo=UTC),
                             datetime(2024, 10, 26, 20, tzinfo=UTC), datetime(2024, 11, 2, 20, tzinfo=UTC)]),
    minutes=some.integers(0, 1500),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_it_stays_as_it_is_for_as_long_as_it_says(
    allow: list[object], deny: list[object], zone: str, start: datetime, minutes: int
) -> None:
    if not allow and not deny:
        return
    calendar = Calendar.of(windows(allow=allow, deny=deny, timeZone=zone))
    now = start + timedelta(minutes=minutes)
    found = calendar.at(now)
    assert found.open is by_hand(calendar, now)
    if found.until is None:
        return
    assert found.until > now
    for part in range(1, 12):
        assert by_hand(calendar, now + (found.until - now) * part / 12) is found.open
    assert by_hand(calendar, found.until - timedelta(microseconds=1)) is found.open
    if found.certain and not found.open:
        assert by_hand(calendar, found.until)


def test_the_last_moment_before_clocks_change_is_one_like_others() -> None:
    [morning] = Calendar.of(windows(deny=[rule("0 2 * * 1-5")], timeZone="Europe/Berlin")).deny
    change = datetime(2024, 10, 27, 1, tzinfo=UTC)

    for before in (timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1), timedelta()):
        assert morning.next(change - before) == datetime(2024, 10, 28, 1, tzinfo=UTC)


def by_hand(calendar: Calendar, at: datetime) -> bool:
    """One of `allow` has begun within its length, and none of `deny` has: each beginning looked at by itself."""

    def on(rules: object) -> bool:
        return any(each.next(at - each.length) <= at for each in rules)  # type: ignore[attr-defined]

    return (not calendar.allow or on(calendar.allow)) and not on(calendar.deny)


@pytest.mark.parametrize(
    "rules",
    [
        windows(allow=[rule("0 9 * * *")], deny=[rule("0 0 * * *", 24 * HOUR)]),
        windows(allow=[rule("0 9 * * 1")], deny=[rule("0 8 * * mon", 4 * HOUR)]),
        windows(deny=[rule("0 0 * * *", 24 * HOUR)]),
        windows(deny=[rule("* * * * *", 60)]),
        windows(deny=[rule("0 0 1 * *", 31 * 24 * HOUR)]),
    ],
)
def test_a_window_that_never_opens_is_refused(rules: RolloutWindows) -> None:
    found = problem(rules, FRIDAY)
    assert found is not None
    assert found.reason == "WindowNeverOpens"
    assert found.message.startswith("spec.rolloutWindows: given rules that do not open")
    assert not Calendar.of(rules).at(FRIDAY).open


@pytest.mark.parametrize(
    "rules",
    [
        WORKING_HOURS,
        LAST_DAYS,
        windows(allow=[rule("0 0 29 2 *")]),
        windows(allow=[rule("* * * * *", 60)]),
        windows(allow=[rule("0 9 * * 1")], deny=[rule("0 9 1-7 * *", 60)]),
    ],
)
@pytest.mark.parametrize("now", [FRIDAY, datetime(2024, 12, 24, tzinfo=UTC)])
def test_a_window_that_opens_seldom_is_none_of_them(rules: RolloutWindows, now: datetime) -> None:
    assert problem(rules, now) is None


def test_an_answer_is_kept_until_it_changes_and_not_across_rules_or_a_clock_set_back() -> None:
    kept = Remembered()
    first = kept.at(WORKING_HOURS, FRIDAY)
    assert first is not None
    assert kept.at(WORKING_HOURS, FRIDAY + timedelta(hours=1)) is first
    assert first.until is not None
    later = kept.at(WORKING_HOURS, first.until)
    assert later is not None
    assert not later.open
    assert kept.at(LAST_DAYS, FRIDAY) != later
    assert kept.at(WORKING_HOURS, FRIDAY - timedelta(hours=10)) == Calendar.of(WORKING_HOURS).at(
        FRIDAY - timedelta(hours=10)
    )
    assert kept.at(None, FRIDAY) is None


def test_the_hour_that_comes_twice_is_open_twice() -> None:
    rules = windows(allow=[rule("30 2 * * *", 600)], timeZone="Europe/Berlin")
    night = datetime(2024, 10, 27, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    times = [night + timedelta(minutes=5 + 10 * each) for each in range(12)]
    opened = [each.astimezone(berlin).strftime("%H:%M %Z") for each in times if Calendar.of(rules).at(each).open]
    assert opened == ["02:35 CEST", "02:35 CET"]


def test_a_closed_window_names_the_denials_that_are_on_or_else_all_that_allows() -> None:
    both = windows(allow=[rule("0 9 * * *")], deny=[rule("0 0 * * 5", 24 * HOUR), rule("0 0 1 1 *")])

    assert closers(both, FRIDAY) == both.deny[:1], "that of the first of January is not on"
    assert closers(both, FRIDAY + timedelta(hours=12)) == both.allow, "Saturday, before nine"
    assert closers(both, FRIDAY + timedelta(hours=21, minutes=30)) == ()
    assert closers(LAST_DAYS, FRIDAY) == (), "without allow it is open unless denied"


@given(allow=RULES, deny=RULES, minutes=some.integers(0, 20000))
@settings(max_examples=60, deadline=None)
def test_a_window_is_kept_closed_by_something_just_when_it_is_closed(
    allow: list[object], deny: list[object], minutes: int
) -> None:
    if allow or deny:
        rules, now = windows(allow=allow, deny=deny), FRIDAY + timedelta(minutes=minutes)
        assert bool(closers(rules, now)) is not Calendar.of(rules).at(now).open
