"""The last decision about a Canary in plain words: what was decided, on which numbers, what would have changed it, and
what is waited for now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from delivery.terminal.advice import Place, advice, filled
from delivery.terminal.commanded import ACCEPTED, UNANSWERED, is_news
from delivery.terminal.figures import lasting, printable, stamp
from delivery.terminal.hours import WINDOW
from delivery.terminal.look import look
from delivery.terminal.runs import OPEN, RunLine, runs
from delivery.terminal.screen import CommandLine, Screen
from delivery.terminal.seen import Seen
from delivery.terminal.sentences import FREEZE, frozen_by, of_approval, of_command, state_of, stopped_by
from delivery.terminal.view import upcoming
from metrics.verdict import Outcome
from strategies.commands import Verb
from strategies.status import Check, Status

GATE_CLOSED = "GateClosed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Sentences. `stands` is where the Canary stands; `decided` what was decided last and why; `evidence` the numbers;
    `changed_by` what would have changed it; `waits` what is waited for now, `since` when; `to_do` what a person can do.
    `held_by` is what holds it, or its next run, besides checks and pods; `said` what people have said of its gates;
    `command` their last command, "" without. `notes` say what could not be read.
    """

    at: datetime
    namespace: str
    name: str
    stands: str
    decided: str
    evidence: tuple[str, ...]
    changed_by: tuple[str, ...]
    waits: str
    since: datetime | None
    to_do: tuple[str, ...]
    held_by: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    command: str = ""
    notes: tuple[str, ...] = ()


def why(seen: Seen, now: datetime) -> Why:
    """The explanation of the present moment. Raises UnreadableStatus for a status that no program of ours wrote."""
    shown, status = look(seen, now), seen.status
    past = runs(status, seen.events, now)
    return Why(
        at=now,
        namespace=shown.namespace,
        name=shown.name,
        stands=_stands(shown),
        decided=_decided(shown, past[0] if past else None),
        evidence=tuple(_evidence(status)),
        changed_by=tuple(_changed_by(status, shown)),
        waits=upcoming(shown.next, now),
        since=_since(status),
        to_do=tuple(dict.fromkeys(_to_do(shown, Place.of(seen.canary)))),
        held_by=(*frozen_by(shown, now), *stopped_by(shown, now)),
        said=tuple(_said(shown)),
        command=of_command(shown.command, now) if shown.command is not None else "",
        notes=shown.notes,
    )


def _since(status: Status) -> datetime | None:
    """When the gate, the step or the phase began that is waited in."""
    if status.waiting is not None and status.waiting.gates:
        return status.waiting.since
    step = status.run.step_since if status.run is not None else None
    return step or status.last_transition_time


def _stands(shown: Screen) -> str:
    phase = shown.phase or "New"
    where = f", step {shown.step} of {shown.steps}" if shown.run else ""
    seen = f" ({shown.seen:.1f} % seen)" if shown.seen is not None and shown.run else ""
    return f"{phase}{where}: {shown.wanted} % of requests go to the canary{seen}"


def _decided(shown: Screen, last: RunLine | None) -> str:
    """The open run's last word, or how the last one ended."""
    words = f"{shown.reason}: {shown.message}" if shown.message else shown.reason or "nothing yet"
    if last is None or last.result == OPEN:
        return words
    text = f"the last run, of {last.revision}, ended {last.result} at {last.weight} % after {lasting(last.seconds)}"
    reason = f"{last.reason}: {last.message}" if last.message else last.reason
    return f"{text}: {reason}" if shown.reason in ("", last.reason) else f"{text}: {reason}; now {words}"


def _evidence(status: Status) -> Iterator[str]:
    for each in status.checks:
        if each.window:
            yield f"{each.name}: {_verdict(each)}"


def _verdict(check: Check) -> str:
    """A verdict with its numbers, each said once."""
    parts = [f"{check.outcome.value} in window {check.window}"]
    if check.value is not None:
        parts.append(f"{check.value:.6g}" + (f", allowed {check.limit}" if check.limit else ""))
    if check.evidence is not None and check.evidence.canary_requests > 0:
        sentence = check.evidence.sentence
        if sentence not in check.message:
            parts.append(sentence)
    if check.message:
        parts.append(check.message)
    if check.dry_run:
        parts.append("a dry run, which decides nothing")
    return "; ".join(parts)


def _changed_by(status: Status, shown: Screen) -> Iterator[str]:
    for each in status.checks:
        numbers = each.evidence
        if numbers is None or not each.window:
            continue
        if numbers.changed_by:
            yield f"{each.name}: {numbers.changed_by}"
        elif each.outcome is Outcome.INCONCLUSIVE and numbers.missing:
            yield f"{each.name}: about {numbers.missing:,.0f} more requests to the canary would tell"
    if shown.run and 0 < shown.failed < shown.threshold:
        left = shown.threshold - shown.failed
        yield f"{left} more failed {'check' if left == 1 else 'checks'} would roll it back"


def _said(shown: Screen) -> Iterator[str]:
    """What became of the gates that people open, where somebody has said something or came too late."""
    for gate in shown.approvals:
        if gate.at is not None or gate.by:
            yield f"gate {gate.name} before {gate.before}: {state_of(gate, shown.at)}: {of_approval(gate, shown.at)}"


def _to_do(shown: Screen, place: Place) -> Iterator[str]:
    told = ((shown.reason, shown.message), *((each.reason, each.message) for each in shown.conditions))
    for reason, message in told:
        if reason == GATE_CLOSED and not _opened_by_people(shown):
            continue
        if text := advice(reason, message, place):
            yield f"{reason}: {text}"
    for gate in shown.gates:
        if gate.message:
            yield f"{gate.name}: {gate.message}"
    if shown.command is not None and shown.command.state != ACCEPTED and is_news(shown.command, shown.at):
        yield f"command {shown.command.verb or 'unreadable'}: {_of_command(shown.command, place)}"


def _opened_by_people(shown: Screen) -> bool:
    """Is there a closed gate that does not open by the clock? Those that do say so themselves."""
    return any(each.name not in (FREEZE, WINDOW) for each in shown.gates)


def _of_command(command: CommandLine, place: Place) -> str:
    """What to do about a command that was refused, or not read yet."""
    if command.state == UNANSWERED:
        return "see whether the controller is running; it stays until it is read"
    verb = command.verb if command.verb.partition(" ")[0] in tuple(Verb) else "VERB"
    return filled(f"when what its answer says is mended, give it again: `kubectl delivery {verb} {{it}}`", place)


def view(told: Why) -> RenderableType:
    """As paragraphs; a line's words are folded, never cut."""
    return Group(*_lines(told))


def _lines(told: Why) -> Iterator[RenderableType]:
    since = f" (since {stamp(told.since)} UTC, {lasting((told.at - told.since).total_seconds())})" if told.since else ""
    yield Text.assemble((f"{told.namespace}/{told.name}", "bold"), f"  {printable(told.stands)}")
    yield from _section("Decided", (told.decided,))
    yield from _section("Numbers", told.evidence)
    yield from _section("What would change it", told.changed_by)
    yield from _section("Waits for", (f"{told.waits}{since}",))
    yield from _section("Held by", told.held_by)
    yield from _section("People said", told.said)
    yield from _section("Last command", (told.command,) if told.command else ())
    yield from _section("What you can do", told.to_do)
    yield from _section("Not shown", told.notes)


def _section(title: str, lines: tuple[str, ...]) -> Iterator[RenderableType]:
    if lines:
        yield Text(title, style="bold")
        for line in lines:
            yield Padding(Text(printable(line)), (0, 0, 0, 2))
