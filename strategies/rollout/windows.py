"""Disjoint windows of a run, asked about at fixed times and counted once.

What is asked depends on the recorded status alone (asking.py), and a controller that was away asks for the windows it
missed and comes to the same verdicts. What an answer does to the run stands in counting.py.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from math import floor

from metrics.verdict import Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.rollout.asking import WEBHOOK, check_of, is_over, metric_question, opening, traffic_question
from strategies.rollout.counting import count, end_of, named
from strategies.rollout.hooks import have_passed, tested
from strategies.rollout.turn import Turn
from strategies.rollout.unreachable import weigh
from strategies.rollout.warming import leave_out, may_be_young
from strategies.snapshot import Problem
from strategies.spec import CheckSpec, Policy
from strategies.status import Check, Skip

DAY_SECONDS = 86400.0


def open_step(turn: Turn) -> None:
    """The present step begins now: its windows open settleSeconds later and nothing has passed yet."""
    skip = turn.run.skip if turn.run.skip is Skip.REST else Skip.NONE
    turn.set_run(step_since=turn.now, windows_from=turn.now + timedelta(seconds=turn.spec.settle_seconds), skip=skip)
    turn.set(checks=tuple(replace(check, passes=0) for check in turn.status.checks), iterations=0)


def opened(turn: Turn) -> bool:
    """True when the step's windows have opened, which they do not while the routes are not in place."""
    run, routes = turn.run, turn.seen.routes
    if run.windows_from is None:
        if routes.in_sync:
            turn.set_run(windows_from=turn.now + timedelta(seconds=turn.spec.settle_seconds))
            turn.wake(turn.now + timedelta(seconds=turn.spec.settle_seconds))
        return False
    if not turn.reached(run.windows_from, 0):
        return False
    if not routes.in_sync and not _judged_in_step(turn, run.windows_from):
        turn.set_run(windows_from=None)
        return False
    return True


def _judged_in_step(turn: Turn, opening: datetime) -> bool:
    measured = (check for check in turn.status.checks if not check.name.startswith(WEBHOOK))
    return any(check.end > opening for check in measured) or (
        turn.run.traffic_end is not None and turn.run.traffic_end > opening
    )


def judge(turn: Turn) -> Problem | None:
    """Take in the answers that are there, ask what is due; a Problem when the run has failed by them.

    Windows are taken in the order of their ends, all that end together at once, so that the order in which answers
    come in changes nothing and a round of them is recorded once. Only a fail waits for no other answer.
    """
    if not opened(turn):
        return None
    young = may_be_young(turn)
    leave_out(turn, young)
    problem = tested(turn, opening=opening(turn))
    while problem is None and (answered := _next_answers(turn)):
        for question, verdict in answered:
            problem = problem or _take(turn, question, verdict)
        problem = problem or _too_long(turn, answered)
        leave_out(turn, young)
    turn.analysis = _unmeasured(turn)
    _count_iterations(turn)
    return problem


def _count_iterations(turn: Turn) -> None:
    """How many of a longer step's windows have passed, for people."""
    wanted = turn.plan.checks(turn.run.step)
    judged = [(spec, check_of(turn, spec.name)) for spec in turn.spec.checks if not spec.dry_run]
    passes = [check.passes * wanted // _passes(turn, spec) for spec, check in judged if check is not None]
    if wanted > 1 and passes:
        turn.set(iterations=min(wanted, *passes))


def _next_answers(turn: Turn) -> list[tuple[Question, Verdict]]:
    """The answers to the due windows that end first: all of them, or those that fail; none while they are awaited."""
    coming = [metric_question(turn, spec) for spec in turn.spec.checks]
    coming.append(traffic_question(turn))
    due = [question for question in coming if question.at <= turn.now]
    turn.wakes += [question.at for question in coming if question.at > turn.now]
    if not due:
        return []
    first = min([question.end for question in due])
    together = [question for question in due if question.end == first]
    answered = [(question, turn.answers[question]) for question in together if question in turn.answers]
    if len(answered) == len(together):
        return answered
    turn.questions.update(due)
    return [(question, verdict) for question, verdict in answered if verdict.outcome is Outcome.FAIL]


def _take(turn: Turn, question: Question, verdict: Verdict) -> Problem | None:
    """Remember one answer; a Problem when the run has failed by it."""
    if turn.questions:
        turn.questions.discard(question)
    if question.kind is Ask.TRAFFIC:
        return weigh(turn, verdict.counts, window=question.window, end=end_of(turn, question, verdict))
    return count(turn, question, verdict)


def _too_long(turn: Turn, answered: list[tuple[Question, Verdict]]) -> Problem | None:
    """A Problem when so much has been measured without an end that there will hardly be one.

    Windows without data, and those while people hold the run, take nothing from its time.
    """
    said = [each for each, verdict in answered if each.kind is not Ask.TRAFFIC and _says_something(verdict)]
    if not said or turn.paused() or turn.run.override is not None or turn.status.waiting is not None:
        return None
    run, end = turn.run, said[0].end  # they all end together
    start = min([each.start for each in said])
    start = start if run.measured_until is None else max(start, run.measured_until)
    more = max(0.0, (end - start).total_seconds())
    measured = round(run.measured_seconds + more, 3)
    turn.set_run(measured_seconds=measured, measured_until=max(start, end))
    if measured < (limit := _longest(turn)):
        return None
    return Problem(
        reason="MaxDurationExceeded",
        message=f"the run has been measured for {measured:.0f} s without an end, {limit:.0f} s are "
        "allowed (analysis.maxDurationSeconds)",
    )


def _says_something(verdict: Verdict) -> bool:
    return verdict.outcome in (Outcome.PASS, Outcome.FAIL) or verdict.undecided


def _longest(turn: Turn) -> float:
    """How many seconds a run may be measured: as given, else a day, or twice the plan's own time if that is longer."""
    given = turn.spec.analysis.max_duration_seconds
    planned = turn.plan.all_checks * turn.spec.analysis.interval_seconds
    return given if given is not None else max(DAY_SECONDS, 2 * planned)


def passed(turn: Turn) -> bool:
    """True when the present step's checks have all passed and its time is over."""
    run = turn.run
    if run.windows_from is None:
        return False
    wanted = turn.plan.checks(run.step)
    length = wanted * turn.spec.analysis.interval_seconds + turn.spec.scrape_interval_seconds
    if not turn.reached(run.windows_from, length):
        return False
    if turn.spec.checks and (run.traffic_end is None or run.traffic_end <= run.windows_from):
        return False
    if not have_passed(turn, opening=run.windows_from):
        return False
    return all(_has_passed(turn, spec, run.windows_from) for spec in turn.spec.checks if not spec.dry_run)


def _has_passed(turn: Turn, spec: CheckSpec, opening: datetime) -> bool:
    """Has a check passed the step, or may it count as passed? What failed last may not."""
    check = check_of(turn, spec.name)
    if check is None or check.end <= opening:
        return False
    if check.outcome is Outcome.PASS:
        return check.passes >= _passes(turn, spec)
    if check.outcome is not Outcome.INCONCLUSIVE or check.in_row or not is_over(turn, check):
        return False
    if not check.undecided:
        return spec.on_no_data is Policy.PROCEED
    return check.whole is Outcome.PASS or turn.spec.analysis.on_inconclusive is Policy.PROCEED


def _passes(turn: Turn, spec: CheckSpec) -> int:
    """The passing windows that end a step: as many as its time has, and no fewer than the plan wants."""
    wanted = turn.plan.checks(turn.run.step)
    return max(wanted, floor(wanted * turn.spec.analysis.interval_seconds / spec.window_seconds + 1e-9))


def _unmeasured(turn: Turn) -> Problem | None:
    """What keeps the analysis from saying anything."""
    for spec in turn.spec.checks:
        check = check_of(turn, spec.name)
        if check is None or check.window == 0 or spec.dry_run:
            continue
        if Outcome.ERROR in (check.outcome, check.whole):
            return Problem(reason="MetricsUnavailable", message=named(check))
        if check.outcome is Outcome.INCONCLUSIVE and (problem := _unknown(turn, spec, check)):
            return problem
    return None


def _unknown(turn: Turn, spec: CheckSpec, check: Check) -> Problem | None:
    """Why a check that said nothing holds the run; None if it does not, or not yet."""
    if not check.undecided:
        return Problem(reason="NoData", message=named(check)) if spec.on_no_data is not Policy.PROCEED else None
    if check.whole is Outcome.INCONCLUSIVE or (
        is_over(turn, check) and turn.spec.analysis.on_inconclusive is Policy.HOLD
    ):
        return Problem(reason="Inconclusive", message=named(check))
    return None
