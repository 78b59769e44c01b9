"""The live screen of the demo: one frame as a rich renderable, right at 80 columns and without colour.

Nothing is told by colour alone: outcomes are words, bars differ by their characters.
"""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from delivery.sandbox.demo.frame import CheckLine, Frame, Told, Version, Wrote
from delivery.terminal.figures import bar, clock, percent
from delivery.terminal.styles import OUTCOMES, PHASES

TOLD, WROTE = 6, 3


class Screen:
    """A frame on a terminal: 24 lines at 80 columns, so that it never scrolls on a small one."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        frame = self._frame
        parts: list[RenderableType] = [
            _headline(frame),
            _traffic(frame),
            Text(),
            _checks(frame.checks),
            Text("; ".join(frame.timers), style="dim"),
            Text("Decided", style="bold"),
            _Tail(_sentences(frame.told), TOLD),
            Text("Written", style="bold"),
            _Tail(_writes(frame.wrote), WROTE),
            _counters(frame),
        ]
        title = Text(frame.act, style="bold")
        yield Panel(Group(*parts), title=title, title_align="left", subtitle=clock(frame.at), subtitle_align="right")


class _Tail:
    """The last lines of something, always as many, so that the screen does not jump."""

    def __init__(self, inner: RenderableType, count: int) -> None:
        self._inner, self._count = inner, count

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._inner, options, pad=False)[-self._count :]
        for line in [*lines, *([] for _ in range(self._count - len(lines)))]:
            yield Segments([*line, Segment.line()])


def _headline(frame: Frame) -> Text:
    line = Text.assemble(
        ("Canary ", "dim"), (frame.canary, "bold"), "  ", (frame.phase or "new", PHASES.get(frame.phase, "bold yellow"))
    )
    if frame.step:
        line.append(f"  step {frame.step}")
    line.append(f"  wanted {frame.wanted} %  routed {percent(frame.routed)}  seen {percent(frame.seen)}")
    return line


def _traffic(frame: Frame) -> Table:
    table = _columns("Version", "Role", "Requests", "Share", "Rate", "Errors")
    for version in frame.versions:
        table.add_row(*_version(version))
    return table


def _version(version: Version) -> list[RenderableType]:
    style = "cyan" if version.role == "primary" else "magenta"
    errors = f"{version.bad:.1f}/s" if version.bad else "none"
    return [
        Text(version.name, style="bold"),
        version.role,
        Text(bar(version.share), style=style),
        percent(round(version.share)),
        f"{version.rate:.0f}/s",
        Text(errors, style="red" if version.bad else ""),
    ]


def _checks(checks: tuple[CheckLine, ...]) -> Table:
    table = _columns("Check", "Last window", "Limit", "Verdict")
    for check in checks:
        table.add_row(check.name, check.value, check.limit, Text(check.outcome, style=OUTCOMES.get(check.outcome, "")))
    if not checks:
        table.add_row(Text("no window was judged in this run yet", style="dim"), "", "", "")
    return table


def _columns(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _sentences(told: tuple[Told, ...]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for one in told[-TOLD:]:
        grid.add_row(clock(one.at), Text(one.reason, style="bold red" if one.warning else "bold"), Text(one.message))
    return grid


def _writes(wrote: tuple[Wrote, ...]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for style in ("dim", "", "dim"):
        grid.add_column(style=style, no_wrap=True)
    for one in wrote[-WROTE:]:
        grid.add_row(clock(one.at), Text(one.object), Text(one.what))
    return grid


def _counters(frame: Frame) -> Text:
    lost = ("0", "green") if not frame.lost else (str(frame.lost), "bold red")
    return Text.assemble("Requests that met no ready pod: ", lost, "   Errors served by versions: ", str(frame.bad))
