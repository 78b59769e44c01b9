"""The rules by which verdicts become decisions, one story for each; docs/verdicts.md has them in a table."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from metrics.verdict import Evidence, Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.rollout.windows import DAY_SECONDS
from strategies.spec import Analysis, CheckSpec, Policy
from strategies.status import Check, Phase
from tests.strategies.world import DURATION, SUCCESS_RATE, World, failing, healthy, progressing, saying, steps

Rule = Callable[[Question], Outcome]
NO_DATA = saying(Outcome.INCONCLUSIVE, "no requests in this window")
FEW = Evidence(canary_requests=12, canary_bad=0, primary_requests=300, primary_bad=1)


def by_window(*outcomes: Outcome, name: str = "request-success-rate", then: Outcome = Outcome.PASS):
    """One metric's windows turn out so, and then all the same; everything else passes."""

    def answer(question: Question) -> Verdict | None:
        if question.kind is not Ask.METRIC or question.name != name:
            return healthy(question)
        index = question.window - 1
        outcome = outcomes[index] if index < len(outcomes) else then
        return Verdict(outcome, value=90.0, message=f"{name} in window {question.window}")

    return answer


def few(question: Question) -> Verdict | None:
    """In no window are there enough requests to tell."""
    if question.kind is not Ask.METRIC:
        return healthy(question)
    return Verdict(Outcome.INCONCLUSIVE, message="12 requests are fewer than 50", evidence=FEW)


def world_of(*checks: CheckSpec, analysis: Analysis | None = None, **changes: object) -> World:
    return progressing(0, checks=checks, analysis=analysis or steps(20, threshold=3), **changes)


def check(world: World, name: str = "request-success-rate") -> Check:
    return next(each for each in world.status.checks if each.name == name)


def questions(world: World, kind: Ask = Ask.METRIC) -> list[Question]:
    return [each for each in world.asked if each.kind is kind]


FAIL, PASS, ERROR = Outcome.FAIL, Outcome.PASS, Outcome.ERROR


# A metric's own limits of failures


def test_a_metric_may_have_its_own_number_of_failed_windows():
    # given a metric of which two windows may fail, with passes between
    world = world_of(replace(SUCCESS_RATE, failure_limit=2), analysis=steps(20, 40, 60, threshold=1, iterations=0))
    world.answerer = by_window(FAIL, PASS, FAIL, PASS, FAIL)
    world.until(lambda each: bool(each.status.checks) and check(each).fails == 2)
    assert (world.status.phase, world.status.failed_checks) == (Phase.PROGRESSING, 0)

    # when a third one fails
    world.until_phase(Phase.FAILED)

    assert "3 failed windows of request-success-rate, 2 allowed" in world.status.message
    assert world.status.failed_checks == 0


def test_with_a_limit_of_0_the_first_failed_window_ends_the_run():
    world = world_of(replace(SUCCESS_RATE, failure_limit=0), analysis=steps(20, threshold=9))
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert len(questions(world)) == 1


def test_failures_in_a_row_end_the_run_and_others_do_not():
    world = world_of(replace(SUCCESS_RATE, consecutive_failures=2), analysis=steps(20, 40, 60, threshold=1))
    world.answerer = by_window(FAIL, PASS, FAIL, ERROR, FAIL)
    world.until_phase(Phase.FAILED)

    # neither a pass between them ends the run, nor does an error between two of them start the count again
    assert check(world).window == 5
    assert "2 of 2 in a row" in world.status.message


def test_what_counts_for_itself_does_not_count_toward_the_threshold_and_the_rest_does():
    world = world_of(replace(DURATION, failure_limit=9), SUCCESS_RATE, analysis=steps(20, threshold=2))
    world.answerer = lambda question: failing(question) if question.kind is Ask.METRIC else healthy(question)
    world.until_phase(Phase.FAILED)

    # both fail in the same windows: two of them, each counted once, by the metric without a limit of its own
    assert (world.status.failed_checks, check(world, "request-duration").fails) == (2, 2)
    assert "2 of 2 failed checks" in world.status.message


# Errors and no data


def test_errors_in_a_row_end_the_run_only_where_that_is_asked_for():
    world = world_of(replace(SUCCESS_RATE, error_limit=2))
    world.answerer = by_window(ERROR, ERROR, FAIL, ERROR, ERROR, ERROR)
    world.until_phase(Phase.FAILED)

    assert world.status.reason == "MetricsUnavailable"
    assert "3 windows in a row, 2 allowed" in world.status.message
    assert check(world).window == 6

    held = world_of(SUCCESS_RATE)
    held.answerer = saying(ERROR, "refused")
    held.rest(2 * DAY_SECONDS)
    assert held.status.phase is Phase.PROGRESSING


@pytest.mark.parametrize(
    ("policy", "phase"),
    [(Policy.HOLD, Phase.PROGRESSING), (Policy.PROCEED, Phase.SUCCEEDED), (Policy.ROLLBACK, Phase.FAILED)],
)
def test_a_step_without_data_holds_proceeds_or_rolls_back_as_asked(policy: Policy, phase: Phase):
    world = world_of(replace(SUCCESS_RATE, on_no_data=policy))
    world.answerer = NO_DATA
    world.rest(1800)

    assert world.status.phase is phase
    assert world.status.reason == ("NoData" if policy is not Policy.PROCEED else world.status.reason)
    healthy_ = world.condition("AnalysisHealthy")
    assert (healthy_ == ("False", "NoData")) == (policy is Policy.HOLD)


def test_a_step_whose_last_known_window_failed_does_not_proceed_without_data():
    world = world_of(replace(SUCCESS_RATE, on_no_data=Policy.PROCEED))
    world.answerer = by_window(FAIL, then=Outcome.INCONCLUSIVE)
    world.rest(1800)

    assert (world.status.phase, world.status.canary_weight) == (Phase.PROGRESSING, 20)


def test_without_data_a_step_is_given_its_whole_time():
    # given windows of ten seconds in a step of a minute, of which the first three have nothing to measure
    quick = replace(SUCCESS_RATE, window_seconds=10.0, on_no_data=Policy.ROLLBACK)
    world = world_of(quick, analysis=steps(20, threshold=3, check_interval_seconds=10.0))
    none = Outcome.INCONCLUSIVE
    world.answerer = by_window(none, none, none)
    world.until_phase(Phase.SUCCEEDED)


# Too few requests


@pytest.mark.parametrize(("whole", "phase"), [(PASS, Phase.SUCCEEDED), (FAIL, Phase.FAILED)])
def test_too_few_requests_in_each_window_are_judged_together_over_the_step(whole: Outcome, phase: Phase):
    quick = replace(SUCCESS_RATE, window_seconds=20.0)
    world = world_of(quick, analysis=steps(20, threshold=1, check_interval_seconds=20.0))
    opening = world.status.run.windows_from

    def answer(question: Question) -> Verdict | None:
        return Verdict(whole, value=98.0, message="98 %") if question.kind is Ask.LIMITS else few(question)

    world.answerer = answer
    world.until_phase(phase)

    [asked] = questions(world, Ask.LIMITS)
    assert (asked.start, asked.end) == (opening, opening + timedelta(seconds=60))
    assert len(questions(world)) == 3


def test_a_step_with_too_few_requests_as_a_whole_waits_until_it_has_enough():
    world = world_of(SUCCESS_RATE, analysis=steps(20, threshold=1))
    opening = world.status.run.windows_from

    def answer(question: Question) -> Verdict | None:
        if question.kind is not Ask.LIMITS:
            return few(question)
        enough = (question.end - question.start).total_seconds() >= 180
        return healthy(question) if enough else few(question._replace(kind=Ask.METRIC))

    world.answerer = answer
    world.until(lambda each: each.condition("AnalysisHealthy") == ("False", "Inconclusive"))
    world.until_phase(Phase.SUCCEEDED)

    assert {each.start for each in questions(world, Ask.LIMITS)} == {opening}
    assert [(each.end - opening).total_seconds() for each in questions(world, Ask.LIMITS)] == [60, 120, 180]


def test_what_was_counted_against_the_run_is_not_counted_again_with_the_step():
    # given a step that failed as a whole, and whose windows go on having too few requests
    world = world_of(SUCCESS_RATE, analysis=steps(20, threshold=3))
    world.answerer = lambda q: failing(q._replace(kind=Ask.METRIC)) if q.kind is Ask.LIMITS else few(q)
    world.until_phase(Phase.FAILED)

    asked = questions(world, Ask.LIMITS)
    assert all(one.end <= other.start for one, other in itertools.pairwise(asked))
    assert world.status.failed_checks == len(asked) == 3


@pytest.mark.parametrize(
    ("policy", "phase"),
    [(Policy.HOLD, Phase.PROGRESSING), (Policy.PROCEED, Phase.SUCCEEDED), (Policy.ROLLBACK, Phase.FAILED)],
)
def test_a_step_with_too_few_requests_holds_proceeds_or_rolls_back_as_asked(policy: Policy, phase: Phase):
    world = world_of(SUCCESS_RATE, analysis=steps(20, threshold=3, on_inconclusive=policy))
    world.answerer = few
    world.rest(1800)

    assert world.status.phase is phase
    assert not questions(world, Ask.LIMITS)
    assert (world.condition("AnalysisHealthy") == ("False", "Inconclusive")) == (policy is Policy.HOLD)
    assert policy is not Policy.ROLLBACK or world.status.reason == "Inconclusive"


def test_a_window_missed_while_the_step_is_owed_its_verdict_is_asked_about_after_it():
    # given a step that would have been rolled back as a whole while nobody was looking
    world = world_of(SUCCESS_RATE, analysis=steps(20, threshold=1))
    world.answerer = lambda q: failing(q._replace(kind=Ask.METRIC)) if q.kind is Ask.LIMITS else few(q)
    world.now += timedelta(hours=1)
    world.until_phase(Phase.FAILED)

    assert [each.window for each in questions(world)] == [1]
    assert [each.window for each in questions(world, Ask.LIMITS)] == [1]


def test_where_everybody_is_with_the_canary_there_is_nobody_to_compare_with():
    world = world_of(replace(SUCCESS_RATE, judge="compare 25/1/0.1"), analysis=steps(50, 100))
    world.until_phase(Phase.SUCCEEDED)

    assert [(each.kind, each.step) for each in world.asked if each.name == "request-success-rate"] == [
        (Ask.METRIC, 0),
        (Ask.LIMITS, 1),
    ]


def test_what_a_comparison_has_proven_needs_no_second_window():
    proven = Evidence(
        canary_requests=1204, canary_bad=57, primary_requests=4790, primary_bad=11, strength=300, needed=100
    )
    message = f"{proven.sentence}; with 40 failures fewer it would have gone on"
    world = world_of(replace(SUCCESS_RATE, judge="compare 25/1/0.1"), analysis=steps(20, threshold=5))
    world.answerer = lambda q: Verdict(FAIL, message=message, evidence=proven) if q.kind is Ask.METRIC else healthy(q)
    world.until_phase(Phase.FAILED)

    assert len(questions(world)) == 1
    assert world.status.message == message


# Dry runs


def test_a_dry_run_is_shown_and_told_and_decides_nothing():
    world = world_of(SUCCESS_RATE, replace(DURATION, dry_run=True), analysis=steps(20, 50, threshold=1))
    world.answerer = by_window(name="request-duration", then=FAIL)
    world.until_phase(Phase.PROMOTING)

    shown = check(world, "request-duration")
    assert (shown.dry_run, shown.outcome, shown.fails) == (True, FAIL, 2)
    assert world.status.failed_checks == 0
    assert world.told.count("DryRunFailed") == 1


def test_a_dry_run_that_cannot_be_measured_holds_nothing():
    world = world_of(SUCCESS_RATE, replace(DURATION, dry_run=True, error_limit=0, on_no_data=Policy.ROLLBACK))
    world.answerer = by_window(ERROR, name="request-duration", then=Outcome.INCONCLUSIVE)
    world.until_phase(Phase.SUCCEEDED)

    assert world.condition("AnalysisHealthy") != ("False", "MetricsUnavailable")
    assert "MetricsUnavailable" not in world.told


# When windows begin, and how long a run may take


def test_a_metric_begins_later_and_only_once_in_a_run():
    world = world_of(replace(SUCCESS_RATE, initial_delay_seconds=90.0), DURATION, analysis=steps(20, 50))
    opening = world.status.run.windows_from
    world.until_phase(Phase.PROMOTING)

    mine = [each for each in questions(world) if each.name == "request-success-rate"]
    others = [each for each in questions(world) if each.name == "request-duration"]
    assert mine[0].start == opening + timedelta(seconds=90)
    assert mine[1].start == next(each.start for each in others if each.step == 1)


def test_a_bad_release_leaves_before_its_step_ends():
    # given windows of ten seconds in steps of five minutes
    quick = replace(SUCCESS_RATE, window_seconds=10.0)
    analysis = steps(20, 50, threshold=2, interval_seconds=300.0, check_interval_seconds=10.0)
    world = world_of(quick, analysis=analysis)
    opening = world.status.run.windows_from
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert world.now == opening + timedelta(seconds=20 + 15)


def test_a_step_with_short_windows_lasts_its_interval_and_wants_as_many_passes_as_fit_it():
    quick = replace(SUCCESS_RATE, window_seconds=10.0)
    world = world_of(quick, analysis=steps(20, 50, threshold=9, check_interval_seconds=10.0))
    opening = world.status.run.windows_from
    world.answerer = by_window(PASS, FAIL)
    world.until(lambda each: each.status.run.step == 1)

    # one of six windows failed: a seventh is waited for
    assert world.now == opening + timedelta(seconds=70 + 15)
    traffic = [each for each in world.asked if each.kind is Ask.TRAFFIC]
    assert {(each.end - each.start).total_seconds() for each in traffic} == {10.0}


def test_a_run_that_is_measured_without_an_end_is_rolled_back():
    world = world_of(SUCCESS_RATE, analysis=steps(20, on_inconclusive=Policy.HOLD, max_duration_seconds=600.0))
    opening = world.status.run.windows_from
    world.answerer = few
    world.until_phase(Phase.FAILED)

    assert world.status.reason == "MaxDurationExceeded"
    assert world.now == opening + timedelta(seconds=600 + 15)


def test_time_without_measurements_and_time_that_people_take_do_not_count():
    world = world_of(SUCCESS_RATE, analysis=steps(20, on_inconclusive=Policy.HOLD, max_duration_seconds=600.0))
    for answerer in (NO_DATA, saying(ERROR, "away")):
        world.answerer = answerer
        world.rest(3600)
    world.edit(paused=True)
    world.answerer = few
    world.rest(3600)

    assert world.status.phase is Phase.PROGRESSING
    assert world.status.run.measured_seconds == 0


def test_a_day_is_allowed_unless_the_steps_alone_take_longer():
    world = world_of(SUCCESS_RATE, analysis=steps(20, on_inconclusive=Policy.HOLD))
    world.answerer = few
    world.rest(DAY_SECONDS - 600)
    assert world.status.phase is Phase.PROGRESSING
    world.until_phase(Phase.FAILED, within=1200)

    long = progressing(0, analysis=Analysis(iterations=100, interval_seconds=3600.0), checks=(SUCCESS_RATE,))
    long.spec = replace(long.spec, checks=(replace(SUCCESS_RATE, window_seconds=3600.0),))
    long.rest(2 * DAY_SECONDS)
    assert long.status.phase is Phase.PROGRESSING


# What people are told


def test_a_rollback_tells_its_numbers_first():
    counted = Evidence(canary_requests=1204, canary_bad=57, primary_requests=4790, primary_bad=11)
    message = "request-success-rate 95.27 % is below the minimum of 99 %"
    world = world_of(SUCCESS_RATE, analysis=steps(20, threshold=1))
    world.answerer = lambda q: Verdict(FAIL, message=message, evidence=counted) if q.kind is Ask.METRIC else healthy(q)
    world.delivering = False
    world.until_phase(Phase.FAILED)

    note = next(each for each in world.status.outbox if each.reason == "RolledBack")
    assert note.message.startswith(
        "Rolled back at 20 %: 57 of 1,204 requests failed (4.7 %) against 11 of 4,790 (0.23 %) on the primary"
    )
    assert message in note.message
    assert world.status.message in note.message
    assert check(world).evidence == counted
