"""What an Approval is answered: it did something, it came for nothing and why, or it may still do something."""

from dataclasses import dataclass

from strategies.awaited import waiting_for
from strategies.gates import GateKind, GateRecord, Word
from strategies.permits import Approval
from strategies.spec import GateSpec, RolloutSpec
from strategies.status import Phase, Status


@dataclass(frozen=True, slots=True)
class Answer:
    """`accepted`: the run has acted on it."""

    accepted: bool
    message: str


def answer(spec: RolloutSpec, status: Status, said: Approval) -> Answer | None:
    """The answer by a recorded status; None while the gate may still be reached."""
    if (record := _record_of(status, said)) is not None:
        done = {Word.APPROVED: f"gate {said.gate} is open", Word.DENIED: f"{said.gate} was denied: nothing goes out"}
        return Answer(True, done[record.word])
    if (why := _stale(spec, status, said)) is not None:
        return Answer(False, why)
    return None


def _record_of(status: Status, said: Approval) -> GateRecord | None:
    """What is recorded of it. A name can be given again, so what it is about has to be the same."""
    past = ((each, each.of or run.id) for run in status.history for each in run.gates)
    now, _ = waiting_for(status)
    records = (*((each, each.of or now) for each in status.gates), *past)
    wanted = (said.name, said.gate, said.run)
    return next((each for each, of in records if (each.approval, each.gate, of) == wanted), None)


def _stale(spec: RolloutSpec, status: Status, said: Approval) -> str | None:
    run, revision = waiting_for(status)
    if said.run != run:
        return f"it is about {said.run}, {_fate(status, said.run)}; now {run or 'nothing'} waits"
    if said.revision != revision:
        return f"it is about revision {said.revision}; {run} brings {revision}"
    gate = next((each for each in spec.gates if each.name == said.gate), None)
    if gate is None:
        known = ", ".join(each.name for each in spec.gates) or "none"
        return f"spec.analysis.gates has no {said.gate}; there are: {known}"
    if status.run is not None and status.phase not in (Phase.PROGRESSING, Phase.WAITING_PROMOTION):
        return "the promotion has begun; all gates are passed"
    return _passed(status, gate, said, run)


def _passed(status: Status, gate: GateSpec, said: Approval, run: str) -> str | None:
    """Is the gate open already, or behind the run?"""
    if gate.before is GateKind.ROLLOUT and status.run is not None:
        return "the run has begun; a gate before it is passed"
    stepwise = gate.before is GateKind.TRAFFIC_INCREASE
    for each in status.gates:
        same = each.gate == gate.name and each.is_of(run) and each.word.opens
        if same and (not stepwise or each.step is None or each.step == said.step):
            who = f" by {each.by}" if each.by else ""
            return f"gate {gate.name} is open already{who}; `delivery abort` ends the run"
    if stepwise and said.step is not None and status.run is not None and said.step <= status.run.step + 1:
        return f"step {said.step} has been taken already"
    return None


def _fate(status: Status, run: str) -> str:
    past = next((each for each in status.history if each.id == run), None)
    return f"which has ended ({past.result.value})" if past is not None else "which waits no more"
