"""Windows: fixed pieces of a run's time, asked about once and counted once."""

import itertools
from dataclasses import replace
from datetime import timedelta

from metrics.verdict import Counts, Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.status import Phase, Result
from tests.strategies.world import DURATION, SUCCESS_RATE, World, failing, healthy, progressing, saying, steps

SECOND = timedelta(seconds=1)


def metric_questions(world: World, name: str = "request-success-rate") -> list[Question]:
    return [each for each in world.asked if each.kind is Ask.METRIC and each.name == name]


def test_a_steps_first_window_opens_settle_seconds_after_the_step_and_is_asked_one_scrape_after_its_end():
    # given a run at its second step
    world = progressing(1, settle_seconds=10.0, scrape_interval_seconds=15.0)
    stepped = world.status.run.step_since

    # when its first window has been asked about
    world.until(lambda each: any(question.step == 1 for question in metric_questions(each)))

    # then the window is [step + settle, + interval] and was asked at the scrape after its end
    question = next(each for each in metric_questions(world) if each.step == 1)
    assert question.start == stepped + 10 * SECOND
    assert question.end == stepped + 70 * SECOND
    assert question.at == stepped + 85 * SECOND == world.now


def test_windows_of_a_run_are_disjoint_and_numbered():
    world = progressing(0, checks=(SUCCESS_RATE, DURATION))
    world.answerer = saying(Outcome.INCONCLUSIVE, "12 requests")
    world.rest(300)
    world.answerer = healthy
    world.until_phase(Phase.PROMOTING)

    for name in ("request-success-rate", "request-duration"):
        asked = metric_questions(world, name)
        assert [each.window for each in asked] == list(range(1, len(asked) + 1))
        assert all(one.end <= other.start for one, other in itertools.pairwise(asked))
    traffic = [each for each in world.asked if each.kind is Ask.TRAFFIC]
    assert all(one.end <= other.start for one, other in itertools.pairwise(traffic))


def test_windows_follow_each_other_without_a_gap_while_a_step_waits():
    world = progressing(0)
    world.answerer = saying(Outcome.INCONCLUSIVE, "12 requests")
    world.rest(400)

    for kind in (Ask.METRIC, Ask.TRAFFIC):
        asked = [each for each in world.asked if each.kind is kind]
        assert len(asked) == 6
        assert all(one.end == other.start for one, other in itertools.pairwise(asked))


def test_the_same_questions_are_asked_again_after_a_restart():
    # given a question that nobody has answered
    world = progressing(0)
    world.answerer = lambda question: None
    world.until(lambda each: bool(each.decision and each.decision.questions))
    asked = world.decision.questions

    # when the controller dies, forgets everything but the status, and comes back later
    world.answers.clear()
    world.now += 500 * SECOND
    world.decide()

    # then it asks the very same
    assert world.decision.questions == asked


def test_windows_missed_during_an_absence_are_replayed_and_come_to_the_same_verdict():
    # given a run that would have failed while nobody was looking
    undisturbed = progressing(0, analysis=steps(5, threshold=3))
    undisturbed.answerer = failing
    undisturbed.until_phase(Phase.FAILED)

    # when the controller was away for an hour
    world = progressing(0, analysis=steps(5, threshold=3))
    world.answerer = failing
    world.now += 3600 * SECOND
    world.until_phase(Phase.FAILED)

    # then the missing windows are asked about, and fail the run as they would have
    assert metric_questions(world) == metric_questions(undisturbed)
    assert world.status.failed_checks == undisturbed.status.failed_checks == 3


def test_a_window_counts_once_however_many_metrics_fail_in_it():
    world = progressing(0, checks=(SUCCESS_RATE, DURATION), analysis=steps(5, threshold=2))
    world.answerer = failing
    world.until(lambda each: each.status.failed_checks == 1)
    world.settle()

    assert world.status.failed_checks == 1
    assert world.status.phase is Phase.PROGRESSING


def test_a_window_counts_once_also_when_one_answer_is_late_and_windows_are_replayed():
    # given two metrics of which one is answered quickly, and many windows that were missed
    world = progressing(0, checks=(SUCCESS_RATE, DURATION), analysis=steps(5, threshold=10))
    world.now += 300 * SECOND

    def only_the_first(question: Question) -> Verdict | None:
        return failing(question) if question.name != "request-duration" else None

    # when every first answer comes well before every second one
    for _ in range(4):
        world.answerer = only_the_first
        world.settle()
        world.answerer = failing
        world.tick()
    world.settle()

    # then each window has counted once
    windows = max(check.window for check in world.status.checks)
    assert {check.window for check in world.status.checks} == {windows}
    assert world.status.failed_checks == windows == 4


def test_a_fail_does_not_wait_for_the_answer_of_a_slow_question():
    world = progressing(0, checks=(SUCCESS_RATE, DURATION), analysis=steps(5, threshold=1))
    world.answerer = lambda question: failing(question) if question.name == "request-duration" else None
    world.until_phase(Phase.FAILED, within=200)

    assert world.now - world.status.history[-1].ended == timedelta(0)
    assert world.status.canary_weight == 0


def test_the_threshold_is_acted_on_in_the_tick_that_reaches_it():
    world = progressing(0, analysis=steps(5, threshold=2))
    world.answerer = failing
    world.until(lambda each: each.status.failed_checks == 1)
    world.until(lambda each: bool(each.answers) and each.now > each.status.checks[0].end + 60 * SECOND)

    world.decide()  # one decision

    assert (world.status.failed_checks, world.status.phase, world.status.canary_weight) == (2, Phase.FAILED, 0)
    assert world.status.history[-1].result is Result.ROLLED_BACK
    assert "2 of 2 failed checks" in world.status.message


def test_the_threshold_is_cumulative_a_pass_between_two_fails_takes_nothing_back():
    # given a run with one failed window, then a passing one that ends the step
    world = progressing(0, analysis=steps(5, 10, threshold=2))
    world.answerer = failing
    world.until(lambda each: each.status.failed_checks == 1)
    world.answerer = healthy
    world.until(lambda each: each.status.run.step == 1)

    # when a window of the next step fails
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert world.status.failed_checks == 2


def test_inconclusive_and_error_hold_the_run_and_neither_pass_nor_fail_it():
    for outcome, reason in ((Outcome.INCONCLUSIVE, "NoData"), (Outcome.ERROR, "MetricsUnavailable")):
        world = progressing(0, analysis=steps(5, threshold=1), progress_deadline_seconds=60.0)
        world.answerer = saying(outcome, "nothing found")
        world.rest(3600)

        assert (world.status.phase, world.status.canary_weight, world.status.failed_checks) == (Phase.PROGRESSING, 5, 0)
        assert world.condition("AnalysisHealthy") == ("False", reason)
        assert world.told.count(reason) == 1

        # and when it can be measured again, the run goes on by itself
        world.answerer = healthy
        world.until_phase(Phase.SUCCEEDED)


def test_after_an_error_windows_in_the_past_are_left_out():
    # given a controller that was away for an hour, and a Prometheus that has lost what was before
    world = progressing(0)
    away = 3600 * SECOND
    world.now += away
    world.answerer = saying(Outcome.ERROR, "out of range")
    world.tick()
    world.tick()
    world.answerer = healthy
    world.until(lambda each: each.status.run.step == 1, within=3600 + 200)

    # then one old window was asked about, and next a present one
    first, second = metric_questions(world)[:2]
    assert second.start - first.end > away - 200 * SECOND
    assert (second.start - first.end) % (second.end - second.start) == timedelta(0)


def test_a_question_after_an_error_stays_the_same_until_it_is_answered():
    world = progressing(0)
    world.answerer = saying(Outcome.ERROR, "refused")
    world.until(lambda each: bool(each.status.checks))
    world.answerer = lambda question: None
    world.rest(200)
    asked = {each for each in world.decision.questions if each.kind is Ask.METRIC}

    world.rest(200)

    assert len(asked) == 1
    assert asked == {each for each in world.decision.questions if each.kind is Ask.METRIC}


def test_a_round_of_answers_costs_one_status_write_in_whatever_order_they_come():
    world = progressing(0, checks=(SUCCESS_RATE, DURATION))
    world.answerer = lambda question: None
    world.until(lambda each: bool(each.decision and len(each.decision.questions) == 3))
    writes = len(world.journal)

    for name in ("traffic", "request-duration", "request-success-rate"):
        world.answerer = lambda question, name=name: healthy(question) if question.name == name else None
        world.tick()
    world.answerer = lambda question: None
    world.settle()

    assert len(world.journal) == writes + 1
    assert world.status.run.step == 1


def test_a_metric_with_a_longer_window_keeps_the_step_until_it_has_one():
    slow = replace(DURATION, window_seconds=180.0)
    world = progressing(0, checks=(SUCCESS_RATE, slow))
    stepped = world.status.run.step_since
    world.until(lambda each: each.status.run.step == 1)

    assert world.now == stepped + (10 + 180 + 15) * SECOND
    assert len([each for each in metric_questions(world) if each.step == 0]) == 3


def test_a_passing_window_followed_by_a_failing_one_does_not_end_the_step():
    # given a metric that passed once, while another has a longer window
    slow = replace(DURATION, window_seconds=120.0)
    world = progressing(0, checks=(SUCCESS_RATE, slow))
    world.until(lambda each: bool(each.status.checks))

    # when the first one fails in the window in which the second one passes
    world.answerer = lambda q: failing(q) if q.name == "request-success-rate" else healthy(q)
    world.until(lambda each: each.status.failed_checks == 1)
    world.settle()

    assert world.status.run.step == 0


def test_windows_do_not_open_before_the_routes_are_in_place():
    # given a step whose routes cannot be written for five minutes
    world = progressing(0)
    world.writable = False
    world.until(lambda each: each.status.run.step == 1)
    world.rest(300)
    assert not [each for each in metric_questions(world) if each.step == 1]

    # when they are written at last
    world.writable = True
    world.settle()
    written = world.now
    world.until(lambda each: each.status.run.step == 2)

    # then the first window opened settleSeconds after that
    question = next(each for each in metric_questions(world) if each.step == 1)
    assert question.start >= written + 10 * SECOND


def silent(expected: float):
    def answer(question: Question) -> Verdict | None:
        if question.kind is Ask.TRAFFIC:
            return Verdict(Outcome.PASS, counts=Counts(canary=0, primary=expected, expected=expected))
        return Verdict(Outcome.INCONCLUSIVE, message="no requests")

    return answer


def test_a_canary_that_nobody_can_reach_fails_after_three_windows():
    # given 20 % of 100 requests per window, none of which arrives
    world = progressing(0, analysis=steps(20, 50))
    world.answerer = silent(100)
    stepped = world.status.run.step_since

    world.until_phase(Phase.FAILED, within=400)

    assert world.status.reason == "CanaryUnreachable"
    assert world.now == stepped + (10 + 180 + 15) * SECOND
    assert "60 requests" in world.status.message


def test_a_canary_that_nobody_would_have_met_does_not_fail():
    # given 20 % of 10 requests per window: 6 in three windows prove nothing
    world = progressing(0, analysis=steps(20, 50))
    world.answerer = silent(10)
    world.rest(400)
    assert world.status.phase is Phase.PROGRESSING

    # but 30 expected ones, later, do
    world.until_phase(Phase.FAILED)
    assert world.status.reason == "CanaryUnreachable"
    assert world.status.run is None


def test_a_canary_that_only_matched_requests_can_meet_does_not_fail_by_silence():
    world = progressing(0, analysis=steps(20, 50), everybody_routed=False)
    world.answerer = silent(1000)
    world.rest(1000)

    assert world.status.phase is Phase.PROGRESSING


def test_one_request_that_reached_the_canary_starts_the_count_of_silence_again():
    world = progressing(0, analysis=steps(20, 50))
    world.answerer = silent(100)
    world.until(lambda each: each.status.run.silent_windows == 2)
    world.answerer = lambda q: (
        Verdict(Outcome.PASS, counts=Counts(canary=1, primary=99, expected=100))
        if q.kind is Ask.TRAFFIC
        else Verdict(Outcome.INCONCLUSIVE)
    )
    world.until(lambda each: each.status.run.silent_windows == 0)

    assert world.status.run.silent_expected == 0.0
    assert world.status.seen_weight == 1.0


def test_the_share_that_was_seen_is_written_with_its_verdict():
    world = progressing(0)
    world.until(lambda each: each.status.run.step == 1)

    assert world.status.seen_weight == 10.0
    assert [check.outcome for check in world.status.checks] == [Outcome.PASS]
    assert world.status.checks[0].value == 99.9
    assert world.status.checks[0].limit == "min 99"


def test_a_check_that_was_taken_out_of_the_analysis_is_not_complained_about():
    world = progressing(0, checks=(SUCCESS_RATE,))
    world.answerer = saying(Outcome.ERROR, "refused")
    world.until(lambda each: each.condition("AnalysisHealthy") == ("False", "MetricsUnavailable"))

    world.edit(checks=()).settle()

    assert world.condition("AnalysisHealthy") == ("True", "Measuring")
