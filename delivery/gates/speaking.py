"""From what somebody says in a terminal to the Approval that says it, bound to what waits at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.api.status import load
from delivery.cluster.objects import APPROVALS, CANARIES, Object
from strategies.awaited import NAMED, is_named, waiting_for
from strategies.gates import GateKind
from strategies.status import Status

_LONGEST = 253


class NotWaitingError(Exception):
    """What was said is about nothing that waits. The text says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What somebody says. `run` is the one that they mean ("": the present one); `every`: each increase of the run."""

    gate: str
    approves: bool
    reason: str
    user: str
    run: str = ""
    every: bool = False


def already(canary: Object, saying: Saying) -> str | None:
    """Who has opened the gate before, if it is open for what comes next."""
    status = load(canary.get("status"))
    run, _ = waiting_for(status)
    if not saying.approves:
        return None
    for each in status.gates:
        here = each.gate == saying.gate and each.is_of(run) and each.word.opens
        if here and (each.step is None or not _waits(status, saying.gate)):
            return f"gate {saying.gate} is open already" + (f", approved by {each.by}" if each.by else "")
    return None


def approval(canary: Object, saying: Saying) -> dict[str, Any]:
    """The Approval to create. NotWaitingError when nothing waits for it.

    A refusal need not wait for its gate: whoever knows better may say so while the run is on its way.
    """
    status = load(canary.get("status"))
    run, revision = waiting_for(status)
    known = _gates(canary)
    if saying.gate not in known:
        there = ", ".join(known) or "none"
        raise NotWaitingError(f"the Canary has no gate {saying.gate!r}; spec.analysis.gates has: {there}")
    if not run or (saying.approves and not _waits(status, saying.gate)):
        raise NotWaitingError(f"gate {saying.gate!r} does not wait; {_what_waits(status)}")
    if saying.run and saying.run != run:
        raise NotWaitingError(f"run {saying.run} does not wait; now it is {run} (revision {revision})")
    step = _step(status, known[saying.gate], saying)
    decision = "approve" if saying.approves else "deny"
    spec = {
        "canary": canary["metadata"]["name"], "run": run, "revision": revision, "gate": saying.gate,
        "decision": decision, "reason": saying.reason, "user": saying.user,
    }  # fmt: skip
    return {
        "apiVersion": APPROVALS.api_version,
        "kind": APPROVALS.kind,
        "metadata": _metadata(canary, run, saying.gate, step, decision),
        "spec": spec | ({} if step is None else {"step": step}),
    }


def _metadata(canary: Object, run: str, gate: str, step: int | None, decision: str) -> dict[str, Any]:
    """Said twice, it has the same name; and it goes with its Canary."""
    meta = canary["metadata"]
    end = "-".join((run, gate, *(() if step is None else (str(step),)), decision))
    owner = {"apiVersion": CANARIES.api_version, "kind": CANARIES.kind, "name": meta["name"], "uid": meta["uid"]}
    return {
        "name": f"{meta['name'][: _LONGEST - len(end) - 1]}-{end}",
        "namespace": meta["namespace"],
        "ownerReferences": [owner],
    }


def _gates(canary: Object) -> dict[str, str]:
    """The gates of the Canary, with what they stand before."""
    given = ((canary.get("spec") or {}).get("analysis") or {}).get("gates") or ()
    return {str(each.get("name")): str(each.get("before")) for each in given if isinstance(each, Mapping)}


def _waits(status: Status, gate: str) -> bool:
    return status.waiting is not None and is_named(status.waiting, gate)


def _step(status: Status, before: str, saying: Saying) -> int | None:
    if before != GateKind.TRAFFIC_INCREASE.value or saying.every or status.waiting is None:
        return None
    return status.waiting.step + 1


def _what_waits(status: Status) -> str:
    waiting = status.waiting
    if waiting is None or not waiting.gates:
        return f"nothing waits (phase {status.phase.value or 'none'})"
    names = ", ".join(each.removeprefix(NAMED) for each in waiting.gates)
    return f"closed since {waiting.since:%Y-%m-%d %H:%M} UTC before {waiting.before.value}: {names}"
