"""Somebody else who rolls `reviews` out, as the objects and the writes that they make: played step by step."""

from typing import Any, ClassVar

from delivery.cluster.memory import Request
from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    EVENTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Ref,
)
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.adopting import leftover
from tests.simulation.invariants import APEX, PRIMARY, ROUTE, TARGET
from tests.simulation.scenes import asked, foreign
from tests.simulation.simulation import Simulation

Json = dict[str, Any]
OWNER = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "reviews", "uid": "f-1", "controller": True}


def role(name: str, selector: Json, **metadata: Any) -> Json:
    """A Service that leads to a role."""
    spec = {"selector": selector, "ports": [{"name": "http", "port": 9080, "targetPort": 9080}]}
    return foreign(SERVICES, name, spec, **metadata)


def split(primary: Json, canary: Json, weight: int) -> list[Json]:
    """The one route of a VirtualService that splits."""
    return [
        {"route": [{"destination": primary, "weight": 100 - weight}, {"destination": canary, "weight": weight}]},
    ]


class Other:
    """Moves the weights of a VirtualService between two destinations."""

    manager = "kubectl"
    primary: ClassVar[Json] = {"host": "reviews-primary"}
    canary: ClassVar[Json] = {"host": "reviews-canary"}

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.weight = 0
        sim.analyst.routed = lambda: self.weight

    def lead(self, weight: int) -> None:
        """Another weight."""
        self.weight = weight
        spec = {"spec": {"http": split(self.primary, self.canary, weight)}}
        self.sim.promises.tell(f"{self.manager} leads {weight} % to the canary")
        self.sim.merge(ROUTE, spec, manager=self.manager)

    def step(self, weight: int, *, seconds: float = 20.0) -> None:
        """Another weight, for so long."""
        self.lead(weight)
        self.sim.loop.advance(seconds)


class Flagger(Other):
    """Flagger, as it has initialised `reviews` at v1."""

    manager = "flagger"

    def install(self) -> None:
        """Everything that it makes, and what was there before it."""
        sim, owned = self.sim, {"ownerReferences": [OWNER]}
        primary = leftover("v1")
        primary["metadata"] |= owned
        sim.apply(DEPLOYMENTS, bookinfo.deployment("v1", replicas=0))
        sim.apply(DEPLOYMENTS, primary)
        sim.apply(SERVICES, role("reviews", {"app": "reviews-primary"}, **owned))
        sim.apply(SERVICES, role("reviews-primary", {"app": "reviews-primary"}, **owned))
        sim.apply(SERVICES, role("reviews-canary", {"app": "reviews"}, **owned))
        for name in ("reviews-primary", "reviews-canary"):
            sim.apply(DESTINATION_RULES, foreign(DESTINATION_RULES, name, {"host": name}, **owned))
        http = split(self.primary, self.canary, 0)
        sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, "reviews", {"hosts": ["reviews"], "http": http}, **owned))
        sim.loop.advance(10)
        sim.promises.let_users_in()

    def begin(self, version: str = "v2", *, quality: str = "good") -> None:
        """A release, whose pods are waited for."""
        self.sim.release(version, quality=quality)
        self.sim.merge(TARGET, {"spec": {"replicas": 2}}, manager=self.manager)
        self.sim.loop.advance(10)

    def promote(self) -> None:
        """The template to the primary, the users, then the pods."""
        target = self.sim.store.peek(TARGET)
        assert target is not None
        template = target["spec"]["template"]
        changed = {
            "metadata": {"labels": {**template["metadata"]["labels"], "app": PRIMARY.name}},
            "spec": template["spec"],
        }
        self.sim.merge(PRIMARY, {"spec": {"template": changed}}, manager=self.manager)
        self.sim.loop.advance(20)
        self.leave()

    def leave(self) -> None:
        """All users to the primary, then no pods for the canary."""
        self.step(0, seconds=10)
        self.sim.merge(TARGET, {"spec": {"replicas": 0}}, manager=self.manager)
        self.sim.loop.advance(10)


def begin(sim: Simulation, *, spec: Json | None = None, mode: str | None = "observe", **analysis: Any) -> str:
    """A Canary of ours beside whoever is there; the controller's name."""
    given = {**({"mode": mode} if mode is not None else {}), **(spec or {})}
    sim.canary = bookinfo.canary(spec=given, **{"threshold": 1, **analysis})
    sim.apply(CANARIES, sim.canary)
    name = sim.start_controller()
    looks_on(sim)
    return name


def looks_on(sim: Simulation, *, seconds: float = 60.0) -> None:
    """Until the Canary only looks on, and what that writes is written."""
    sim.until(lambda: sim.status.phase is Phase.OBSERVING, seconds=seconds, what="looking on")
    sim.loop.advance(5.0)


def unharmful(request: Request) -> bool:
    """May who only looks on send this?"""
    reads = request.verb == "get"
    status = (request.verb, request.kind, request.subresource) == ("patch", CANARIES, "status")
    return reads or status or (request.verb, request.kind) == ("create", EVENTS)


def wrote_nothing(sim: Simulation) -> None:
    """Nothing of ours has been sent but statuses and Events, and nothing of ours stands anywhere."""
    harm = [each for each in asked(sim) if not unharmful(each)]
    assert not harm, harm
    canary = sim.store.peek(Ref(CANARIES, bookinfo.NAMESPACE, bookinfo.NAME))
    assert canary is None or not canary["metadata"].get("finalizers")
    for ref in (TARGET, PRIMARY, ROUTE, APEX):
        body = sim.store.peek(ref)
        marks = {**body["metadata"].get("annotations", {}), **body["metadata"].get("labels", {})} if body else {}
        assert not [key for key in marks if key.startswith("progressive.delivery/")], (ref, marks)
