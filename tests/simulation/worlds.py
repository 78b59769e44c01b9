"""The worlds in which stories that are drawn from seeds are told: whose the routes are, what a target is, what was
there before the Canary, and what its people do there besides what people do everywhere.
"""

import random
from collections.abc import Callable
from typing import Any

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import (
    DAEMON_SETS,
    DEPLOYMENTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Ref,
)
from delivery.cluster.policies import GUARDED
from tests.simulation import bookinfo, own_routes, switched_subsets, switching
from tests.simulation.adopting import Adopting, WithRoute
from tests.simulation.chaos import PATIENCE, play
from tests.simulation.deeds import HARM
from tests.simulation.endings import farewell
from tests.simulation.invariants import APEX, CANARY, ROUTE
from tests.simulation.own_routes import ROUTES, SUBSETS
from tests.simulation.people import People
from tests.simulation.policies import meddle
from tests.simulation.simulation import Simulation

Hands = tuple[tuple[int, Callable[..., None]], ...]
FRONT = Ref(VIRTUAL_SERVICES, bookinfo.NAMESPACE, "front")
FAREWELLS = 0.25
"""The part of all stories that end with a deletion which leaves nothing behind."""


def story(sim: Simulation) -> None:
    """A whole story, sometimes with a farewell."""
    play(sim)
    if sim.reverts and sim.rng.random() < FAREWELLS:
        farewell(sim)


# -- routes of the user


def _set_weights(sim: Simulation, rng: random.Random) -> None:
    """Somebody sets the weights of a route of theirs, or applies it as it was before."""
    body = sim.store.peek(ROUTES)
    if body is None:
        return
    weight = rng.choice((0, 0, 5, 30, 100))
    sim.promises.tell(f"by hand: canary {weight}")
    sim.deeds.add(HARM)
    rules = [dict(rule) for rule in body["spec"]["http"]]
    mine = next(rule for rule in rules if rule.get("name") == "main")
    mine["route"] = [{**each, "weight": share} for each, share in zip(mine["route"], _split(weight), strict=True)]
    sim.merge(ROUTES, {"spec": {"http": rules}})


def _split(weight: int) -> tuple[int, int]:
    return (100 - weight, weight)


def _more_rules(sim: Simulation, rng: random.Random) -> None:
    """Somebody adds a rule of their own to a route, before all others or behind them, and other fields."""
    body = sim.store.peek(ROUTES)
    if body is None:
        return
    name = f"extra-{rng.randrange(1000)}"
    sim.promises.tell(f"a rule {name} is added")
    rule = {"name": name, "match": [{"uri": {"exact": f"/{name}"}}], "directResponse": {"status": 418}}
    rules = [{**each, "timeout": f"{rng.randint(3, 9)}s"} for each in body["spec"]["http"] if "/" not in each["name"]]
    ours = [each for each in body["spec"]["http"] if "/" in each["name"]]
    sim.merge(ROUTES, {"spec": {"http": [rule, *ours, *rules] if rng.random() < 0.5 else [*ours, rule, *rules]}})


def _drop_rules(sim: Simulation, rng: random.Random) -> None:
    """A tool applies the routes as it knows them: none of our rules is on them."""
    body = sim.store.peek(ROUTES)
    if body is not None:
        sim.promises.tell("our rules are dropped")
        kept = [each for each in body["spec"]["http"] if "/" not in each["name"]]
        sim.merge(ROUTES, {"spec": {"http": kept}})


def _one_more_route(sim: Simulation, rng: random.Random) -> None:
    """Another VirtualService is named by the Canary, or no longer."""
    body = sim.store.peek(CANARY)
    if body is None:
        return
    refs = [each for each in body["spec"]["routeRefs"] if each["name"] != FRONT.name]
    if len(refs) == len(body["spec"]["routeRefs"]):
        front = own_routes.virtual_service(
            own_routes.split("front"), name="front", hosts=("a.example.com",), gateways=["istio-system/front"]
        )
        if sim.store.peek(FRONT) is None:
            sim.apply(VIRTUAL_SERVICES, front)
        refs.append(own_routes.reference("front"))
    sim.edit(routeRefs=refs)


def _take_routes_away(sim: Simulation, rng: random.Random) -> None:
    """Somebody deletes a VirtualService of theirs; peace brings it back."""
    if sim.store.peek(ROUTES) is not None:
        sim.promises.tell("the routes are deleted")
        sim.promises.tampered()
        sim.deeds.add(HARM)
        sim.store.delete(ROUTES)


class OnTheirRoutes(own_routes.OwnRoutes):
    """Routes of the user, at which they have their hands."""

    hands: Hands = ((3, _set_weights), (3, _more_rules), (1, _drop_rules), (2, _one_more_route), (1, _take_routes_away))

    def at_peace(self) -> None:
        """The routes are there again, as at the beginning."""
        if self.store.peek(ROUTES) is None:
            route = own_routes.subset_split() if self.subsets else own_routes.split()
            self.promises.tell("the routes come back")
            self.apply(VIRTUAL_SERVICES, own_routes.virtual_service(route))


def _edit_subsets(sim: Simulation, rng: random.Random) -> None:
    """Somebody edits what is theirs in the DestinationRule."""
    body = sim.store.peek(SUBSETS)
    if body is not None:
        sim.promises.tell("the subsets are edited")
        more = {"name": f"more-{rng.randrange(1000)}", "labels": {"age": "new"}}
        policy = {"connectionPool": {"tcp": {"maxConnections": rng.randint(10, 1000)}}}
        sim.merge(SUBSETS, {"spec": {"subsets": [more, *body["spec"]["subsets"]], "trafficPolicy": policy}})


class OnTheirSubsets(OnTheirRoutes):
    """The same with subsets of theirs."""

    subsets = True
    hands: Hands = ((3, _set_weights), (2, _more_rules), (1, _drop_rules), (3, _edit_subsets), (1, _take_routes_away))


# -- one Deployment for each version


def _retire(sim: Simulation, rng: random.Random) -> None:
    """People scale a version to nothing, or up again."""
    bodies = sim.store.scan(DEPLOYMENTS, bookinfo.NAMESPACE)
    if bodies:
        ref = Ref.of(DEPLOYMENTS, rng.choice(bodies))
        replicas = rng.choice((0, 1, 3))
        sim.promises.tell(f"{ref.name} is scaled to {replicas}")
        sim.deeds.add(HARM)
        sim.merge(ref, {"spec": {"replicas": replicas}})


class Versions(switching.Switching):
    """A team that keeps one Deployment for each version, and sometimes takes one away."""

    hands: Hands = ((2, _retire),)

    def at_peace(self) -> None:
        """People see to it that there are pods."""
        _restore_versions(self)


def _restore_versions(sim: switching.Switching) -> None:
    """The version that serves is there, and all have as many pods as any run began with: nobody else sees to it."""
    sim._replicas = 3
    serving = (sim.store.peek(sim.primary) or {"spec": {}})["spec"].get("selector", {}).get("version", "v1")
    if sim.replicas(serving) is None:
        sim.promises.tell(f"{serving} is deployed again")
        sim.deploy(serving)
    for body in sim.store.scan(DEPLOYMENTS, bookinfo.NAMESPACE):
        sim.merge(Ref.of(DEPLOYMENTS, body), {"spec": {"replicas": 3}})


def _version_by_hand(sim: Simulation, rng: random.Random) -> None:
    """Somebody sends everybody to a version, or some of them."""
    body = sim.store.peek(ROUTES)
    if body is None:
        return
    serving = (sim.store.peek(sim.primary) or {"spec": {}})["spec"].get("selector", {}).get("version", "v1")
    other = rng.choice([each for each in ("v1", "v2", "v3") if each != serving])
    weight = rng.choice((0, 50, 100))
    sim.promises.tell(f"by hand: {weight} to {serving}, the rest to {other}")
    sim.deeds.add(HARM)
    host = own_routes.NAME
    _lead(sim, own_routes.to(host, weight, subset=serving), own_routes.to(host, 100 - weight, subset=other))


def _lead(sim: Simulation, *destinations: dict[str, Any]) -> None:
    """People write the destinations of their route."""
    body = sim.store.peek(ROUTES)
    if body is not None:
        rules = [dict(rule) for rule in body["spec"]["http"]]
        next(rule for rule in rules if rule.get("name") == "main")["route"] = list(destinations)
        sim.merge(ROUTES, {"spec": {"http": rules}})


READ_AFTER = 120.0
"""Seconds after which people look at what a Canary says."""


class VersionsBySubset(switched_subsets.SwitchedSubsets):
    """The same where a subset, and not a Service, leads to each version."""

    hands: Hands = ((2, _retire), (1, _version_by_hand))

    def set_up(self, **options: Any) -> None:
        """All versions have subsets before the Canary."""
        self.theirs.led_elsewhere = (VIRTUAL_SERVICES,)
        rule = switched_subsets.subsets("v1", "v2", "v3", "v4", "v5", "v9-good", "v9-bad")
        super().set_up(rule=rule, **options)

    def release(self, version: str, **options: Any) -> None:
        """While no Canary has taken over, it is people who lead users to a version."""
        super().release(version, **options)
        if self.store.peek(self.primary) is None:
            self.deeds.add(HARM)
            _lead(self, own_routes.to(own_routes.NAME, subset=version))

    def at_peace(self) -> None:
        """People see to it that there are pods, and take users back from a version that is no role: whose weights those
        are is theirs to say (NoShare).
        """
        _restore_versions(self)
        serving, tried, shares = self.leads("primary"), self.leads("canary"), self.shares_now()
        if serving and shares and not shares.get(serving) and not shares.get(tried):
            self.promises.tell(f"{serving} has its users back")
            _lead(self, own_routes.to(own_routes.NAME, subset=serving))
        self.loop.call_later(READ_AFTER, self._do_as_told, context=self.loop.world)

    def _do_as_told(self) -> None:
        """People who named another version before anything was taken over read which one their route has to lead to."""
        serving = self.leads("primary")
        if serving and self.status.reason == "DestinationMissing":
            self.promises.tell(f"the route leads to {serving}, as the condition asks")
            _lead(self, own_routes.to(own_routes.NAME, subset=serving))


# -- policies


def _policies(sim: Simulation, rng: random.Random) -> None:
    """Some policies come, change and go."""
    for _ in range(rng.randint(1, 4)):
        meddle(sim, rng, sim.policies)  # type: ignore[attr-defined]


class Guarded(Simulation):
    """A world with policies of all kinds: some hold a Canary back until they are gone."""

    hands: Hands = ((8, _policies),)

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.policies: list[Ref] = []
        for kind in GUARDED:
            self.store.register(custom_resource(kind))

    def at_peace(self) -> None:
        """Whoever made them takes them away."""
        while self.policies:
            self.store.delete(self.policies.pop())


World = tuple[type[Simulation], Kind, Ref]
WORLDS: tuple[tuple[int, World], ...] = (
    (42, (Simulation, DEPLOYMENTS, ROUTE)),
    (5, (Simulation, DAEMON_SETS, ROUTE)),
    (5, (Simulation, SERVICES, ROUTE)),
    (6, (Simulation, DEPLOYMENTS, APEX)),
    (10, (OnTheirRoutes, DEPLOYMENTS, ROUTE)),
    (8, (OnTheirSubsets, DEPLOYMENTS, ROUTE)),
    (7, (Versions, DEPLOYMENTS, ROUTE)),
    (5, (VersionsBySubset, DEPLOYMENTS, ROUTE)),
    (5, (Adopting, DEPLOYMENTS, ROUTE)),
    (4, (WithRoute, DEPLOYMENTS, ROUTE)),
    (3, (Guarded, DEPLOYMENTS, ROUTE)),
)
"""How likely each is."""

PEOPLED = 0.4
"""The part of all stories in which people have a say."""


def drawn(seed: int) -> Simulation:
    """The world of a seed, with people in some: these come from a seed of their own."""
    sim, rng = _world(seed), random.Random(f"{seed}-people")
    if rng.random() < PEOPLED:
        sim.people = People(sim, rng)
    return sim


def _world(seed: int) -> Simulation:
    worlds = [world for _, world in WORLDS]
    made, kind, route = random.Random(f"world/{seed}").choices(worlds, [weight for weight, _ in WORLDS])[0]
    if issubclass(made, switching.Switching):
        return made(seed, patience=PATIENCE)
    return made(seed, patience=PATIENCE, kind=kind, route=route)
