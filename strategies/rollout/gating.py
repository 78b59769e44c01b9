"""May the run start, give the canary more, be promoted? And if not: who is waited for, recorded and told once.

One function, asked last, when everything else allows the next move; so nothing is asked of anybody in vain. Rollbacks
never come here.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from strategies.gates import Closed, GateKind, Point
from strategies.rollout.approving import approvals
from strategies.rollout.calendars import freeze, window
from strategies.rollout.ending import refuse_revision, roll_back
from strategies.rollout.hooks import closed_hooks
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.status import Phase, Waiting

Reason = Callable[[Turn, Point], Iterable[Closed]]
REASONS: tuple[Reason, ...] = (freeze, window, approvals, closed_hooks)
"""Who may say no: each looks at what was seen and answered, and says which of its gates are not open."""

MOST_NAMED = 4
"""Closed gates that the status names; it counts the others."""


def may_pass(turn: Turn, *kinds: GateKind, step: int, of: str = "") -> bool:
    """True when all gates of these kinds are open; else it is noted what is waited for, or the run has ended by it.

    `of` is the revision where there is no run yet.
    """
    point = _point(turn, kinds, of=of or turn.run.id, step=step)
    closed = tuple(each for reason in REASONS for each in reason(turn, point))
    if not closed:
        turn.set(waiting=None)
        return True
    ending = next((each for each in closed if each.ends_run), None)
    if ending is not None:
        _end(turn, point, Problem(reason=ending.reason, message=f"{ending.name}: {ending.message}"))
    else:
        _note(turn, point, closed)
    return False


def forget_passed(turn: Turn) -> None:
    """What was waited for belongs to a revision that waits or to a run that is watched; else it is past."""
    waiting, run = turn.status.waiting, turn.status.run
    if waiting is None:
        return
    watched = turn.status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
    here = run is not None and watched and waiting.of == run.id
    if not here and not (run is None and turn.target is not None and waiting.of == turn.target.revision):
        turn.set(waiting=None)


def _point(turn: Turn, kinds: tuple[GateKind, ...], *, of: str, step: int) -> Point:
    """The same point as before, or a new one."""
    known = _known(turn, before=kinds[-1], of=of, step=step)
    return Point(kinds=kinds, of=of, step=step, since=turn.now if known is None else known.since)


def _known(turn: Turn, *, before: GateKind, of: str, step: int) -> Waiting | None:
    """What is recorded of a point."""
    known = turn.status.waiting
    same = known is not None and (known.before, known.of, known.step) == (before, of, step)
    return known if same else None


def _note(turn: Turn, point: Point, closed: tuple[Closed, ...]) -> None:
    """Remember the point, and say who is waited for; a gate that is only being asked is no news."""
    before, of, step = point.kinds[-1], point.of, point.step
    known = _known(turn, before=before, of=of, step=step)
    waiting = known or Waiting(before=before, of=of, step=step, since=point.since)
    if news := tuple(each for each in closed if not each.pending):
        names = tuple(brief(each.name, 60) for each in news)
        more = (f"and {len(names) - MOST_NAMED} more",) if len(names) > MOST_NAMED else ()
        waiting = replace(
            waiting,
            gates=(*names[:MOST_NAMED], *more),
            message=brief("; ".join(f"{each.name}: {each.message}" for each in news)),
            muted=(known is None or known.muted or not known.gates) and all(each.muted for each in news),
        )
    if known is not None and known.muted and not waiting.muted:
        turn.tell("GateClosed", waiting.message, warning=True)  # so far nobody but the Event was told
    turn.set(waiting=waiting)


def _end(turn: Turn, point: Point, problem: Problem) -> None:
    turn.set(waiting=None)
    if turn.status.run is not None:
        roll_back(turn, problem)
    else:
        refuse_revision(turn, point.of, problem)
