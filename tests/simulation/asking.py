"""People who are asked before a version goes further, and who freeze everything: what they do, for any story."""

from datetime import timedelta
from typing import Any

from delivery.cluster.objects import APPROVALS, FREEZES, Object, Ref
from strategies.rollout.answering import waiting_for
from tests.simulation import bookinfo
from tests.simulation.simulation import Simulation

SIGN_OFF = {"name": "sign-off", "before": "promotion", "approval": {}}


def approval(name: str, **spec: Any) -> dict[str, Any]:
    """Somebody's word."""
    meta = {"name": name, "namespace": bookinfo.NAMESPACE}
    given = {
        "canary": bookinfo.NAME,
        "gate": "sign-off",
        "decision": "approve",
        "reason": "fine",
        "user": "jane",
        **spec,
    }
    return {"apiVersion": APPROVALS.api_version, "kind": APPROVALS.kind, "metadata": meta, "spec": given}


def say(sim: Simulation, name: str = "word", **spec: Any) -> None:
    """Somebody says it of what waits now."""
    run, revision = waiting_for(sim.status)
    sim.apply(APPROVALS, approval(name, **{"run": run, "revision": revision, **spec}))


def answer(sim: Simulation, name: str = "word") -> Object:
    """What they were answered."""
    body = sim.store.peek(Ref(APPROVALS, bookinfo.NAMESPACE, name)) or {}
    return dict(body.get("status") or {})


def freeze(sim: Simulation, seconds: float, *, name: str = "freeze", namespace: str = bookinfo.NAMESPACE) -> None:
    """Somebody freezes the rollouts of a namespace; in the controller's own, those of all."""
    meta = {"name": name, "namespace": namespace}
    until = (sim.clock.now() + timedelta(seconds=seconds)).isoformat()
    spec = {"until": until, "reason": "the big day", "user": "jane"}
    body = {"apiVersion": FREEZES.api_version, "kind": FREEZES.kind, "metadata": meta, "spec": spec}
    sim.store.create(FREEZES, body, namespace=namespace, manager="kubectl")


def waits(sim: Simulation) -> bool:
    """Does anything wait at a closed gate?"""
    return sim.status.waiting is not None and bool(sim.status.waiting.gates)


def at_gate(sim: Simulation, **gate: Any) -> None:
    """A new version that has come to a gate at which somebody is waited for."""
    sim.set_up(gates=[{**SIGN_OFF, **gate}])
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.release("v2")
    sim.until(lambda: waits(sim), seconds=300, what="a closed gate")
