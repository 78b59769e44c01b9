"""How a story ends, as values: two tellings of it are the same when these are equal."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import APPROVALS, EVENTS, SECRETS, Object
from strategies.status import Past, Status
from tests.simulation import bookinfo, own_routes, wired
from tests.simulation.invariants import APEX, CANARY, size
from tests.simulation.simulation import Simulation


@dataclass(frozen=True, slots=True)
class End:
    """How a story ends: all that has to be the same."""

    phase: str
    reason: str
    promoted: str
    applied: str
    results: tuple[Any, ...]
    failed_checks: int
    weight: int | None
    primary: Any
    primary_replicas: int | None
    target_replicas: int | None
    apex: Any
    route: Any
    copies: tuple[str, ...]
    own_routes: tuple[Any, ...]
    left: tuple[str, ...]
    commands: tuple[Any, ...]
    words: tuple[Any, ...]

    @classmethod
    def of(cls, sim: Simulation) -> "End":
        """How it ended here."""
        status, store = sim.status, sim.store
        refs = (sim.primary, sim.target, APEX, sim.promises.route)
        primary, target, apex, route = (store.peek(ref) or {} for ref in refs)
        return cls(
            phase=status.phase.value,
            reason=status.reason,
            promoted=status.last_promoted_spec,
            applied=status.last_applied_spec,
            results=tuple(map(_result, status.history)),
            failed_checks=status.failed_checks,
            weight=sim.weight,
            primary=_template(primary),
            primary_replicas=size(primary) if primary else None,
            target_replicas=size(target),
            apex=apex["spec"]["selector"],
            route=route.get("spec"),
            copies=(*wired.copies(sim), *wired.copies(sim, SECRETS)),
            own_routes=own_routes.specs(sim),
            left=tuple(sim.theirs.left()) if _is_reverted(sim) else (),
            commands=_commands(status),
            words=tuple(map(_word, store.scan(APPROVALS, bookinfo.NAMESPACE))),
        )


def _commands(status: Status) -> tuple[Any, ...]:
    """The commands that were answered: the last, what became of it, and the earlier ones."""
    last = status.command
    return () if last is None else (last.id, last.accepted, last.message, last.earlier)


def _word(approval: Object) -> tuple[str, str]:
    """Somebody's word, and what it was answered."""
    return approval["metadata"]["name"], (approval.get("status") or {}).get("state", "")


def _is_reverted(sim: Simulation) -> bool:
    """Has a Canary gone that was to leave nothing behind?"""
    return sim.store.peek(CANARY) is None and bool(sim.canary.get("spec", {}).get("revertOnDeletion"))


def _template(workload: Object) -> Any:
    spec = workload.get("spec") or {}
    return spec.get("template", spec.get("selector"))


def _result(past: Past) -> tuple[Any, ...]:
    said = tuple((each.gate, each.word.value, each.by, each.approval) for each in past.gates)
    return (past.revision, past.result.value, past.reason, past.weight, said)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A story as it goes when nothing goes wrong: its calls, its end, and what people were told, how often."""

    calls: tuple[tuple[int, str], ...]
    end: End
    told: Counter[tuple[str, str]]


def told(sim: Simulation) -> Counter[tuple[str, str]]:
    """What people were told by Events, and how often."""
    return Counter((event["reason"], event["message"]) for event in sim.store.scan(EVENTS, bookinfo.NAMESPACE))
