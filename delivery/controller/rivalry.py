"""Who keeps changing back what we write about pods, and when to let them.

Two programs that correct each other for ever wear out the API server and tell nobody. A write that has to be made again
as it was, with nothing of ours in between, was taken back by somebody; after three times in a minute we wait, longer
each time, and say who it is.
"""

from collections import deque
from dataclasses import dataclass, field

from delivery.cluster.objects import Action, Change, Ref
from delivery.workloads.ownership import FENCE
from strategies.snapshot import Problem

TAKES = 3
SECONDS = 60.0
LONGEST_SECONDS = 600.0

_OWN_MARK = FENCE.replace("/", "~1")


@dataclass(slots=True)
class _Rival:
    """What is known of one object: our last write, when it was taken back, and since when we wait."""

    last: tuple[tuple[str, str], ...] = ()
    takes: deque[float] = field(default_factory=lambda: deque(maxlen=TAKES))
    rounds: int = 0
    until: float = 0.0
    who: str = ""


class Rivalry:
    """The objects of one Canary. Times are monotonic seconds. All of it may be lost with the process."""

    def __init__(self) -> None:
        self._known: dict[Ref, _Rival] = {}

    def wrote(self, change: Change, who: str, now: float) -> None:
        """A change was written; `who` had written the object last before us."""
        if change.action is not Action.PATCH:
            return
        rival, what = self._known.setdefault(change.ref, _Rival()), _content(change)
        if what != rival.last:
            self._known[change.ref] = _Rival(last=what)
            return
        rival.who = who
        rival.takes.append(now)
        if len(rival.takes) == TAKES and now - rival.takes[0] <= SECONDS:
            rival.rounds += 1
            rival.until = now + min(LONGEST_SECONDS, SECONDS * 2 ** (rival.rounds - 1))
            rival.takes.clear()

    def waits(self, change: Change, now: float) -> bool:
        """Is this a write that has been taken back too often to be made now?"""
        rival = self._known.get(change.ref)
        return rival is not None and now < rival.until and _content(change) == rival.last

    def seconds(self, now: float) -> float:
        """How long the shortest wait still lasts; 0 without any."""
        return min((rival.until - now for rival in self._known.values() if now < rival.until), default=0.0)

    def problem(self, now: float) -> Problem | None:
        """Who keeps changing what, if we wait."""
        for ref, rival in self._known.items():
            if now < rival.until:
                fields = ", ".join(path for path, _ in rival.last if "/annotations" not in path)
                return Problem(
                    reason="Contested",
                    message=f"{rival.who or 'somebody'} keeps changing {fields or 'annotations'} of {ref.kind} "
                    f"{ref.name}, which this Canary manages; tell it to ignore them, or suspend the Canary. The weight "
                    "does not rise meanwhile",
                )
        return None


def _content(change: Change) -> tuple[tuple[str, str], ...]:
    """What a change writes, apart from our fence."""
    return tuple((op["path"], repr(op.get("value"))) for op in change.ops if not op["path"].endswith(_OWN_MARK))
