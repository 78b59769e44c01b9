"""Small plots as SVG: lines over time, one scale, a mark where something happened. No scripts and nothing from afar.

Colours are classes, so that the page's style says them for light and for dark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 720, 132
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 20, 22
FAR_ABOVE = 1e4
"""How many times the limit a logarithmic scale reaches at most: evidence grows without end."""


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time; `name` is its style's class and stands in the legend. None is a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One plot. `times` has a moment for each value of each line. `limit` is a value to draw a line at, `mark` a moment
    from which on all is shaded.

    `logarithmic`: values of 0 and below stand at the bottom, and those far above the limit at the top.
    """

    title: str
    unit: str
    times: Sequence[datetime]
    lines: Sequence[Line]
    limit: float | None = None
    mark: datetime | None = None
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float:
        """Where a value stands, in pixels from the top."""
        low, high, value = (_log(each) if self.logarithmic else each for each in (self.low, self.high, value))
        part = (value - low) / (high - low) if high > low else 0.0
        return HEIGHT - BOTTOM - min(1.0, max(0.0, part)) * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        """Values with a line of their own."""
        if self.logarithmic:
            powers = range(ceil(_log(self.low)), floor(_log(self.high)) + 1)
            return [10.0**power for power in powers][:: max(1, len(powers) // 3)]
        return [self.low, (self.low + self.high) / 2, self.high]


def draw(panel: Panel) -> str:
    """The plot as an SVG element."""
    return "".join(_parts(panel))


def _parts(panel: Panel) -> Iterator[str]:
    scale = _scale(panel)
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(panel.title)}">'
    yield f'<text x="{LEFT}" y="13" class="title">{escape(panel.title)}</text>'
    yield from _legend(panel)
    for tick in scale.ticks():
        y = scale.place(tick)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="tick end">{_short(tick)}{escape(panel.unit)}</text>'
    if panel.limit is not None:
        y = scale.place(panel.limit)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="limit"/>'
    if panel.mark is not None:
        x = _x(panel, panel.mark)
        rest, height = WIDTH - RIGHT - x, HEIGHT - TOP - BOTTOM
        yield f'<rect x="{x:.1f}" width="{rest:.1f}" y="{TOP}" height="{height}" class="after"/>'
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
    for line in panel.lines:
        yield from _curve(panel, line, scale)
    yield from _clock(panel)
    yield "</svg>"


def _scale(panel: Panel) -> _Scale:
    every = [each for line in panel.lines for each in line.values if each is not None and isfinite(each)]
    high = max([*every, *([panel.limit] if panel.limit is not None else [])], default=1.0)
    if panel.logarithmic:
        low = min((each for each in every if each > 0), default=1.0)
        if panel.limit is not None:
            high = min(high, panel.limit * FAR_ABOVE)
        return _Scale(10.0 ** floor(_log(min(low, 1.0))), 10.0 ** ceil(_log(max(high, 10.0))), logarithmic=True)
    return _Scale(0.0, _round_up(high), logarithmic=False)


def _round_up(value: float) -> float:
    """The next number of the kind 1, 2, 5, 10, ..."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999999)


def _curve(panel: Panel, line: Line, scale: _Scale) -> Iterator[str]:
    """The line, interrupted where there is no value; a value with gaps on both sides is a dot."""
    pieces: list[list[str]] = [[]]
    for at, value in zip(panel.times, line.values, strict=True):
        if value is None or not isfinite(value):
            pieces.append([])
        else:
            pieces[-1].append(f"{_x(panel, at):.1f},{scale.place(value):.1f}")
    for piece in filter(None, pieces):
        points = " ".join(piece if len(piece) > 1 else piece * 2)
        yield f'<polyline points="{points}" class="line {line.name}"/>'


def _legend(panel: Panel) -> Iterator[str]:
    x = WIDTH - RIGHT
    for line in reversed(panel.lines):
        yield f'<text x="{x}" y="13" class="end key {line.name}">{escape(line.name)}</text>'
        x -= 10 + 7 * len(line.name)


def _clock(panel: Panel) -> Iterator[str]:
    """The times of the first, middle and last value."""
    if not panel.times:
        return
    chosen = dict.fromkeys((0, len(panel.times) // 2, len(panel.times) - 1))
    form = "%m-%d %H:%M" if panel.times[-1].date() != panel.times[0].date() else "%H:%M"
    for number in chosen:
        side = "start" if number == 0 else "end" if number == len(panel.times) - 1 else "middle"
        x = _x(panel, panel.times[number])
        yield f'<text x="{x:.1f}" y="{HEIGHT - 6}" class="tick {side}">{panel.times[number]:{form}}</text>'


def _x(panel: Panel, at: datetime) -> float:
    first, last = panel.times[0], panel.times[-1]
    length = (last - first).total_seconds()
    part = (at - first).total_seconds() / length if length else 0.0
    return LEFT + min(1.0, max(0.0, part)) * (WIDTH - LEFT - RIGHT)


def _log(value: float) -> float:
    return log10(max(value, 1e-9))


def _short(value: float) -> str:
    if value >= 10_000 or 0 < value < 0.001:
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value:,.4g}"
