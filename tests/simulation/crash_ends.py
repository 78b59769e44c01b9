"""How a story ends, as values: two tellings of it are the same when these are equal."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import EVENTS, SECRETS, Object
from strategies.status import Past
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
    results: tuple[tuple[str, str, str, int], ...]
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
        )


def _is_reverted(sim: Simulation) -> bool:
    """Has a Canary gone that was to leave nothing behind?"""
    return sim.store.peek(CANARY) is None and bool(sim.canary.get("spec", {}).get("revertOnDeletion"))


def _template(workload: Object) -> Any:
    spec = workload.get("spec") or {}
    return spec.get("template", spec.get("selector"))


def _result(past: Past) -> tuple[str, str, str, int]:
    return (past.revision, past.result.value, past.reason, past.weight)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A story as it goes when nothing goes wrong: its calls, its end, and what people were told, how often."""

    calls: tuple[tuple[int, str], ...]
    end: End
    told: Counter[tuple[str, str]]


def told(sim: Simulation) -> Counter[tuple[str, str]]:
    """What people were told by Events, and how often."""
    return Counter((event["reason"], event["message"]) for event in sim.store.scan(EVENTS, bookinfo.NAMESPACE))
