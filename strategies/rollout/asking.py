"""Which pieces of time are asked about next: read off the recorded status alone, so that a crash changes no question.

A step's first window opens settleSeconds after the step was recorded; each check goes on with the window that begins
where its last one ended.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from strategies.questions import Ask, Question
from strategies.rollout.turn import Turn
from strategies.spec import CheckSpec, Policy
from strategies.status import Check

TRAFFIC = "traffic"
WEBHOOK = "webhook/"
"""Begins the names of webhooks' checks; no metric has such a name."""
_SLACK = timedelta(milliseconds=1)
"""Lengths that are no whole microseconds must not make the last window of a step end before it."""


@lru_cache(maxsize=64)
def seconds(number: float) -> timedelta:
    """So many seconds: a Canary has a handful of lengths, and each question needs three of them."""
    return timedelta(seconds=number)


def check_of(turn: Turn, name: str) -> Check | None:
    """What is recorded of a check."""
    for check in turn.status.checks:  # a generator would cost more than the search
        if check.name == name:
            return check
    return None


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
    if last is None or not last.undecided or not _owes_whole(turn, spec, last):
        return window_question(turn, spec)
    return Question(
        run=turn.run.id,
        step=turn.run.step,
        kind=Ask.LIMITS,
        name=spec.name,
        window=last.window,
        start=opening(turn) if last.counted is None else max(opening(turn), last.counted),
        end=last.end,
        at=_at(turn, last.end),
    )


def window_question(turn: Turn, spec: CheckSpec) -> Question:
    """The next window of a metric: after the last one, in this step, after its delay.

    Where everybody is with the canary, no primary is left to compare it with, and its limits alone must do.
    """
    run, start = turn.run, opening(turn)
    last, alone = check_of(turn, spec.name), spec.judge and turn.status.canary_weight >= 100
    start = start + seconds(spec.initial_delay_seconds) if last is None else max(start, last.next)
    end = start + seconds(spec.window_seconds)
    return Question(
        run=run.id,
        step=run.step,
        kind=Ask.LIMITS if alone else Ask.METRIC,
        name=spec.name,
        window=1 if last is None else last.window + 1,
        start=start,
        end=end,
        at=_at(turn, end),
        judge=spec.judge,
        memory=last.memory if last is not None and last.judge == spec.judge else "",
    )


def traffic_question(turn: Turn) -> Question:
    """The next window in which the requests of both roles are counted."""
    run, start = turn.run, opening(turn)
    if run.traffic_end is not None:
        start = max(start, run.traffic_end)
    end = start + seconds(turn.spec.analysis.window_seconds)
    return Question(
        run=run.id,
        step=run.step,
        kind=Ask.TRAFFIC,
        name=TRAFFIC,
        window=run.traffic_window + 1,
        start=start,
        end=end,
        at=_at(turn, end),
    )


def _at(turn: Turn, end: datetime) -> datetime:
    """When a window that ends then can be asked about: Prometheus sees a request one scrape late."""
    return end + seconds(turn.spec.scrape_interval_seconds)


def _owes_whole(turn: Turn, spec: CheckSpec, check: Check) -> bool:
    """Is the whole step to be judged by the limits of a check whose last window had too few requests?"""
    wanted = turn.spec.analysis.on_inconclusive is Policy.THRESHOLD and not spec.dry_run
    return wanted and check.whole is None and check.end > opening(turn) and is_over(turn, check)
