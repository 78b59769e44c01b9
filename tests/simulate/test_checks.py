"""Demands are read by a small grammar, and say what is allowed when they cannot be understood."""

import pytest

from delivery.simulate.checks import CheckError, check_names, findings, parse
from delivery.simulate.report import Report
from delivery.simulate.rollout import Outcome, Trace


def report(release: str, *, healthy: bool, rolled_back: int, promoted: int) -> Report:
    outcomes = [
        *(outcome("rolled_back", 60.0 * (number + 1)) for number in range(rolled_back)),
        *(outcome("promoted", 600.0) for _ in range(promoted)),
    ]
    return Report(policy="a.yaml", release=release, healthy=healthy, outcomes=tuple(outcomes), trace=Trace())


def outcome(result: str, seconds: float) -> Outcome:
    return Outcome(
        result=result, reason="", seconds=seconds, hit=int(seconds), users=0, held_seconds=0.0, weight=0, windows=1
    )


REPORTS = (
    report("healthy", healthy=True, rolled_back=1, promoted=99),
    report("errors-5x", healthy=False, rolled_back=98, promoted=2),
)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("false_rollback<0.02", [True]),
        ("false_rollback < 1%", [False]),
        ("false_rollback<=1%", [True]),
        ("false_rollback_high<0.02", [False]),
        ("detected>=0.98", [True]),
        ("missed>2 %", [False]),
        ("errors-5x.rollback_seconds_median<=50m", [True]),
        ("errors-5x.rollback_seconds_p95<1h", [False]),
        ("healthy.rollback_seconds_median<=60", [True]),
        ("promotion_seconds_p95<=10m", [True, True]),
        ("hit_p95<=600", [True, False]),
        ("undecided<=0", [True, True]),
    ],
)
def test_a_check_is_about_the_releases_that_it_can_be_about(text: str, met: list[bool]) -> None:
    assert [found.met for found in findings(parse(text), REPORTS)] == met


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("false_rollback", "allowed [RELEASE.]MEASURE COMPARISON NUMBER"),
        ("__import__('os').system('true')<1", "allowed [RELEASE.]MEASURE"),
        ("false_alarm<0.01", "given 'false_alarm' in 'false_alarm<0.01', allowed rolled_back, rolled_back_low"),
        ("detected>5m", "given the unit 'm'"),
        ("hit_p95<5%", "given the unit '%'"),
        ("hit_p95<1e3", "allowed [RELEASE.]"),
        ("a<b", "allowed [RELEASE.]"),
    ],
)
def test_a_check_that_cannot_be_understood_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(CheckError) as refused:
        parse(text)

    assert says in str(refused.value)


def test_a_check_of_a_release_that_is_not_simulated_names_those_that_are() -> None:
    with pytest.raises(CheckError, match=r"given release 'slow' in .* allowed healthy, errors-5x"):
        check_names([parse("slow.detected>0.5")], ["healthy", "errors-5x"])


def test_a_check_about_nothing_is_refused_and_not_met_in_silence() -> None:
    with pytest.raises(CheckError, match="no faulty release"):
        findings(parse("detected>0.9"), REPORTS[:1])


def test_a_time_that_no_rollout_took_meets_nothing() -> None:
    never = report("healthy", healthy=True, rolled_back=0, promoted=5)
    [found] = findings(parse("rollback_seconds_median<=1h"), [never])

    assert not found.met
    assert "no such rollout" in str(found)
