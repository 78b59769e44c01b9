"""Disjoint windows of a run, asked about at fixed times and counted once.

A step's first window opens settleSeconds after the step was recorded; each check goes on with the window that begins
where its last one ended. What is asked therefore depends on the recorded status alone, and a controller that was away
asks for the windows it missed and comes to the same verdicts.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from math import ceil, isfinite
from typing import Any

from metrics.verdict import MEMORY_BYTES, Counts, Evidence, Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.spec import CheckSpec
from strategies.status import Check

TRAFFIC = "traffic"
SILENT_WINDOWS = 3
"""Windows without one canary request before a canary counts as unreachable..."""
SILENT_EXPECTED = 30.0
"""... and the canary requests that must have been expected in them."""


def open_step(turn: Turn) -> None:
    """The present step begins now: its windows open settleSeconds later and nothing has passed yet."""
    turn.set_run(step_since=turn.now, windows_from=turn.now + timedelta(seconds=turn.spec.settle_seconds))
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
    return any(check.end > opening for check in turn.status.checks) or (
        turn.run.traffic_end is not None and turn.run.traffic_end > opening
    )


def judge(turn: Turn) -> Problem | None:
    """Take in the answers that are there, ask what is due; a Problem when the run has failed by them.

    Windows are taken in the order of their ends, all that end together at once, so that the order in which answers
    come in changes nothing and a round of them is recorded once. Only a fail waits for no other answer.
    """
    if not opened(turn):
        return None
    problem = None
    while problem is None and (answered := _next_answers(turn)):
        for question, verdict in answered:
            problem = problem or _take(turn, question, verdict)
    turn.analysis = _unmeasured(turn)
    _count_iterations(turn)
    return problem


def _count_iterations(turn: Turn) -> None:
    """How many of a longer step's windows have passed, for people."""
    wanted = turn.plan.checks(turn.run.step)
    if wanted > 1 and turn.status.checks:
        turn.set(iterations=min(wanted, *(check.passes for check in turn.status.checks)))


def _next_answers(turn: Turn) -> list[tuple[Question, Verdict]]:
    """The answers to the due windows that end first: all of them, or those that fail; none while they are awaited."""
    coming = [*(_metric_question(turn, spec) for spec in turn.spec.checks), _traffic_question(turn)]
    due = [question for question in coming if turn.reached(question.at, 0)]
    turn.questions.update(due)
    first = min((question.end for question in due), default=None)
    together = [question for question in due if question.end == first]
    answered = [(question, turn.answers[question]) for question in together if question in turn.answers]
    if len(answered) == len(together):
        return answered
    return [(question, verdict) for question, verdict in answered if verdict.outcome is Outcome.FAIL]


def _take(turn: Turn, question: Question, verdict: Verdict) -> Problem | None:
    """Remember one answer; a Problem when the run has failed by it."""
    turn.questions.discard(question)
    verdict = _bounded(question, verdict)
    if question.kind is Ask.TRAFFIC:
        turn.set_run(traffic_window=question.window, traffic_end=_end(turn, question, verdict))
        return _weigh(turn, verdict.counts) if verdict.counts is not None else None
    fails_first = verdict.outcome is Outcome.FAIL and not _failed_already(turn, question)
    _remember(turn, question, verdict)
    return _count_failure(turn, question, verdict) if fails_first else None


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
    judged = {check.name: check for check in turn.status.checks}
    return all(
        spec.name in judged and judged[spec.name].outcome is Outcome.PASS and judged[spec.name].passes >= wanted
        for spec in turn.spec.checks
    )


def _question(
    turn: Turn,
    *,
    kind: Ask,
    name: str,
    number: int,
    last: datetime | None,
    length: float,
    judge: str = "",
    memory: str = "",
) -> Question:
    """The window after the one that ended at `last`; the step's first one if that was in an earlier step."""
    opening = turn.run.windows_from
    if opening is None:
        raise ValueError("no window has been opened")
    start = opening if last is None or last <= opening else last
    end = start + timedelta(seconds=length)
    at = end + timedelta(seconds=turn.spec.scrape_interval_seconds)
    run = turn.run
    return Question(
        run=run.id,
        step=run.step,
        kind=kind,
        name=name,
        window=number,
        start=start,
        end=end,
        at=at,
        judge=judge,
        memory=memory,
    )


def _metric_question(turn: Turn, spec: CheckSpec) -> Question:
    last = _check(turn, spec.name)
    number, end = (last.window, last.end) if last is not None else (0, None)
    return _question(
        turn,
        kind=Ask.METRIC,
        name=spec.name,
        number=number + 1,
        last=end,
        length=spec.window_seconds,
        judge=spec.judge,
        memory=last.memory if last is not None and last.judge == spec.judge else "",
    )


def _traffic_question(turn: Turn) -> Question:
    run, length = turn.run, turn.spec.analysis.interval_seconds
    return _question(
        turn, kind=Ask.TRAFFIC, name=TRAFFIC, number=run.traffic_window + 1, last=run.traffic_end, length=length
    )


def _check(turn: Turn, name: str) -> Check | None:
    return next((check for check in turn.status.checks if check.name == name), None)


def _end(turn: Turn, question: Question, verdict: Verdict) -> datetime:
    """Where the next window begins. An error gives up the windows that are over by now: what could not be measured
    then can be measured no better later, and the present is what matters.
    """
    if verdict.outcome is not Outcome.ERROR:
        return question.end
    length = question.end - question.start
    return question.end + length * max(0, ceil((turn.now - question.end) / length) - 1)


def _bounded(question: Question, verdict: Verdict) -> Verdict:
    """The verdict with the memory that is to be recorded: the one before, where nothing was learned.

    A status has no room for one that is too long; forgetting it would let a judge begin again and again, each time with
    a new chance of a false alarm. So that is an error and holds the run, unless the run fails anyway.
    """
    if len(verdict.memory.encode()) <= MEMORY_BYTES:
        return replace(verdict, memory=verdict.memory or question.memory)
    if verdict.outcome is Outcome.FAIL:
        return replace(verdict, memory=question.memory)
    message = (
        f"{question.name}: the judge's memory has {len(verdict.memory.encode())} bytes, a status has room for "
        f"{MEMORY_BYTES}; this is a mistake in the controller, please report it"
    )
    return replace(verdict, outcome=Outcome.ERROR, message=message, memory=question.memory)


def _remember(turn: Turn, question: Question, verdict: Verdict) -> None:
    last = _check(turn, question.name)
    passes = last.passes if last is not None else 0
    check = Check(
        name=question.name,
        window=question.window,
        end=_end(turn, question, verdict),
        outcome=verdict.outcome,
        value=verdict.value,
        limit=brief(verdict.limit, 60),
        message=brief(verdict.message),
        passes=passes + 1 if verdict.outcome is Outcome.PASS else passes,
        evidence=_rounded(verdict.evidence),
        judge=question.judge,
        memory=verdict.memory,
    )
    names = [spec.name for spec in turn.spec.checks]
    others = [each for each in turn.status.checks if each.name != check.name and each.name in names]
    turn.set(checks=tuple(sorted((*others, check), key=lambda each: names.index(each.name))))


def _rounded(evidence: Evidence | None) -> Evidence | None:
    """In as many digits as a status has room for; numbers that JSON cannot say are left out."""
    if evidence is None:
        return None
    numbers = {each.name: getattr(evidence, each.name) for each in fields(evidence) if each.name != "changed_by"}
    short: dict[str, Any] = {
        name: None if each is None or not isfinite(each) else round(each, 3) for name, each in numbers.items()
    }
    return replace(evidence, **short)


def _failed_already(turn: Turn, question: Question) -> bool:
    """True when another check has failed in the same window: it counts once, however many metrics fail in it."""
    return any(
        check.outcome is Outcome.FAIL and check.name != question.name and check.end == question.end
        for check in turn.status.checks
    )


def _count_failure(turn: Turn, question: Question, verdict: Verdict) -> Problem | None:
    """One more failed window; a Problem when the threshold is reached."""
    turn.set(failed_checks=turn.status.failed_checks + 1)
    failed, threshold = turn.status.failed_checks, turn.spec.analysis.threshold
    text = f"{verdict.message or f'{question.name} failed'} ({failed} of {threshold} failed checks)"
    if failed >= threshold:
        return Problem(reason="CheckFailed", message=text)
    turn.tell("CheckFailed", f"{text}; the weight stays at {turn.status.canary_weight} %", warning=True)
    return None


def _weigh(turn: Turn, counts: Counts) -> Problem | None:
    if counts.share is not None:
        turn.set(seen_weight=round(counts.share, 1))
    weight = turn.status.canary_weight if turn.run.override is None else turn.run.override
    if counts.canary > 0 or weight == 0 or not turn.spec.everybody_routed:
        turn.set_run(silent_windows=0, silent_expected=0.0)
        return None
    run = turn.run
    expected = run.silent_expected + counts.expected * weight / 100
    turn.set_run(silent_windows=run.silent_windows + 1, silent_expected=expected)
    if turn.run.silent_windows < SILENT_WINDOWS or expected < SILENT_EXPECTED:
        return None
    return Problem(
        reason="CanaryUnreachable",
        message=f"none of about {expected:.0f} requests expected in {turn.run.silent_windows} windows reached the "
        f"canary at {weight} %; look at the port, the Service's selector and the sidecar of its pods",
    )


def _unmeasured(turn: Turn) -> Problem | None:
    """What keeps the analysis from saying anything."""
    names = {spec.name for spec in turn.spec.checks}
    for check in turn.status.checks:
        if check.name not in names:
            continue  # taken out of the analysis since
        if check.outcome is Outcome.ERROR:
            return Problem(reason="MetricsUnavailable", message=_named(check))
        if check.outcome is Outcome.INCONCLUSIVE:
            return Problem(reason="NoData", message=_named(check))
    return None


def _named(check: Check) -> str:
    """The check's message with the name of its metric, once: the way out stands at the end and must not be cut off."""
    return check.message if check.name in check.message else f"{check.name}: {check.message}"
