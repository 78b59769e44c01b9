"""Warnings that repeat: told, but not three hundred times, and never in the way of another one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from delivery.alerts.repeats import BURST, PERIOD, Repeats
from strategies.status import Announcement
from tests.alerts.scenes import note
from tests.controller_process.virtual import START

KEY = "shop/reviews"


@dataclass
class Clock:
    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Any:
        return START + timedelta(seconds=self.seconds)


def warned(number: int, reason: str = "CheckFailed") -> Announcement:
    return note(reason, number=number, warning=True)


def make() -> tuple[Repeats, Clock, list[str]]:
    clock, left = Clock(), list[str]()
    return Repeats(clock, lambda key, name: left.append(f"{key} {name}")), clock, left


def test_hundreds_of_failed_checks_are_told_ten_times_and_then_once_in_five_minutes() -> None:
    repeats, clock, left = make()
    told = []
    for number in range(600):
        clock.seconds = 10.0 * number
        told += [clock.seconds] if repeats.passes(KEY, warned(number)) else []
    assert told[:BURST] == [10.0 * number for number in range(BURST)]
    assert len(told) <= BURST + 6000 / PERIOD
    assert len(told) >= BURST + 6000 / PERIOD - 1
    assert len(left) == 600 - len(told)


def test_no_reason_is_lost_behind_another_one() -> None:
    repeats, _, _ = make()
    for number in range(300):
        repeats.passes(KEY, warned(number))
    for number, reason in enumerate(("GateClosed", "MetricsUnavailable", "AlertsUnresolved", "ManualOverride")):
        assert repeats.passes(KEY, warned(number, reason))
    assert repeats.passes("shop/ratings", warned(1)), "another Canary's are its own"


def test_what_is_said_once_in_a_run_is_always_told() -> None:
    repeats, _, _ = make()
    for number in range(300):
        for reason in ("NewRevision", "RolledBack", "PromotionFailed", "Cancelled", "Refused"):
            assert repeats.passes(KEY, warned(number, reason))
        assert repeats.passes(KEY, note("Advanced", number=number))


def test_one_that_is_offered_again_gets_the_same_answer_and_costs_nothing() -> None:
    repeats, clock, left = make()
    first = [repeats.passes(KEY, warned(number)) for number in range(2 * BURST)]
    clock.seconds += 10 * PERIOD
    again = [repeats.passes(KEY, warned(number)) for number in range(2 * BURST)]
    assert first == again == [True] * BURST + [False] * BURST
    assert len(left) == BURST
    assert repeats.left(KEY) == {warned(number).id for number in range(BURST, 2 * BURST)}
    assert repeats.passes(KEY, warned(99))


def test_after_a_quiet_time_all_is_as_at_first() -> None:
    repeats, clock, _ = make()
    for number in range(100):
        repeats.passes(KEY, warned(number))
    clock.seconds += BURST * PERIOD
    assert [repeats.passes(KEY, warned(number)) for number in range(100, 112)] == [True] * BURST + [False] * 2


def test_what_is_forgotten_is_kept_nowhere() -> None:
    repeats, _, _ = make()
    every = [warned(number) for number in range(20)]
    for each in every:
        repeats.passes(KEY, each)
    repeats.forget(KEY, tuple(each.id for each in every[:15]))
    assert repeats.left(KEY) == {each.id for each in every[15:]}
    assert not repeats.passes(KEY, warned(30)), "the budget is not given back with what was told"
    repeats.forget(KEY, None)
    assert repeats.left(KEY) == ()
    assert repeats.passes(KEY, warned(31))
