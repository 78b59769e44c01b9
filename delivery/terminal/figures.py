"""Numbers and times as few characters: the same ones in every view, and none that needs a colour to be read."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

BAR = 24
SPARKS = "▁▂▃▄▅▆▇█"
UNITS = {"request-success-rate": " %", "request-duration": " ms", "request-reachability": " %"}
"""Of the builtin metrics; what a query answers has the unit that its author chose."""


def bar(share: float, *, width: int = BAR) -> str:
    """A share in percent as a bar; a share above 0 is never invisible, one below 100 never full."""
    filled = round(share * width / 100)
    if 0 < share < 100:
        filled = min(max(filled, 1), width - 1)
    return "█" * filled + "·" * (width - filled)


def percent(value: float | None) -> str:
    """A share for people; "-" if there is none."""
    return "-" if value is None else f"{value:.0f} %" if value == round(value) else f"{value:.1f} %"


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def sparkline(values: Sequence[float]) -> str:
    """Values as a line of eight heights, from the least to the greatest of them; in the middle if all are the same."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return SPARKS[3] * len(values)
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in values)


def number(value: float | None, unit: str = "") -> str:
    """A measured value in four digits at most after its first; "-" if there is none."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text}{unit}"


def lasting(seconds: float) -> str:
    """A length of time in its two greatest units: 45s, 3m12s, 2h5m, 3d4h. What is over is 0s."""
    whole = max(0, round(seconds))
    for unit, size, lesser, lesser_size in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // lesser_size
            return f"{whole // size}{unit}{f'{rest}{lesser}' if rest else ''}"
    return f"{whole}s"


def since(moment: datetime | None, now: datetime) -> str:
    """How long ago; "-" if nobody knows."""
    return "-" if moment is None else lasting((now - moment).total_seconds())


def stamp(moment: datetime) -> str:
    """A moment as people write it, to the second, UTC."""
    return f"{moment:%H:%M:%S}"


def moment(at: datetime, now: datetime) -> str:
    """A moment as people write it, to the second, UTC; of another day with its date, to the minute."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    return stamp(at) if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


def step_of(text: str) -> tuple[int, int]:
    """The step and the number of steps in a status' words ("2/4", "2/4 (1/5)"); zeros where there is none."""
    found = re.match(r"(\d+)/(\d+)", text)
    return (int(found[1]), int(found[2])) if found is not None else (0, 0)


def printable(text: str) -> str:
    """The text in one line without what a terminal would take for a command: it comes from many writers."""
    return "".join(each if each.isprintable() else " " for each in text)
