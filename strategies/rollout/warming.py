"""Leaves out the windows in which a pod of the canary is young: caches are cold, code is not compiled yet, and what is
measured says more about the pod's age than about its version.

Nothing is asked for such a window. It is given up as soon as a pod is seen that makes it one, and recorded, so that a
crash changes nothing. A canary whose pods come and go all the time is judged in the end: users meet it as it is.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from metrics.verdict import Outcome
from strategies.rollout.asking import check_of, opening, window_question
from strategies.rollout.counting import with_check
from strategies.rollout.turn import Turn
from strategies.spec import CheckSpec
from strategies.status import Check

PATIENCE = 5
"""In one step, windows are left out for this many times the warm-up at the longest."""


def may_be_young(turn: Turn) -> tuple[CheckSpec, ...]:
    """The checks in whose windows a pod may be young. No window begins before the step's first one."""
    if turn.target is None or not turn.target.ready_since:
        return ()
    warm = opening(turn) - max(turn.target.ready_since)
    return tuple(spec for spec in turn.spec.checks if warm < timedelta(seconds=spec.warmup_seconds))


def leave_out(turn: Turn, young: tuple[CheckSpec, ...]) -> None:
    """Let each of these checks go on after the warm-up of the pods that are seen to be young in its next window."""
    for spec in young:
        while (until := _young_until(turn, spec)) is not None:
            _resume(turn, spec, until)


def awaited(turn: Turn) -> datetime | None:
    """Until when some check waits for warm pods; None if none does."""
    waiting = (check_of(turn, spec.name) for spec in turn.spec.checks)
    until = [check.resume for check in waiting if check is not None and check.resume is not None]
    return max((each for each in until if each > turn.now), default=None)


def _young_until(turn: Turn, spec: CheckSpec) -> datetime | None:
    """When the pods are warm that are young in the next window; None if there are none."""
    window, warmup = window_question(turn, spec), timedelta(seconds=spec.warmup_seconds)
    if turn.target is None or window.start >= opening(turn) + PATIENCE * warmup:
        return None
    warm = [since + warmup for since in turn.target.ready_since if since < window.end]
    return max((each for each in warm if each > window.start), default=None)


def _resume(turn: Turn, spec: CheckSpec, until: datetime) -> None:
    known = check_of(turn, spec.name)
    check = known or Check(name=spec.name, window=0, end=opening(turn), outcome=Outcome.INCONCLUSIVE)
    turn.set(checks=with_check(turn, replace(check, resume=until)))
