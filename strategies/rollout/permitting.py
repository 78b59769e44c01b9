"""Whether a command may be carried out at this moment; if not, why, in one sentence with the way out.

Looked up before anything is changed. What each verb does in which phase is a table in docs/commands.md; this file is
that table.
"""

from collections.abc import Callable, Mapping

from strategies.commands import BOUND, Command, Verb, subject
from strategies.rollout.turn import Turn
from strategies.status import Phase, Skip, Stage

JUDGED = (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
"""The phases in which a run is judged and can still end where it began."""


def refusal(turn: Turn, command: Command) -> str | None:
    """Why a command is not carried out; None if it is."""
    if command.verb is None:
        return command.problem
    if turn.seen.deleting or turn.status.phase is Phase.TERMINATING:
        return "the Canary is being deleted"
    if turn.spec.suspend:
        return "spec.suspend is set and nothing is done; clear it first"
    if turn.status.phase is Phase.NONE and command.verb is not Verb.PAUSE:
        return "it was found on a Canary without a status, and may have been carried out before; give it again"
    return _misdirected(turn, command, command.verb) or _CHECKS[command.verb](turn, command)


def _misdirected(turn: Turn, command: Command, verb: Verb) -> str | None:
    """Is it meant for something else than what goes on now?"""
    now = subject(turn.status)
    run = turn.status.run
    if verb is Verb.ABORT and run is not None and command.of == run.revision:
        return None  # its run has begun meanwhile
    if command.of:
        return None if command.of == now else f"it was meant for {command.of}, which is over{_how(turn, command.of)}"
    if verb in BOUND:
        return f"{verb.value} has to name the run that it is meant for, in `run`; now it would be {now or 'none'}"
    return None


def _how(turn: Turn, run: str) -> str:
    past = next((each for each in turn.status.history if each.id == run), None)
    return f" ({past.result.value}, {past.reason})" if past is not None else ""


def _no_run(turn: Turn) -> str:
    """Why there is nothing to be told, where no run is being judged."""
    phase, revision = turn.status.phase, turn.status.revision
    name = turn.spec.name
    if phase is Phase.WAITING:
        return f"revision {revision} has no run yet: {turn.status.message}"
    if phase in (Phase.PROMOTING, Phase.FINALISING):
        return f"revision {revision} is being promoted already"
    if phase is Phase.FAILED and turn.status.run is not None:
        return "the promotion broke the primary; a fixed revision, or the primary's recovery, ends that"
    if phase is Phase.FAILED:
        return f"no run is open; the last one failed ({turn.status.reason}): `delivery retry {name}` tries it again"
    return "no run is open"


def _may_promote(turn: Turn, command: Command) -> str | None:
    run, waiting = turn.status.run, turn.status.waiting
    if turn.status.phase not in JUDGED or run is None:
        return _no_run(turn)
    if turn.spec.paused:
        return "spec.paused is set; clear it first"
    if turn.status.paused is not None or run.override is not None:
        what = "it is paused" if turn.status.paused is not None else f"the weight is held at {run.override} % by hand"
        return f"{what}; `delivery resume {turn.spec.name}` first"
    if run.skip is Skip.REST or (run.skip is Skip.STEP and not command.full):
        return f"somebody has said so already; now it waits: {turn.status.message}"
    if not command.full and run.step < 0:
        return "no step has begun that could be skipped: the canary's pods are being made ready"
    if waiting is not None and waiting.gates and (not command.full or waiting.step >= len(turn.plan)):
        what = "analysis" if waiting.step >= len(turn.plan) else "step"
        return f"the {what} is over, but gates are closed, and promote opens none: {', '.join(waiting.gates)}"
    return None


def _may_abort(turn: Turn, command: Command) -> str | None:
    run, primary = turn.status.run, turn.primary
    if turn.status.phase in JUDGED or turn.status.phase is Phase.WAITING:
        return None
    if turn.status.phase is Phase.PROMOTING and run is not None and not run.healing:
        copied = turn.status.stage is not Stage.PRIMARY or (primary is not None and primary.revision == run.revision)
        if not copied:
            return None
    if turn.status.phase in (Phase.PROMOTING, Phase.FINALISING):
        return (
            f"the primary has been given revision {turn.status.revision} already, and that is not stopped half-way; "
            f"go back with `delivery undo {turn.spec.name}`"
        )
    if turn.status.phase is Phase.FAILED and run is None:
        return f"no run is open; the last one has failed already ({turn.status.reason})"
    return _no_run(turn)


def _may_retry(turn: Turn, command: Command) -> str | None:
    if turn.status.phase is not Phase.FAILED or turn.status.run is not None:
        if turn.status.phase in JUDGED:
            return f"a run is open; `delivery restart {turn.spec.name}` begins it again"
        return _no_run(turn) if turn.status.run is not None or turn.status.phase is Phase.WAITING else "nothing failed"
    if turn.target is None:
        return "the target of targetRef does not exist"
    if turn.target.revision == turn.status.last_promoted_spec:
        return "the target is back at the promoted revision"
    if turn.target.revision != turn.status.last_applied_spec:
        return f"the target has revision {turn.target.revision}, which starts a run by itself"
    return None


def _may_restart(turn: Turn, command: Command) -> str | None:
    if turn.status.phase not in JUDGED:
        return _no_run(turn)
    if turn.target is None or turn.target.revision != turn.run.revision:
        return "the target has changed, and its newest revision takes the run's place by itself"
    return None


def _may_pause(turn: Turn, command: Command) -> str | None:
    paused = turn.status.paused
    return (
        None if paused is None else f"it is paused already, by {paused.by or 'somebody'} since {paused.since:%H:%M} UTC"
    )


def _may_resume(turn: Turn, command: Command) -> str | None:
    run = turn.status.run
    if turn.status.paused is not None or (run is not None and run.override is not None):
        return None
    return "spec.paused is set; clear it in the Canary" if turn.spec.paused else "nothing is paused"


_CHECKS: Mapping[Verb, Callable[[Turn, Command], str | None]] = {
    Verb.PROMOTE: _may_promote,
    Verb.ABORT: _may_abort,
    Verb.RETRY: _may_retry,
    Verb.RESTART: _may_restart,
    Verb.PAUSE: _may_pause,
    Verb.RESUME: _may_resume,
}
