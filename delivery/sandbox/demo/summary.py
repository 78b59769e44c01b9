"""How the demo ended, judged from the cluster's objects: the Canary's history and the primary's image.

The demo claims nothing that it cannot read there; what does not look as the story promises makes it fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from delivery.cluster.objects import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run as the cluster tells it. `seconds` is its duration; `lost` and `bad` are requests during it."""

    version: str
    revision: str
    result: str
    reason: str
    message: str
    seconds: float
    lost: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a run of a story has to end. `primary` is the version that has to serve users afterwards; any `reason` is
    right if none is said.
    """

    version: str
    result: str
    primary: str
    reason: str = ""


def ended(canary: Object, *, version: str, lost: int, bad: int) -> Ended | None:
    """The last run of a Canary, None if there has been none."""
    status: Mapping[str, Any] = canary.get("status") or {}
    if not status.get("history"):
        return None
    past = status["history"][-1]
    seconds = (_time(past["ended"]) - _time(past["started"])).total_seconds()
    return Ended(
        version=version,
        revision=past["revision"],
        result=past["result"],
        reason=past["reason"],
        message=str(status.get("message", "")),
        seconds=seconds,
        lost=lost,
        bad=bad,
    )


def complaints(run: Ended | None, expected: Expected, *, primary: str) -> list[str]:
    """What is not as the story promised; empty if all is. `primary` is the version that the primary runs."""
    if run is None:
        return [f"{expected.version}: the Canary's history has no run"]
    found = []
    if run.result != expected.result:
        found.append(f"{expected.result} was expected, the Canary says {run.result} ({run.message})")
    elif expected.reason not in ("", run.reason):
        found.append(f"it should have ended for {expected.reason}, and ended for {run.reason} ({run.message})")
    if primary != expected.primary:
        found.append(f"the primary should run {expected.primary}, and runs {primary or 'nothing'}")
    if run.lost:
        found.append(f"{run.lost} requests met no ready pod")
    return [f"{expected.version}: {each}" for each in found]


def table(runs: Sequence[Ended]) -> Table:
    """The runs, one a row."""
    out = Table(title="Summary", title_justify="left", title_style="bold")
    for name in ("Version", "Outcome", "Reason", "Took", "Lost", "Errors served"):
        out.add_column(name, overflow="fold", justify="right" if name in ("Took", "Lost", "Errors served") else "left")
    for run in runs:
        style = "green" if run.result == "Promoted" else "red"
        why, took = Text(run.message or run.reason), f"{run.seconds:.0f} s"
        out.add_row(run.version, Text(run.result, style=style), why, took, str(run.lost), str(run.bad))
    return out


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
