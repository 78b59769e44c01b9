"""One Canary on a terminal, as a rich renderable: right at 80 columns, better at more, and without colour.

Nothing is told by colour alone. Every text that comes from the cluster is made printable first.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from delivery.terminal.figures import bar, lasting, moment, number, percent, printable, since, sparkline
from delivery.terminal.freezes import CONDITION as FROZEN
from delivery.terminal.screen import CheckLine, ConditionLine, EventLine, Next, RoleLine, Screen, Timer
from delivery.terminal.sentences import due, of_approval, of_command, of_freeze, of_window, state_of
from delivery.terminal.styles import OUTCOMES, PHASES
from strategies.awaited import NAMED

NO_CHECKS = "no window was judged in this run yet"


def screen(shown: Screen) -> RenderableType:
    """Everything that `get` shows."""
    return Group(*_parts(shown))


def _parts(shown: Screen) -> Iterator[RenderableType]:
    yield _headline(shown)
    yield _facts(shown)
    if shown.roles:
        yield from ("", _roles(shown.roles))
    if shown.checks or shown.run:
        yield from ("", _checks(shown.checks))
    if shown.gates or shown.approvals:
        yield from ("", _gates(shown))
    if conditions := [each for each in shown.conditions if not (each.type == FROZEN and shown.freezes)]:
        yield from ("", _conditions(conditions, shown.at))
    if shown.timers:
        yield from ("", _timers(shown.timers, shown.at))
    if shown.events:
        yield from ("", _events(shown.events, shown.at))
    for note in shown.notes:
        yield Text(f"not shown: {printable(note)}", style="yellow")


Cell = str | Text


def table(
    heads: Sequence[str],
    lines: Sequence[Sequence[Cell]],
    *,
    folded: Sequence[str] = (),
    cut: Sequence[str] = (),
    right: Sequence[str] = (),
) -> Table:
    """A table without rules. Where there is no room the columns in `cut` end in an ellipsis, those in `folded` go on in
    the next line, and all others keep their width.
    """
    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=False)
    for index, name in enumerate(heads):
        gives = name in folded or name in cut
        out.add_column(
            name,
            no_wrap=not gives,  # rich takes room from the others first
            overflow="fold",
            justify="right" if name in right else "left",
            min_width=LEAST if gives else max(map(_width, (name, *(line[index] for line in lines)))),
        )
    for line in lines:
        out.add_row(*(_cut(cell) if name in cut else cell for name, cell in zip(heads, line, strict=True)))
    return out


LEAST = 6
"""Columns that a column keeps of its text at least."""


def _cut(cell: Cell) -> Text:
    text = cell.copy() if isinstance(cell, Text) else Text(cell)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _width(cell: Cell) -> int:
    return cell.cell_len if isinstance(cell, Text) else cell_len(cell)


def upcoming(coming: Next, now: datetime) -> str:
    """What comes next, and when at the earliest."""
    if coming.at is None:
        return coming.action
    if coming.at <= now:
        return f"{coming.action}; it is due"
    return f"{coming.action}, not before {due(coming.at, now)}"


def _headline(shown: Screen) -> Text:
    line = Text.assemble(
        ("Canary ", "dim"),
        (f"{shown.namespace}/{shown.name}", "bold"),
        "  ",
        (shown.phase or "new", PHASES.get(shown.phase, "bold yellow")),
    )
    if shown.run:
        line.append(f"  step {shown.step} of {shown.steps}")
    if shown.since is not None:
        line.append(f"  for {since(shown.since, shown.at)}", style="dim")
    return line


def _facts(shown: Screen) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("Why", printable(f"{shown.reason or '-'}: {shown.message}" if shown.message else shown.reason or "-"))
    grid.add_row("Next", Text(upcoming(shown.next, shown.at), style="bold"))
    grid.add_row("Traffic", _traffic(shown))
    tried = f"{shown.revision or '-'}" + (f", promoted {shown.promoted}" if shown.promoted else "")
    grid.add_row("Revision", tried)
    if shown.run:
        grid.add_row("Failed", f"{shown.failed} of {shown.threshold} checks")
    for name, text in _of_people(shown):
        grid.add_row(name, printable(text))
    return grid


def _of_people(shown: Screen) -> Iterator[tuple[str, str]]:
    """What people have said of it, and what the clock says; a window that is open is no news."""
    if shown.command is not None:
        yield "Command", of_command(shown.command, shown.at)
    for each in shown.freezes:
        yield "Frozen", of_freeze(each, shown.at)
    if shown.window is not None and not shown.window.open:
        yield "Window", of_window(shown.window, shown.at)


def _traffic(shown: Screen) -> Text:
    copies = f", copies of {shown.mirror} %" if shown.mirror else ""
    text = f"wanted {shown.wanted} %{copies}, seen {percent(shown.seen)}  "
    return Text.assemble(text, (bar(shown.wanted), "magenta"))


def _roles(roles: Sequence[RoleLine]) -> RenderableType:
    heads = ("Role", "Workload", "Image", "Ready", "Share", "Requests", "Bad")
    lines = [_role(each) for each in roles]
    found = [Text(printable(f"{each.role}: {one}"), style="red") for each in roles for one in each.troubles]
    return Group(table(heads, lines, cut=("Workload", "Image"), right=("Requests", "Bad")), *found)


def _role(role: RoleLine) -> list[Cell]:
    return [
        role.role,
        printable(role.workload),
        printable(", ".join(map(_short, role.images)) or "-"),
        Text(_pods(role), style="red" if role.troubles else ""),
        f"{role.share} %",
        number(role.requests),
        Text(number(role.bad), style="red" if role.bad else ""),
    ]


def _short(image: str) -> str:
    """An image without its registry, and of a digest the first characters."""
    name, at, digest = image.rpartition("/")[2].partition("@")
    return f"{name}{at}{digest[:19]}"


def _pods(role: RoleLine) -> str:
    if role.ready is None:
        return "-"
    restarts = f" ({role.restarts} restarts)" if role.restarts else ""
    return f"{role.ready}/{'?' if role.wanted is None else role.wanted}{restarts}"


def _checks(checks: Sequence[CheckLine]) -> RenderableType:
    if not checks:
        return Text(NO_CHECKS, style="dim")
    heads = ("Check", "Verdict", "Value", "Limit", "Recent", "Failed")
    lines = [_check(each) for each in checks]
    said = [each for each in checks if each.message and each.outcome != "pass"]
    words = [each.message if each.name in each.message else f"{each.name}: {each.message}" for each in said]
    made = table(heads, lines, cut=("Check", "Limit"), right=("Value", "Failed"))
    return Group(made, *(Text(printable(each)) for each in words))


def _check(check: CheckLine) -> list[Cell]:
    outcome = f"{check.outcome or 'none yet'}{' (dry run)' if check.dry_run else ''}"
    return [
        printable(check.name),
        Text(outcome, style=OUTCOMES.get(check.outcome, "")),
        number(check.value, check.unit),
        printable(check.limit),
        sparkline(check.recent),
        str(check.fails),
    ]


def _gates(shown: Screen) -> Table:
    """All that people open, and whatever else is closed."""
    now, own = shown.at, {f"{NAMED}{each.name}" for each in shown.approvals}
    lines = [
        (printable(NAMED + each.name), printable(each.before), state_of(each, now), printable(of_approval(each, now)))
        for each in shown.approvals
    ]
    lines += [
        (printable(each.name), each.before, f"closed {since(each.since, now)}", printable(each.message) or "-")
        for each in shown.gates
        if each.name not in own
    ]
    return table(("Gate", "Before", "State", "Says"), lines, folded=("Says",), cut=("Gate",))


def _conditions(conditions: Sequence[ConditionLine], now: datetime) -> Table:
    lines = [
        (Text(each.type, style="yellow"), since(each.since, now), each.reason, printable(each.message))
        for each in conditions
    ]
    return table(("Condition", "Since", "Reason", "Says"), lines, folded=("Says",), cut=("Reason",))


def _timers(timers: Sequence[Timer], now: datetime) -> Table:
    lines = [(lasting((each.at - now).total_seconds()), moment(each.at, now), printable(each.what)) for each in timers]
    return table(("In", "At (UTC)", "Timer"), lines, folded=("Timer",))


def _events(events: Sequence[EventLine], now: datetime) -> Table:
    lines = [
        (
            since(each.at, now),
            Text(printable(each.reason), style="red" if each.warning else ""),
            printable(each.message),
        )
        for each in events
    ]
    return table(("Ago", "Event", "Says"), lines, folded=("Says",), cut=("Event",))
