"""Many Canaries, a line each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from delivery.api.status import UnreadableStatus
from delivery.cluster.objects import Object
from delivery.terminal.figures import percent, printable, since, step_of
from delivery.terminal.policy import policy_of
from delivery.terminal.seen import Seen
from delivery.terminal.styles import PHASES
from delivery.terminal.upcoming import next_action
from delivery.terminal.view import Cell, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A Canary in a list; see Screen for what the fields mean."""

    namespace: str
    name: str
    phase: str
    step: int
    steps: int
    wanted: int
    seen: float | None
    revision: str
    reason: str
    message: str
    since: datetime | None
    next: str


def rows(canaries: Iterable[Object], now: datetime) -> tuple[Row, ...]:
    """A row for each; one whose status cannot be read says so."""
    return tuple(_row(each, now) for each in canaries)


def _row(canary: Object, now: datetime) -> Row:
    meta = canary["metadata"]
    seen = Seen(canary=canary)
    try:
        status = seen.status
    except UnreadableStatus as error:
        seen = Seen(canary={**canary, "status": {"reason": "UnreadableStatus", "message": str(error)}})
        status = seen.status
    step, steps = step_of(status.step)
    return Row(
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        phase=status.phase.value,
        step=step,
        steps=steps,
        wanted=status.canary_weight,
        seen=status.seen_weight,
        revision=status.revision,
        reason=status.reason,
        message=status.message,
        since=status.last_transition_time,
        next=next_action(status, policy_of(canary), now).action,
    )


WIDE = 120
_HEADS = ("Name", "Phase", "Step", "Wanted", "Seen", "For", "Reason", "Next")


class Rows:
    """The rows as a table; with `everywhere` each has its namespace. What comes next is shown where there is room."""

    def __init__(self, found: Sequence[Row], now: datetime, *, everywhere: bool) -> None:
        self._found, self._now, self._everywhere = found, now, everywhere

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._found:
            yield Text("there is no Canary here")
            return
        heads = [*(["Namespace"] if self._everywhere else []), *_HEADS]
        lines = [[*([each.namespace] if self._everywhere else []), *_cells(each, self._now)] for each in self._found]
        if options.max_width < WIDE:
            heads, lines = heads[:-1], [line[:-1] for line in lines]
        cut = ("Namespace", "Name", "Reason")
        yield table(heads, lines, cut=cut, folded=("Next",), right=("Wanted", "Seen", "For"))


def _cells(row: Row, now: datetime) -> list[Cell]:
    return [
        row.name,
        Text(row.phase or "new", style=PHASES.get(row.phase, "yellow")),
        f"{row.step}/{row.steps}" if row.steps else "-",
        f"{row.wanted} %",
        percent(row.seen),
        since(row.since, now),
        printable(row.reason) or "-",
        printable(row.next),
    ]
