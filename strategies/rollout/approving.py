"""Gates that people open: who has said what, what becomes of a gate to which nobody came, and what is remembered.

A word is recorded in the status in the same write as its effect. From then on the object that it came in may go.
"""

from collections.abc import Iterable

from strategies.awaited import NAMED, is_named
from strategies.gates import Closed, GateKind, GateRecord, Point, Word, ticket
from strategies.permits import Approval
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.spec import GateSpec, Policy

_LONGEST = 80


def approvals(turn: Turn, point: Point) -> Iterable[Closed]:
    """The gates of this point that nobody has opened yet."""
    for gate in turn.spec.gates:
        if gate.before in point.kinds and (closed := _closed(turn, point, gate)) is not None:
            yield closed


def denied(turn: Turn) -> Problem | None:
    """Has somebody refused the open run at one of its gates, be it reached or not? Then that is why it ends."""
    for gate in turn.spec.gates:
        said = [each for each in _about(turn, gate, turn.run.id, turn.run.revision) if not each.approves]
        said = [each for each in said if not _is_open(turn, gate, step=each.step)]
        if said and gate.before is not GateKind.ROLLOUT:
            return _deny(turn, gate, said[-1], of=turn.run.id)
    return None


def expired(turn: Turn) -> Problem | None:
    """Has nobody come in time to a gate that ends the run then? That holds while the run is paused, too."""
    waiting = turn.status.waiting
    if waiting is None or turn.status.run is None or waiting.of != turn.run.id:
        return None
    for gate in (each for each in turn.spec.gates if is_named(waiting, each.name)):
        limit = gate.timeout_seconds
        known = _is_open(turn, gate, step=waiting.step + 1) or _about(turn, gate, turn.run.id, turn.run.revision)
        if gate.on_timeout is Policy.ROLLBACK and limit and not known and turn.reached(waiting.since, limit):
            return _expire(turn, gate, of=turn.run.id, limit=limit)
    return None


def _closed(turn: Turn, point: Point, gate: GateSpec) -> Closed | None:
    """Why a gate of a point that a run has come to is not open, if so."""
    of, step = ticket(point), point.step + 1
    if _is_open(turn, gate, step=step, of=of):
        return None
    revision = turn.run.revision if turn.status.run is not None else point.of
    said = [each for each in _about(turn, gate, of, revision) if each.step in (None, step) or not each.approves]
    if no := [each for each in said if not each.approves]:
        problem = _deny(turn, gate, no[-1], of=of)
        return Closed(name=NAMED + gate.name, message=problem.message, ends_run=True, reason=problem.reason)
    if said:
        _approve(turn, gate, said[-1], of=of)
        return None
    limit = gate.timeout_seconds
    if limit is not None and turn.reached(point.since, limit):
        return _nobody_came(turn, point, gate, limit)
    return Closed(name=NAMED + gate.name, message=_command(turn, gate))


def _nobody_came(turn: Turn, point: Point, gate: GateSpec, limit: float) -> Closed | None:
    """The time is over; on the wall, whatever else held the run meanwhile."""
    of, words = ticket(point), f"nobody came within {limit:.0f} s"
    if gate.on_timeout is Policy.PROCEED:
        _note(turn, GateRecord(gate=gate.name, of=of, word=Word.PROCEEDED, at=turn.now, step=_step(gate, point)))
        turn.tell("GateOpened", f"{gate.name}: {words}; the run goes on without, as onTimeout says", warning=True)
        return None
    if gate.on_timeout is Policy.ROLLBACK:
        problem = _expire(turn, gate, of=of, limit=limit)
        return Closed(name=NAMED + gate.name, message=problem.message, ends_run=True, reason=problem.reason)
    step = _step(gate, point)
    record = GateRecord(gate=gate.name, of=of, word=Word.OVERDUE, at=turn.now, step=step)
    known = [each for each in turn.status.gates if each.gate == gate.name and each.is_of(of)]
    if not any((each.word, each.step) == (Word.OVERDUE, step) for each in known):
        _note(turn, record)
        turn.tell("GateTimedOut", f"{gate.name}: {words}; it goes on waiting. {_command(turn, gate)}", warning=True)
    return Closed(name=NAMED + gate.name, message=f"{words}. {_command(turn, gate)}")


def _step(gate: GateSpec, point: Point) -> int | None:
    return point.step + 1 if gate.before is GateKind.TRAFFIC_INCREASE else None


def _command(turn: Turn, gate: GateSpec) -> str:
    spec = turn.spec
    return f"kubectl delivery approve {spec.name} -n {spec.namespace} --gate {gate.name} --reason TEXT (or deny)"


def _about(turn: Turn, gate: GateSpec, of: str, revision: str) -> list[Approval]:
    """What people say of a gate of this run, or of a revision that waits for its run."""
    wanted = (gate.name, of, revision)
    return [each for each in turn.seen.approvals if (each.gate, each.run, each.revision) == wanted]


def _is_open(turn: Turn, gate: GateSpec, *, step: int | None, of: str | None = None) -> bool:
    """Is it recorded that the gate is open, for this step or for all?"""
    of = turn.run.id if of is None else of
    found = (each for each in turn.status.gates if each.gate == gate.name and each.is_of(of) and each.word.opens)
    stepwise = gate.before is GateKind.TRAFFIC_INCREASE
    return any(not stepwise or each.step is None or each.step == step for each in found)


def _approve(turn: Turn, gate: GateSpec, said: Approval, *, of: str) -> None:
    _note(turn, _record(turn, gate, said, of=of, word=Word.APPROVED))
    turn.tell("GateOpened", f"{gate.name}: approved by {said.by}: {said.reason}")


def _deny(turn: Turn, gate: GateSpec, said: Approval, *, of: str) -> Problem:
    _note(turn, _record(turn, gate, said, of=of, word=Word.DENIED))
    return Problem(reason="GateDenied", message=f"{gate.name} was denied by {said.by}: {said.reason}")


def _expire(turn: Turn, gate: GateSpec, *, of: str, limit: float) -> Problem:
    _note(turn, GateRecord(gate=gate.name, of=of, word=Word.EXPIRED, at=turn.now))
    return Problem(reason="GateTimedOut", message=f"{gate.name}: nobody approved it within {limit:.0f} s")


def _record(turn: Turn, gate: GateSpec, said: Approval, *, of: str, word: Word) -> GateRecord:
    return GateRecord(
        gate=gate.name,
        of=of,
        word=word,
        by=brief(said.by, _LONGEST),
        reason=brief(said.reason, _LONGEST),
        at=turn.now,
        step=said.step if gate.before is GateKind.TRAFFIC_INCREASE else None,
        approval=said.name,
    )


def _note(turn: Turn, record: GateRecord) -> None:
    """Remember it; of a gate that comes again with each step, the last word is enough."""
    kept = tuple(each for each in turn.status.gates if each.gate != record.gate or not each.is_of(record.of))
    turn.set(gates=(*kept, record))
