"""Many Canaries, a line each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from delivery.api.status import UnreadableStatus
from delivery.terminal.commanded import command, is_news
from delivery.terminal.figures import percent, printable, since, step_of
from delivery.terminal.holding import holding
from delivery.terminal.hours import WINDOW
from delivery.terminal.policy import policy_of
from delivery.terminal.screen import ApprovalLine, CommandLine, FreezeLine, GateLine, WindowLine
from delivery.terminal.seen import Seen
from delivery.terminal.sentences import frozen_by, of_command, stopped_by
from delivery.terminal.styles import PHASES
from delivery.terminal.upcoming import next_action
from delivery.terminal.view import Cell, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A Canary in a list; see Screen for what the fields mean. `held` names what holds it now, in few words."""

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
    held: tuple[str, ...] = ()
    command: CommandLine | None = None
    gates: tuple[GateLine, ...] = ()
    approvals: tuple[ApprovalLine, ...] = ()
    freezes: tuple[FreezeLine, ...] = ()
    freezes_known: bool = False
    window: WindowLine | None = None


def rows(found: Iterable[Seen], now: datetime) -> tuple[Row, ...]:
    """A row for each; one whose status cannot be read says so."""
    return tuple(_row(each, now) for each in found)


def _row(seen: Seen, now: datetime) -> Row:
    canary = seen.canary
    meta = canary["metadata"]
    try:
        status = seen.status
    except UnreadableStatus as error:
        seen = replace(seen, canary={**canary, "status": {"reason": "UnreadableStatus", "message": str(error)}})
        status = seen.status
    step, steps = step_of(status.step)
    policy, held = policy_of(canary), holding(seen, status, now)
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
        next=next_action(status, policy, now, held).action,
        held=held.names(spec_paused=policy.paused),
        command=command(seen, status),
        gates=held.gates,
        approvals=held.approvals,
        freezes=held.freezes,
        freezes_known=seen.freezes_known,
        window=held.window,
    )


WIDE = 120
_HEADS = ("Name", "Phase", "Step", "Wanted", "Seen", "For", "Held by", "Reason", "Next")


class Rows:
    """The rows as a table; with `everywhere` each has its namespace. What comes next is shown where there is room.

    What holds them is said below, a Freeze once for all of its Canaries.
    """

    def __init__(self, found: Sequence[Row], now: datetime, *, everywhere: bool, notes: Sequence[str] = ()) -> None:
        self._found, self._now, self._everywhere, self._notes = found, now, everywhere, notes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._found:
            yield Text("there is no Canary here")
            return
        heads = ["Namespace", *_HEADS]
        wide = options.max_width >= WIDE
        left_out = {
            *(() if self._everywhere else ("Namespace",)),
            *(() if wide else ("Next",)),
            *(() if wide and any(each.held for each in self._found) else ("Held by",)),
        }
        kept = [index for index, head in enumerate(heads) if head not in left_out]
        lines = [_cells(each, self._now, wide=wide) for each in self._found]
        cut = ("Namespace", "Name", "Reason", "Held by")
        yield table(
            [heads[each] for each in kept],
            [[line[each] for each in kept] for line in lines],
            cut=cut,
            folded=("Next",),
            right=("Wanted", "Seen", "For"),
        )
        if said := tuple(dict.fromkeys(self._said())):
            yield Text()
            yield from (Text(printable(each)) for each in said)
        for note in self._notes:
            yield Text(f"not shown: {printable(note)}", style="yellow")

    def _said(self) -> Iterator[str]:
        """A line for everything that holds one of them, and for each command of late."""
        for row in self._found:
            yield from frozen_by(row, self._now)
        for row in self._found:
            name = f"{row.namespace}/{row.name}" if self._everywhere else row.name
            yield from (f"{name}: {each}" for each in stopped_by(_stopped(row), self._now))
            given = row.command
            if given is not None and is_news(given, self._now):
                yield f"{name}: command {of_command(given, self._now)}"


def _stopped(row: Row) -> Row:
    """Without a closed window for which nothing waits: many Canaries have one every night."""
    window = row.window
    waited = window is not None and (window.holds or WINDOW in row.held)
    return row if waited else replace(row, window=None)


def _cells(row: Row, now: datetime, *, wide: bool) -> list[Cell]:
    """With little room what holds it takes the place of the reason, which is below or in `get`."""
    held = ", ".join(row.held)
    return [
        row.namespace,
        row.name,
        Text(row.phase or "new", style=PHASES.get(row.phase, "yellow")),
        f"{row.step}/{row.steps}" if row.steps else "-",
        f"{row.wanted} %",
        percent(row.seen),
        since(row.since, now),
        printable(held) or "-",
        printable(held if held and not wide else row.reason) or "-",
        printable(row.next),
    ]
