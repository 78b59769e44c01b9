"""Past runs: from the Canary's history, and in more words where the cluster still has their Events.

The history is part of the status and lasts; it has the last five runs. Events go after an hour or so, and with them
only the sentences.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from delivery.cluster.objects import Object
from delivery.terminal.figures import lasting, printable, step_of
from delivery.terminal.people import named, shown
from delivery.terminal.styles import RESULTS
from delivery.terminal.view import table
from strategies.gates import GateRecord
from strategies.status import Past, Status

_ENDS = {"Promoted": "Promoted", "RolledBack": "RolledBack", "Cancelled": "Cancelled"}
"""The Event that tells a run's end, by its result."""
OPEN = "Running"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordLine:
    """What became of a gate: approved, denied, proceeded, overdue or expired; by whom and why, if somebody came."""

    gate: str
    word: str
    by: str = ""
    claimed: bool = False
    reason: str = ""
    at: datetime | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run. `result` is Promoted, RolledBack, Cancelled, Superseded, or Running; `seconds` its length so far.

    `weight` is the percent of requests that the canary had when it ended. `gates` are the words of people, and of the
    time that was over, on its gates.
    """

    id: str
    revision: str
    result: str
    reason: str
    message: str
    started: datetime
    ended: datetime | None
    seconds: float
    weight: int
    step: int = 0
    steps: int = 0
    gates: tuple[WordLine, ...] = ()


def runs(status: Status, events: Iterable[Object], now: datetime) -> tuple[RunLine, ...]:
    """The open run, if there is one, and those before it, newest first."""
    told = tuple(events)
    lines = [_past(each, status, told) for each in status.history]
    if status.run is not None:
        lines.append(_open(status, now))
    return tuple(reversed(lines))


def _past(past: Past, status: Status, events: Iterable[Object]) -> RunLine:
    return RunLine(
        id=past.id,
        revision=past.revision,
        result=past.result.value,
        reason=past.reason,
        message=_sentence(past, status, events),
        started=past.started,
        ended=past.ended,
        seconds=(past.ended - past.started).total_seconds(),
        weight=past.weight,
        gates=tuple(map(_word, past.gates)),
    )


def _word(record: GateRecord) -> WordLine:
    who = named(record.by)
    return WordLine(
        gate=record.gate,
        word=record.word.value,
        by=who.name,
        claimed=who.claimed,
        reason=record.reason,
        at=record.at,
        step=record.step,
    )


def _sentence(past: Past, status: Status, events: Iterable[Object]) -> str:
    """What was told at its end; of the last run the status says it for ever."""
    reason = _ENDS.get(past.result.value)
    for each in events:
        if each.get("reason") == reason and f".{past.id}-" in str(each["metadata"].get("name", "")):
            return str(each.get("message") or "")
    last = status.run is None and bool(status.history) and status.history[-1].id == past.id
    return status.message if last and status.reason == past.reason else ""


def _open(status: Status, now: datetime) -> RunLine:
    run = status.run
    if run is None:
        raise ValueError("no run is open")
    step, steps = step_of(status.step)
    return RunLine(
        id=run.id,
        revision=run.revision,
        result=OPEN,
        reason=status.reason,
        message=status.message,
        started=run.started,
        ended=None,
        seconds=(now - run.started).total_seconds(),
        weight=status.canary_weight,
        step=step,
        steps=steps,
        gates=tuple(map(_word, status.gates)),
    )


def view(found: tuple[RunLine, ...]) -> RenderableType:
    """The runs, one a row."""
    if not found:
        return Text("there has been no run yet")
    heads = ("Started (UTC)", "Took", "Result", "Weight", "Revision", "Why")
    lines = [
        (
            f"{each.started:%Y-%m-%d %H:%M}",
            lasting(each.seconds),
            Text(each.result, style=RESULTS.get(each.result, "yellow")),
            f"{each.weight} %",
            each.revision,
            printable("; ".join((f"{each.reason}: {each.message}" if each.message else each.reason, *_words(each)))),
        )
        for each in found
    ]
    return table(heads, lines, folded=("Why",), cut=("Revision",), right=("Took", "Weight"))


def _words(run: RunLine) -> Iterator[str]:
    for each in run.gates:
        who = f" by {shown(each.by, claimed=each.claimed)}" if each.by else ""
        step = f" (step {each.step})" if each.step is not None else ""
        yield f"gate {each.gate}{step} {each.word}{who}{f': {each.reason}' if each.reason else ''}"
