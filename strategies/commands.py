"""What a person can tell a rollout to do, as values: a command, which is carried out once or refused once.

A command is bound to what it is meant for. Whoever says "go on" means one run and no later one, so the verbs that bring
users nearer to the new version must name it; those that hold or take back may do without.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from strategies.status import Phase, Status


class Verb(StrEnum):
    """What is to be done."""

    PROMOTE = "promote"  # the rest of the step, or of the analysis, is skipped
    ABORT = "abort"  # users go back, the revision counts as failed
    RETRY = "retry"  # a failed revision starts another run
    RESTART = "restart"  # the open run begins again at its first step
    PAUSE = "pause"  # no weight rises, no run starts
    RESUME = "resume"  # ends a pause, or the hold after an edit by hand


MAX_ID = 24
MAX_BY = 60
MAX_REASON = 80
"""Characters that a status has room for; longer ids are refused, other texts are cut."""

BOUND = frozenset({Verb.PROMOTE, Verb.RETRY, Verb.RESTART})
"""The verbs that must name what they are meant for: found again after a loss, they would do harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, with an id that no other one has.

    `verb` is None for one that cannot be read, and `problem` says why. `of` is what it is meant for (see `subject`), ""
    for whatever goes on when it is read. `by` is who says that they gave it, `at` when. `full`: a promotion skips all
    remaining steps.
    """

    id: str
    verb: Verb | None = None
    of: str = ""
    by: str = ""
    at: datetime | None = None
    reason: str = ""
    full: bool = False
    problem: str = ""


def subject(status: Status) -> str:
    """What a command given now is meant for: the open run, else the last one of the revision that failed, else the
    revision itself.
    """
    if status.run is not None:
        return status.run.id
    if status.phase is Phase.WAITING:
        return status.revision
    failed = status.last_applied_spec or status.revision
    last = status.history[-1] if status.history else None
    return last.id if last is not None and last.revision == failed else failed
