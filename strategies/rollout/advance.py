"""One decision: the phase's own rules, between what comes before and after every phase."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from strategies.commands import Command
from strategies.decision import Decision
from strategies.modes import begun_anew
from strategies.questions import Answers
from strategies.rollout import ending, initialising, promoting, running, starting, terminating
from strategies.rollout.closing import closed
from strategies.rollout.commanding import obey, refuse_all
from strategies.rollout.conditions import describe
from strategies.rollout.deadline import overdue
from strategies.rollout.gating import forget_passed
from strategies.rollout.hooks import say_farewell
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem, Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Phase, Stage, Status


def advance(spec: RolloutSpec, status: Status, snapshot: Snapshot, answers: Answers, now: datetime) -> Decision:
    """What the status must be next, seen from here and now.

    Pure: the same arguments give the same decision. A decision whose status equals `status` asks for no write.
    """
    turn = Turn(spec=spec, status=begun_anew(status), seen=snapshot, answers=answers, now=now)
    if obey(turn):
        pass  # what was seen says nothing yet about what the command has begun or ended
    elif snapshot.deleting:
        terminating.terminate(turn)
    elif suspended(spec, status):
        _stop_the_clock(turn)
    else:
        _rule(turn)()
        say_farewell(turn)
    forget_passed(turn)
    describe(turn)
    return closed(turn, before=status)


def refuse(
    status: Status, problem: Problem, *, generation: int, now: datetime, command: Command | None = None
) -> Status:
    """The status of a Canary of whose spec nothing can be used: it says so, and all else stays as it is."""
    spec = RolloutSpec(name="", namespace="", generation=generation)
    turn = Turn(spec=spec, status=status, seen=Snapshot(command=command), answers={}, now=now, ready=problem)
    refuse_all(turn, "the Canary's spec cannot be used; correct it first")
    describe(turn)
    return replace(turn.status, step=status.step)


def suspended(spec: RolloutSpec, status: Status) -> bool:
    """True when hands are off. A rollback or deletion already recorded is finished first."""
    leaving = status.phase in (Phase.FAILED, Phase.TERMINATING) and status.stage in (Stage.ROUTES, Stage.DRAIN)
    return spec.suspend and not leaving


def _stop_the_clock(turn: Turn) -> None:
    """Nobody can make progress while hands are off."""
    if turn.status.run is not None and turn.status.run.stuck_since is not None:
        overdue(turn, stuck=True, standing=True)


def _rule(turn: Turn) -> Callable[[], None]:
    """The rule of the present phase."""
    match turn.status.phase:
        case Phase.NONE | Phase.INITIALIZING:
            return lambda: initialising.initialise(turn)
        case Phase.PROGRESSING | Phase.WAITING_PROMOTION:
            return lambda: running.progress(turn)
        case Phase.PROMOTING:
            return lambda: promoting.copy(turn)
        case Phase.FINALISING:
            return lambda: promoting.finish(turn)
        case Phase.FAILED if turn.status.run is not None:
            return lambda: promoting.broken(turn)
        case Phase.TERMINATING:
            return lambda: terminating.terminate(turn)
        case _:
            return lambda: _rest(turn)


def _rest(turn: Turn) -> None:
    """Between runs: finish leaving the last one, unless a newer revision wants the canary's pods anyway."""
    if turn.status.stage is Stage.NONE:
        starting.idle(turn)
        return
    if ending.leave(turn):
        turn.set(stage=Stage.NONE, stage_since=None)
        starting.idle(turn)
        return
    target = turn.target
    if target is None or not _is_new(turn) or starting.waits_for(turn) is not None:
        return
    if not turn.has_pods(turn.primary):
        starting.wait_for_primary(turn, target)
    elif turn.status.stage is Stage.DRAIN:
        starting.idle(turn)


def _is_new(turn: Turn) -> bool:
    known = (turn.status.last_applied_spec, turn.status.last_promoted_spec)
    return turn.target is not None and turn.target.revision not in known
