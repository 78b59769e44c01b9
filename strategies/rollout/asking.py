"""Which pieces of time are asked about next: read off the recorded status alone, so that a crash changes no question.

A step's first window opens settleSeconds after the step was recorded; each check goes on with the window that begins
where its last one ended.
"""

from datetime import datetime, timedelta

from metrics.verdict import Outcome
from strategies.questions import Ask, Question
from strategies.rollout.turn import Turn
from strategies.spec import CheckSpec, Policy
from strategies.status import Check

TRAFFIC = "traffic"
WEBHOOK = "webhook/"
"""Begins the names of webhooks' checks; no metric has such a name."""
_SLACK = timedelta(milliseconds=1)
"""Lengths that are no whole microseconds must not make the last window of a step end before it."""


def check_of(turn: Turn, name: str) -> Check | None:
    """What is recorded of a check."""
    return next((check for check in turn.status.checks if check.name == name), None)


def opening(turn: Turn) -> datetime:
    """When the step's first window opens. Raises ValueError while that is not known."""
    if turn.run.windows_from is None:
        raise ValueError("no window has been opened")
    return turn.run.windows_from


def is_over(turn: Turn, check: Check) -> bool:
    """Has the check been judged up to the end of the step's time?"""
    length = turn.plan.checks(turn.run.step) * turn.spec.analysis.interval_seconds
    return check.window > 0 and check.end + _SLACK >= opening(turn) + timedelta(seconds=length)


def metric_question(turn: Turn, spec: CheckSpec) -> Question:
    """What is asked of a metric next: a window, or the whole step if its windows had too few requests to tell."""
    last = check_of(turn, spec.name)
    if last is not None and _owes_whole(turn, spec, last):
        begin = opening(turn) if last.counted is None else max(opening(turn), last.counted)
        return _question(turn, kind=Ask.LIMITS, name=spec.name, number=last.window, start=begin, end=last.end)
    return window_question(turn, spec)


def window_question(turn: Turn, spec: CheckSpec) -> Question:
    """The next window of a metric: after the last one, in this step, after its delay.

    Where everybody is with the canary, no primary is left to compare it with, and its limits alone must do.
    """
    last = check_of(turn, spec.name)
    start = opening(turn)
    start = start + timedelta(seconds=spec.initial_delay_seconds) if last is None else max(start, last.next)
    alone = spec.judge and turn.status.canary_weight >= 100
    return _question(
        turn,
        kind=Ask.LIMITS if alone else Ask.METRIC,
        name=spec.name,
        number=1 if last is None else last.window + 1,
        start=start,
        end=start + timedelta(seconds=spec.window_seconds),
        judge=spec.judge,
        memory=last.memory if last is not None and last.judge == spec.judge else "",
    )


def traffic_question(turn: Turn) -> Question:
    """The next window in which the requests of both roles are counted."""
    run = turn.run
    start = opening(turn) if run.traffic_end is None else max(opening(turn), run.traffic_end)
    end = start + timedelta(seconds=turn.spec.analysis.window_seconds)
    return _question(turn, kind=Ask.TRAFFIC, name=TRAFFIC, number=run.traffic_window + 1, start=start, end=end)


def _owes_whole(turn: Turn, spec: CheckSpec, check: Check) -> bool:
    policy = turn.spec.analysis.on_inconclusive
    wanted = policy is Policy.THRESHOLD and not spec.dry_run and check.outcome is Outcome.INCONCLUSIVE
    return wanted and check.undecided and check.whole is None and check.end > opening(turn) and is_over(turn, check)


def _question(
    turn: Turn,
    *,
    kind: Ask,
    name: str,
    number: int,
    start: datetime,
    end: datetime,
    judge: str = "",
    memory: str = "",
) -> Question:
    run, at = turn.run, end + timedelta(seconds=turn.spec.scrape_interval_seconds)
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
