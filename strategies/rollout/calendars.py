"""What the clock forbids: rollouts outside of their window, and all of them in a freeze. A rollback never."""

from collections.abc import Iterable

from strategies.gates import Closed, GateKind, Point
from strategies.permits import IGNORE_WINDOWS, moment
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.spec import Policy

_LONGEST = 100


def freeze(turn: Turn, point: Point) -> Iterable[Closed]:
    """Closed while rollouts are frozen, before whatever gives a new version more."""
    frozen = turn.seen.frozen
    if frozen is not None and point.kinds:
        turn.wake(frozen.until)
        yield Closed(name="freeze", message=frozen_words(turn))


def frozen_words(turn: Turn) -> str:
    """Until when, by whom and why."""
    frozen = turn.seen.frozen
    if frozen is None:
        return ""
    return f"{frozen.heading}{brief(frozen.reason, _LONGEST)}"


def window(turn: Turn, point: Point) -> Iterable[Closed]:
    """Closed outside of the rollout window: before a run and, if so asked for, before each of its increases."""
    rules, seen = turn.spec.windows, turn.seen.window
    if rules is None or seen is None or seen.open:
        return
    revision = turn.run.revision if turn.status.run is not None else point.of
    if revision == turn.spec.ignore_windows:
        return
    if GateKind.ROLLOUT in point.kinds or rules.increases or rules.on_close is Policy.HOLD:
        if seen.until is not None:
            turn.wake(seen.until)
        yield Closed(name="window", message=_outside(turn, revision))


def closed_on(turn: Turn) -> Problem | None:
    """Has the window closed over a run that is to be rolled back then?"""
    rules, seen = turn.spec.windows, turn.seen.window
    if rules is None or seen is None or turn.run.revision == turn.spec.ignore_windows:
        return None
    if rules.on_close is not Policy.ROLLBACK:
        return None
    if seen.open:
        if seen.until is not None:
            turn.wake(seen.until)
        return None
    return Problem(reason="WindowClosed", message=f"its rollout window has closed; it begins anew {_again(turn)}")


def _again(turn: Turn) -> str:
    until = turn.seen.window.until if turn.seen.window is not None else None
    return f"at {moment(until)}" if until is not None else "when spec.rolloutWindows opens"


def _outside(turn: Turn, revision: str) -> str:
    until = turn.seen.window.until if turn.seen.window is not None else None
    if until is None:
        return "outside its rollout window, which never opens; mend spec.rolloutWindows"
    least = "" if turn.seen.window is None or turn.seen.window.certain else "at least "
    command = f"kubectl annotate pdc {turn.spec.name} -n {turn.spec.namespace} {IGNORE_WINDOWS}={revision}"
    return f"outside its rollout window until {least}{moment(until)}; at once: {command}"
