"""What holds a Canary and what people said, as sentences that are the same in every view."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from delivery.terminal.approvals import NOT_REACHED, PASSED, WAITING
from delivery.terminal.figures import lasting, moment, since
from delivery.terminal.hours import WINDOW
from delivery.terminal.people import shown
from delivery.terminal.screen import ApprovalLine, CommandLine, FreezeLine, GateLine, WindowLine
from strategies.awaited import NAMED
from strategies.gates import GateKind, Word

FREEZE = "freeze"
"""The name of this gate in `status.waiting`."""


class Held(Protocol):
    """A view that tells what holds a Canary."""

    @property
    def gates(self) -> tuple[GateLine, ...]: ...
    @property
    def approvals(self) -> tuple[ApprovalLine, ...]: ...
    @property
    def freezes(self) -> tuple[FreezeLine, ...]: ...
    @property
    def window(self) -> WindowLine | None: ...


def due(at: datetime, now: datetime) -> str:
    """A time to come, and how long that is."""
    return f"{moment(at, now)} UTC (in {lasting((at - now).total_seconds())})"


def of_command(command: CommandLine, now: datetime) -> str:
    """Which it was, by whom, and what became of it."""
    why = f" ({command.reason})" if command.reason else ""
    ago = f", {since(command.at, now)} ago" if command.at is not None else ""
    head = f"{command.verb or 'unreadable'} by {shown(command.by, claimed=command.claimed)}{why}{ago}: {command.state}"
    return f"{head}: {command.message}" if command.message else head


def of_freeze(freeze: FreezeLine, now: datetime) -> str:
    """Until when, by whom, why, and where it stands."""
    whose = "all Canaries" if freeze.everywhere else f"the Canaries of {freeze.namespace}"
    who = shown(freeze.by, claimed=freeze.claimed)
    return f"until {due(freeze.until, now)} by {who}: {freeze.reason} ({freeze.name} in {freeze.namespace}: {whose})"


def of_window(window: WindowLine, now: datetime) -> str:
    """Why it is closed, when it opens, and what that means."""
    opens = "it never opens; mend spec.rolloutWindows"
    if window.until is not None:
        opens = f"opens {'' if window.certain else 'not before '}{due(window.until, now)}"
    return f"closed {_closed_by(window)}; {opens}; {window.effect}"


def of_approval(gate: ApprovalLine, now: datetime) -> str:
    """Who said what, or how long somebody is waited for and what comes then."""
    if gate.state == WAITING:
        return f"{_limit(gate, now)}; {gate.message}"
    if gate.state == Word.OVERDUE:
        return f"nobody came within {lasting(gate.timeout_seconds or 0)}, and it goes on waiting; {gate.message}"
    if gate.state == NOT_REACHED:
        limit = gate.timeout_seconds
        return (
            f"will wait for somebody, {f'{lasting(limit)} at most; then {then(gate)}' if limit else 'without a limit'}"
        )
    if gate.state == PASSED:
        return "the run is past it"
    return _said(gate, now)


def state_of(gate: ApprovalLine, now: datetime) -> str:
    """How it stands, in two words."""
    if gate.state in (WAITING, Word.OVERDUE):
        return f"{gate.state} {since(gate.since, now)}"
    return gate.state.replace("-", " ")


def then(gate: ApprovalLine) -> str:
    """What becomes of it when nobody comes in time."""
    back = "the revision is not released" if gate.before == GateKind.ROLLOUT else "the run is rolled back"
    words = {"proceed": "it goes on without", "rollback": back}.get(gate.on_timeout, "it goes on waiting")
    return f"{words} (onTimeout: {gate.on_timeout})"


def _said(gate: ApprovalLine, now: datetime) -> str:
    ago = f"{since(gate.at, now)} ago" if gate.at is not None else ""
    if gate.by:
        who = f"by {shown(gate.by, claimed=gate.claimed)}"
    else:
        who = "" if gate.state in (Word.APPROVED, Word.DENIED) else "nobody came in time"
    head = " ".join((*((f"step {gate.step}",) if gate.step is not None else ()), *((who,) if who else ())))
    words = ", ".join(each for each in (head, ago, f"run {gate.run}" if gate.run else "") if each)
    return f"{words}: {gate.reason}" if gate.reason else words


def _limit(gate: ApprovalLine, now: datetime) -> str:
    if gate.timeout_at is None:
        return "without a time limit"
    return f"until {due(gate.timeout_at, now)}; then {then(gate)}"


def _closed_by(window: WindowLine) -> str:
    rules = " and ".join(f'"{each.cron}" ({lasting(each.seconds)})' for each in window.closed_by)
    if any(each.denies for each in window.closed_by):
        return f"by deny {rules}, {window.time_zone}"
    return f"outside of allow {rules}, {window.time_zone}"


def frozen_by(held: Held, now: datetime) -> Iterator[str]:
    """A sentence for each Freeze."""
    return (f"frozen {of_freeze(each, now)}" for each in held.freezes)


def stopped_by(held: Held, now: datetime) -> Iterator[str]:
    """A sentence for everything else that holds a Canary, or would hold its next run."""
    told = {NAMED + each.name for each in held.approvals}
    if held.window is not None and not held.window.open:
        told.add(WINDOW)
        yield f"rollout window {of_window(held.window, now)}"
    if held.freezes:
        told.add(FREEZE)
    for gate in held.approvals:
        if gate.state in (WAITING, Word.OVERDUE):
            yield f"gate {gate.name} before {gate.before}, {state_of(gate, now)}: {of_approval(gate, now)}"
    for each in held.gates:
        if each.name not in told:
            yield f"{each.name} before {each.before}, closed {since(each.since, now)}: {each.message or 'it is asked'}"
