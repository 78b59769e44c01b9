"""The gates that people open: each one of the spec, how it stands, and who has said what."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from delivery.cluster.objects import Object
from delivery.terminal.people import named
from delivery.terminal.screen import ApprovalLine, GateLine
from strategies.awaited import NAMED, is_named, waiting_for
from strategies.gates import GateKind, GateRecord, Word
from strategies.status import Phase, Status, Waiting

NOT_REACHED, WAITING, PASSED = "not-reached", "waiting", "passed"
_JUDGED = (Phase.PROGRESSING, Phase.WAITING_PROMOTION)


def approvals(canary: Object, status: Status, closed: tuple[GateLine, ...], now: datetime) -> tuple[ApprovalLine, ...]:
    """A line for each gate of the spec; `closed` are the closed gates with what opens them."""
    said = {each.name: each.message for each in closed}
    words = {each.gate: each for each in _records(status)}
    return tuple(_line(canary, _bare(gate, status), status, words, said, now) for gate in _gates(canary))


def _gates(canary: Object) -> Iterator[Mapping[str, Any]]:
    analysis: Any = (canary.get("spec") or {}).get("analysis") or {}
    for each in analysis.get("gates") or ():
        if isinstance(each, Mapping) and isinstance(each.get("name"), str):
            yield each


def _records(status: Status) -> tuple[GateRecord, ...]:
    """What was said of the run, of the revision that waits for one, or where there is neither, of the last one."""
    if status.run is not None:
        return status.gates
    waits, _ = waiting_for(status)
    if waits:
        return tuple(each for each in status.gates if each.is_of(waits))
    return status.gates or (status.history[-1].gates if status.history else ())


def _bare(gate: Mapping[str, Any], status: Status) -> ApprovalLine:
    """The gate as its settings are, before anybody has said anything."""
    before, limit = str(gate.get("before") or ""), gate.get("timeoutSeconds")
    begun = status.run is not None and (before == GateKind.ROLLOUT or status.phase not in _JUDGED)
    return ApprovalLine(
        name=gate["name"],
        before=before,
        state=PASSED if begun else NOT_REACHED,
        timeout_seconds=float(limit) if isinstance(limit, int | float) else None,
        on_timeout=str(gate.get("onTimeout") or "hold"),
    )


def _line(
    canary: Object,
    bare: ApprovalLine,
    status: Status,
    words: Mapping[str, GateRecord],
    said: Mapping[str, str],
    now: datetime,
) -> ApprovalLine:
    waiting, record = status.waiting, words.get(bare.name)
    if waiting is not None and _waits(waiting, bare, record):
        limit = bare.timeout_seconds
        ends = None if limit is None else waiting.since + timedelta(seconds=limit)
        state = Word.OVERDUE.value if ends is not None and ends <= now else WAITING
        message = said.get(NAMED + bare.name) or _command(canary, bare.name)
        return replace(bare, state=state, since=waiting.since, timeout_at=ends, message=message)
    if record is None or record.word is Word.OVERDUE:
        return bare
    who, mine = named(record.by), status.run is not None or waiting is not None
    return replace(
        bare,
        state=record.word.value,
        by=who.name,
        claimed=who.claimed,
        reason=record.reason,
        at=record.at,
        step=record.step,
        run="" if mine else record.of or (status.history[-1].id if status.history else ""),
    )


def _waits(waiting: Waiting, bare: ApprovalLine, record: GateRecord | None) -> bool:
    """Is it closed? Of many closed gates the status names some and counts the others."""
    if NAMED + bare.name in waiting.gates:
        return True
    opened = bare.state == PASSED or (record is not None and record.word.opens)
    return not opened and is_named(waiting, bare.name)


def _command(canary: Object, gate: str) -> str:
    """What opens it, where the status had no room for that."""
    meta = canary["metadata"]
    place = meta.get("namespace", "")
    return f"kubectl delivery approve {meta['name']} -n {place} --gate {gate} --reason TEXT (or deny)"
