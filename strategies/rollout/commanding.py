"""What a person's command does: answered once, in the same status that holds its effect.

Whoever crashes before that status is written has done nothing, and afterwards the answer is there.

A command never waives what keeps users served: pods, settling and draining count as ever, and a failing check still
rolls back.
"""

from collections.abc import Callable, Mapping

from strategies.commands import Command, Verb
from strategies.rollout.ending import refuse_revision, roll_back
from strategies.rollout.permitting import refusal
from strategies.rollout.starting import restart
from strategies.rollout.turn import Turn, brief
from strategies.rollout.windows import open_step
from strategies.snapshot import Problem
from strategies.status import Answered, Pause, Skip

MAX_ANSWER = 160
EARLIER = 4
"""Ids of answered commands that are remembered besides the last one's."""


def obey(turn: Turn) -> bool:
    """Answer the command, if one has come that has no answer yet.

    True when it has begun or ended a run: then nothing else is decided from what was seen before that.
    """
    found, command = turn.status, _news(turn)
    if command is None:
        return False
    why_not = refusal(turn, command)
    if why_not is not None:
        _refuse(turn, command, why_not)
        return False
    turn.tell("CommandAccepted", _said(command))
    _answer(turn, command, accepted=True, message=_EFFECTS[_verb(command)](turn, command))
    ran, runs = found.run, turn.status.run
    return (ran.id if ran else "", found.phase) != (runs.id if runs else "", turn.status.phase)


def refuse_all(turn: Turn, why_not: str) -> None:
    """Answer the command where none is carried out."""
    if (command := _news(turn)) is not None:
        _refuse(turn, command, why_not)


def _refuse(turn: Turn, command: Command, why_not: str) -> None:
    turn.tell("CommandRefused", f"{_said(command)}: {why_not}", warning=True)
    _answer(turn, command, accepted=False, message=why_not)


def _news(turn: Turn) -> Command | None:
    """The command, if it has no answer yet."""
    command, known = turn.seen.command, turn.status.command
    return None if command is None or (known is not None and known.knows(command.id)) else command


def _answer(turn: Turn, command: Command, *, accepted: bool, message: str) -> None:
    last = turn.status.command
    earlier = (last.id, *last.earlier)[:EARLIER] if last is not None else ()
    turn.set(
        command=Answered(
            id=command.id,
            at=turn.now,
            verb=command.verb.value if command.verb is not None else "",
            by=command.by,
            accepted=accepted,
            message=brief(message, MAX_ANSWER),
            earlier=earlier,
        )
    )


def _verb(command: Command) -> Verb:
    if command.verb is None:
        raise ValueError(f"command {command.id} cannot be read and is to be refused")
    return command.verb


def _who(command: Command) -> str:
    return command.by or "somebody"


def _said(command: Command) -> str:
    """Who said what, and why."""
    verb = command.verb.value if command.verb is not None else "command"
    why = f" ({command.reason})" if command.reason else ""
    return f"{verb}{' --full' if command.full else ''} by {_who(command)}{why}"


def _promote(turn: Turn, command: Command) -> str:
    turn.set_run(skip=Skip.REST if command.full else Skip.STEP, hurried=True)
    if command.full:
        return "straight to the promotion, when pods and gates allow it; until then checks can still roll it back"
    return f"the rest of step {turn.run.step + 1} is skipped; pods and gates still count"


def _abort(turn: Turn, command: Command) -> str:
    why = f": {command.reason}" if command.reason else ""
    problem = Problem(reason="Aborted", message=f"aborted by {_who(command)}{why}")
    if turn.status.run is None:
        refuse_revision(turn, turn.status.revision, problem)
        return f"revision {turn.status.revision} is not released; it counts as failed"
    roll_back(turn, problem)
    if turn.status.canary_weight:
        return "the run has ended; users stay with the canary, because no pod of the primary is ready"
    return "the run has ended and users go to the primary; the revision counts as failed"


def _retry(turn: Turn, command: Command) -> str:
    revision = turn.status.last_applied_spec
    turn.set(last_applied_spec="")
    turn.explain("Retrying", f"revision {revision} is tried again, as {_who(command)} said")
    return f"revision {revision} is tried again"


def _restart(turn: Turn, command: Command) -> str:
    if turn.target is None:
        raise ValueError("a run without a target is not restarted")
    restart(turn, turn.target, why="RestartedByHand")
    return "users go to the primary and the run begins again at its first step"


def _pause(turn: Turn, command: Command) -> str:
    turn.set(paused=Pause(since=turn.now, by=command.by, reason=command.reason))
    where = f"at {turn.status.canary_weight} %" if turn.status.run is not None else "before the next run"
    return f"held {where}; checks and rollback go on"


def _resume(turn: Turn, command: Command) -> str:
    turn.set(paused=None)
    if turn.status.run is not None and turn.run.override is not None:
        turn.set_run(override=None, override_paused=False)
        open_step(turn)
    return "it goes on" if not turn.spec.paused else "spec.paused is set and still holds it"


_EFFECTS: Mapping[Verb, Callable[[Turn, Command], str]] = {
    Verb.PROMOTE: _promote,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.RESTART: _restart,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
}
