"""What has become of one revision, for who waits for it in a script: told from older runs, and not believed too early.

An outcome that stands in the status may be an older revision's: the controller may not have seen the newest one yet. So
one is only taken for the awaited revision's if it carries that revision, and a run that was over before somebody began
to wait only if no other has begun since.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from delivery.terminal.upcoming import AT_REST
from strategies.status import Past, Phase, Result, Stage, Status


class Fate(StrEnum):
    """What has become of a revision."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    REFUSED = "Refused"  # its run never began
    CANCELLED = "Cancelled"
    SUPERSEDED = "Superseded"
    DELETED = "Deleted"  # the Canary, while somebody waited
    RUNNING = "Running"
    NOT_SEEN = "NotSeen"  # the controller has not begun with it


LATE = 6
EXIT_CODES = {
    Fate.PROMOTED: 0,
    Fate.ROLLED_BACK: 3,
    Fate.REFUSED: 3,
    Fate.CANCELLED: 4,
    Fate.SUPERSEDED: 5,
    Fate.RUNNING: LATE,
    Fate.NOT_SEEN: LATE,
    Fate.DELETED: 7,
}
"""1 and 2 are those of commands that could not do what was asked, or were called wrongly; LATE is that of a timeout."""
OPEN = (Fate.RUNNING, Fate.NOT_SEEN)

_FATES = {
    Result.PROMOTED: Fate.PROMOTED,
    Result.ROLLED_BACK: Fate.ROLLED_BACK,
    Result.CANCELLED: Fate.CANCELLED,
    Result.SUPERSEDED: Fate.SUPERSEDED,
}
_SERVING = (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.FINALISING)

IsIt = Callable[[str], bool]
"""Is a recorded revision the awaited one?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with a revision. `rest`: nothing is left to do, pods without users are gone."""

    namespace: str
    name: str
    revision: str
    outcome: Fate
    phase: str
    step: str
    wanted: int
    reason: str
    message: str
    rest: bool


def standing(status: Status, is_it: IsIt, *, known: frozenset[str], namespace: str, name: str) -> Standing:
    """How it stands with the awaited revision; `known` are the runs that were over when the waiting began."""
    past = _ended(status, is_it, known)
    fate = _fate(status, is_it, past)
    own = next((each for each in _recorded(status, past) if each and is_it(each)), "")
    return Standing(
        namespace=namespace,
        name=name,
        revision=own,
        outcome=fate,
        phase=status.phase.value,
        step=status.step,
        wanted=status.canary_weight,
        reason=past.reason if past is not None and fate not in OPEN else status.reason,
        message=status.message,
        rest=status.stage is Stage.NONE and status.phase in AT_REST,
    )


def _fate(status: Status, is_it: IsIt, past: Past | None) -> Fate:
    if status.run is not None and is_it(status.run.revision):
        return Fate.RUNNING
    if status.run is None and status.phase in _SERVING and _is(status.last_promoted_spec, is_it):
        return Fate.PROMOTED
    if past is not None:
        return _FATES[past.result]
    refused = status.phase is Phase.FAILED and status.run is None and _is(status.last_applied_spec, is_it)
    return Fate.REFUSED if refused else Fate.NOT_SEEN


def _ended(status: Status, is_it: IsIt, known: frozenset[str]) -> Past | None:
    """The newest run of the revision, if it says anything about the present."""
    latest = status.run is None and _is(status.last_applied_spec, is_it)
    for past in reversed(status.history):
        if is_it(past.revision) and (past.id not in known or latest):
            return past
    return None


def _is(recorded: str, is_it: IsIt) -> bool:
    return bool(recorded) and is_it(recorded)


def _recorded(status: Status, past: Past | None) -> tuple[str, ...]:
    return (
        status.run.revision if status.run is not None else "",
        past.revision if past is not None else "",
        status.last_promoted_spec,
        status.last_applied_spec,
    )
