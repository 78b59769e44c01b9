"""From what somebody types to the annotation that says it, and from a status back to what became of it."""

import secrets
from datetime import UTC, datetime
from typing import Any

from delivery.api.commands import COMMAND, command_of, written
from delivery.api.status import UnreadableStatus, load
from delivery.cluster.objects import Object, Op, pointer
from strategies.commands import BOUND, Command, Verb, subject
from strategies.status import Answered, Phase, Status

_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_DIGITS = 10


class PendingError(Exception):
    """Another command has no answer yet, and this one would take its place. The text says whose it is."""


def command_for(canary: Object, verb: Verb, *, by: str, reason: str = "", full: bool = False) -> Command:
    """A new command, bound to what the Canary does now where the verb wants that."""
    of = subject(_status(canary)) if verb in BOUND or verb is Verb.ABORT else ""
    return Command(id=_new_id(), verb=verb, of=of, by=by, at=_now(), reason=reason, full=full)


def ops_for(canary: Object, command: Command) -> list[Op]:
    """The JSON patch that gives a command on the Canary as it was read.

    PendingError if another one waits for its answer; an abort takes the place of anything else.
    """
    waiting = command_of(canary)
    if waiting is not None and not _answered(canary, waiting) and command.verb is not Verb.ABORT:
        what = waiting.verb.value if waiting.verb is not None else "a command"
        raise PendingError(
            f"{what} by {waiting.by or 'somebody'} has no answer yet; is the controller running? Say it again then"
        )
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": canary["metadata"]["resourceVersion"]}
    value = written(command)
    if canary["metadata"].get("annotations") is None:
        return [test, {"op": "add", "path": "/metadata/annotations", "value": {COMMAND: value}}]
    return [test, {"op": "add", "path": pointer("metadata", "annotations", COMMAND), "value": value}]


def answer_to(canary: Object, command: Command) -> Answered | None:
    """What became of it; None while there is no answer."""
    known = _status(canary).command
    return known if known is not None and known.id == command.id else None


def is_replaced(canary: Object, command: Command) -> bool:
    """Has somebody given another command before this one was answered?"""
    now = command_of(canary)
    return now is not None and now.id != command.id and answer_to(canary, command) is None


def concerns(canary: Object, verb: Verb) -> bool:
    """Is there anything on this Canary that the verb is about? For those that were not named one by one."""
    status = _status(canary)
    match verb:
        case Verb.PAUSE:
            return status.paused is None
        case Verb.RESUME:
            return status.paused is not None or (status.run is not None and status.run.override is not None)
        case Verb.RETRY:
            return status.phase is Phase.FAILED and status.run is None
        case Verb.ABORT:
            return status.run is not None or status.phase is Phase.WAITING
        case _:
            return status.run is not None


def _answered(canary: Object, command: Command) -> bool:
    known = _status(canary).command
    return known is not None and known.knows(command.id)


def _status(canary: Object) -> Status:
    status: Any = canary.get("status")
    try:
        return load(status)
    except UnreadableStatus:
        return Status()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _new_id() -> str:
    """An id that nobody else will make: 47 bits, without letters that look like others."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_DIGITS))
