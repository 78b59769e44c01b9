"""One decision of who looks on: follow the other side's run, and hold our own rules against it."""

from datetime import datetime

from strategies.decision import Decision
from strategies.modes import carried
from strategies.observing.deciding import decide
from strategies.observing.following import follow, meets, users_share
from strategies.questions import Answers
from strategies.rollout.closing import closed
from strategies.rollout.commanding import refuse_all
from strategies.rollout.conditions import describe
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem, Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Phase, Status


def observe(spec: RolloutSpec, status: Status, snapshot: Snapshot, answers: Answers, now: datetime) -> Decision:
    """What the status must say next, seen from here and now; what is to be written is nothing but that.

    Pure: the same arguments give the same decision. A decision whose status equals `status` asks for no write.
    """
    if snapshot.deleting:
        return Decision(status=status)
    turn = Turn(spec=spec, status=status, seen=snapshot, answers=answers, now=now)
    if status.phase is not Phase.OBSERVING:
        _enter(turn)
    refuse_all(turn, "spec.mode is observe: somebody else moves traffic, and is to be told")
    if not spec.suspend:
        _look(turn)
    describe(turn)
    return closed(turn, before=status)


def _enter(turn: Turn) -> None:
    """From here on nothing is ours; where users are now is where the other side has them."""
    turn.status = carried(turn.status)
    turn.become(Phase.OBSERVING, reason="Watching", message="nothing is written; the next release is looked at")
    turn.set(canary_weight=users_share(turn))


def _look(turn: Turn) -> None:
    """While a watch is away nothing begins or ends, for what is not heard of has not happened."""
    turn.ready = _unseen(turn)
    if turn.seen.hold is None:
        follow(turn)
    if turn.status.run is not None and turn.target is not None:
        decide(turn, turn.target, met=meets(turn))


def _unseen(turn: Turn) -> Problem | None:
    """What keeps us from seeing a release."""
    if turn.seen.hold is not None:
        return turn.seen.hold
    if turn.target is None:
        return Problem(
            reason="TargetNotFound", message="the target of targetRef does not exist; create it or correct the name"
        )
    return turn.seen.routes.problem
