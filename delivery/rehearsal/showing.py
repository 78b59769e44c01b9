"""A rehearsal in words: each moment at which something was written, what it was for, and what changed by it."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from delivery.rehearsal.cast import Body
from delivery.rehearsal.play import Act, Write
from strategies.status import Phase, Status

TOGETHER = 1.0
"""Writes of one state within so many seconds are one moment."""
_SERVERS = ("resourceVersion", "uid", "generation", "managedFields", "creationTimestamp")
_NOTES = "progressive.delivery/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Writes that belong together: seconds into the act, what they are for, and each changed object's diff."""

    seconds: float
    title: str
    changes: tuple[tuple[str, str], ...]


def moments(act: Act, *, notes: bool = False) -> list[Moment]:
    """What was written, moment by moment. Our own annotations are left out unless `notes` is set."""
    found: list[tuple[float, str, list[Write]]] = []
    for write in act.writes:
        title = _title(_status_at(act, write.seconds))
        if found and found[-1][1] == title:
            found[-1][2].append(write)
        else:
            found.append((write.seconds, title, [write]))
    made = (Moment(seconds=at, title=title, changes=_changes(writes, notes)) for at, title, writes in found)
    return [each for each in made if each.changes]


def steps(act: Act) -> Iterator[tuple[float, str]]:
    """When the rollout came to where, seconds into the act."""
    last = ""
    for seconds, status in act.states:
        title = _title(status)
        if title != last:
            last = title
            yield seconds, title


def _status_at(act: Act, seconds: float) -> Status:
    """The last status recorded before a write: it stands there before anything is written."""
    return next((status for at, status in reversed(act.states) if at <= seconds), Status())


def _title(status: Status) -> str:
    run = status.run
    if status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION) and run is not None:
        if run.step < 0:
            return "the canary is scaled up"
        copies = f", {run.mirror} % copied" if run.mirror else ""
        return f"step {status.step.partition(' ')[0]}: {status.canary_weight} % to the canary{copies}"
    stage = f", {status.stage.value}" if status.stage.value else ""
    return f"{status.phase.value or 'Initializing'}{stage}"


def _changes(writes: Sequence[Write], notes: bool) -> tuple[tuple[str, str], ...]:
    """Each object that differs in the end, with a diff, in the order in which it was first written."""
    before: dict[str, Body | None] = {}
    after: dict[str, Body | None] = {}
    for write in writes:
        name = f"{write.ref.kind.kind}/{write.ref.name}"
        before.setdefault(name, write.before)
        after[name] = write.after
    pairs = ((name, diff(before[name], after[name], notes=notes)) for name in before)
    return tuple((name, text) for name, text in pairs if text)


def diff(before: Body | None, after: Body | None, *, notes: bool = False) -> str:
    """What changed, as a unified diff of YAML with a little around it; "" if nothing that people wrote or read did."""
    old, new = _text(before, notes), _text(after, notes)
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@")) if lines else ""


def _text(body: Body | None, notes: bool) -> list[str]:
    if body is None:
        return []
    meta = {key: value for key, value in body["metadata"].items() if key not in _SERVERS}
    if not notes:
        annotations = {key: value for key, value in (meta.pop("annotations", None) or {}).items() if _NOTES not in key}
        meta |= {"annotations": annotations} if annotations else {}
    shown: dict[str, Any] = {"apiVersion": body.get("apiVersion"), "kind": body.get("kind"), "metadata": meta}
    shown |= {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return str(yaml.safe_dump(shown, sort_keys=False, default_flow_style=False, width=1000)).splitlines()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds; days in front where there are any."""
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    text = f"{rest // 3600:d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}d {text}" if days else text
