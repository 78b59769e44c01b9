"""Scenes in which routes, and sometimes subsets, are the user's: how they begin, and what of them may never change."""

import copy
from math import ceil
from typing import Any

from delivery.cluster.memory import Happened
from delivery.cluster.objects import (
    CANARIES,
    DESTINATION_RULES,
    SERVICES,
    VIRTUAL_SERVICES,
    Object,
    Ref,
)
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX as SEEN_APEX
from tests.simulation.invariants import CANARY as SEEN_CANARY
from tests.simulation.invariants import CONTROLLER, PRIMARY, Invariants
from tests.simulation.scenes import initialised as has_begun
from tests.simulation.scenes import served
from tests.simulation.simulation import Simulation
from tests.simulation.theirs import theirs as of_users

Json = dict[str, Any]
OURS = "progressive.delivery/"
NAMESPACE, NAME = bookinfo.NAMESPACE, bookinfo.NAME
ROUTES = Ref(VIRTUAL_SERVICES, NAMESPACE, "books")
FRONT = Ref(VIRTUAL_SERVICES, NAMESPACE, "front")
SUBSETS = Ref(DESTINATION_RULES, NAMESPACE, "versions")
HOSTS = {f"{NAME}-canary": "canary", f"{NAME}-primary": "primary"}
ROLES = {"next": "canary", "stable": "primary"}
"""Which role is behind a host, or else behind a subset."""
APEX, CANARY = f"{NAME}.{NAMESPACE}.svc.cluster.local", f"{NAME}-canary.{NAMESPACE}.svc.cluster.local"


def virtual_service(*http: Json, name: str = "books", hosts: tuple[str, ...] = (NAME,), **spec: Any) -> Json:
    """A VirtualService as its people apply it."""
    return {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"team": "books"}},
        "spec": {**({"hosts": list(hosts)} if hosts else {}), **({"http": list(http)} if http else {}), **spec},
    }


def to(host: str, weight: int | None = None, *, subset: str = "") -> Json:
    """A destination."""
    there = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": there, **({} if weight is None else {"weight": weight})}


def split(name: str = "main", **more: Any) -> Json:
    """A route that splits: all of it to the apex host, which leads to the primary."""
    return {"name": name, "timeout": "5s", "route": [to(NAME, 100), to(f"{NAME}-canary", 0)], **more}


def subset_split(**more: Any) -> Json:
    """The same between two subsets; before there is a primary, the target's pods have it all."""
    route = [to(APEX, 0, subset="stable"), to(f"{NAME}.{NAMESPACE}", 100, subset="next")]
    return {"name": "main", "route": route, **more}


def destination_rule() -> Json:
    """Both roles as subsets of the apex host, and one that is none of ours."""
    own: Json = {"name": "next", "labels": {"app": NAME}}
    stable = {"name": "stable", "labels": {"app": f"{NAME}-primary"}, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    other = {"name": "archive", "labels": {"age": "old"}}
    policy = {"connectionPool": {"tcp": {"maxConnections": 100}}}
    return {
        "apiVersion": DESTINATION_RULES.api_version,
        "kind": "DestinationRule",
        "metadata": {"name": "versions", "namespace": NAMESPACE},
        "spec": {"host": NAME, "subsets": [other, stable, own], "trafficPolicy": policy},
    }


def reference(name: str = "books", *routes: str, **more: Any) -> Json:
    """An entry of routeRefs."""
    named = {"routes": list(routes)} if routes else {}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": name, **named, **more}


class OwnInvariants(Invariants):
    """The same guarantees where the weights stand on VirtualServices of the user."""

    roles = ROLES
    coarse = 1e-6
    """By how many percent whole weights may miss what was asked for."""

    def observe(self, event: Happened) -> None:
        """One write; a route is another object here."""
        super().observe(event)
        if event.ref.kind != VIRTUAL_SERVICES or event.ref == self.route:
            return
        if self.writer.startswith(CONTROLLER) and event.type != "DELETED":
            self._on_own_route(event)
        self._note_shares()
        self._look_at_users()
        self._loop.call_later(self._settle, self._look_at_users, context=self._loop.world)

    def _on_own_route(self, event: Happened) -> None:
        if any(key.startswith(OURS) for key in event.object["metadata"].get("annotations") or {}):
            self._fence_holds(event)  # what is given back carries no trace of us
        new, old = self._percent(event.object), self._percent(event.previous)
        if new is None or new == old:
            return
        self.tell(f"{event.ref.name}: canary {old} -> {new} by {self.writer}")
        status = self.status
        override = status.run.override if status.run is not None else None
        allowed = [each for each in (status.canary_weight, override, 0) if each is not None]
        near = any(each - self.coarse < new <= each for each in allowed)
        watched = self._loop.time() - self.tampered_at > self.patience and self._store.peek(SEEN_CANARY) is not None
        self._expect(near or not watched, f"WAL: wrote {new}, status wants {allowed}")
        self._carries(None if old is None else ceil(old), ceil(new), status)

    def most_routed(self) -> int | None:
        """The most that any route for everybody gives to the canary now, rounded up; None without such a route."""
        bodies = self._store.scan(VIRTUAL_SERVICES, NAMESPACE)
        theirs = [each for each in bodies if each["metadata"]["name"] != self.route.name]
        found = [percent for each in theirs if (percent := self._percent(each)) is not None]
        return max(map(ceil, found), default=None)

    def _percent(self, body: Object | None) -> float | None:
        """The most that a route for everybody gives to the canary, of what the roles divide; None without one."""
        found = [(canary, primary) for canary, primary, alone in self._divided(body) if not alone]
        return max((100 * canary / (canary + primary) for canary, primary in found), default=None)

    def _divided(self, body: Object | None) -> list[tuple[int, int, bool]]:
        """Of each route what canary and primary have, and whether one of them has all of it by itself."""
        found = []
        for rule in ((body or {}).get("spec") or {}).get("http") or []:
            given = {"canary": 0, "primary": 0, "": 0}
            items = rule.get("route") or []
            for item in items:
                given[self._role(item)] += item.get("weight", 100 if len(items) == 1 else 0)
            if given["canary"] + given["primary"]:
                found.append((given["canary"], given["primary"], len(items) == 1))
        return found

    def _role(self, item: Json) -> str:
        there = item["destination"]
        name, subset = there["host"].split(".")[0], there.get("subset")
        if subset or name != NAME:
            return self.roles.get(subset, "") if subset else HOSTS.get(name, "")
        selector = (self._store.peek(SEEN_APEX) or {}).get("spec", {}).get("selector") or {}
        return "primary" if selector.get("app") == PRIMARY.name else "canary"

    def _now_shares(self) -> dict[str, int]:
        found = self._store.scan(VIRTUAL_SERVICES, NAMESPACE)
        bodies = [each for each in found if each["metadata"]["name"] != self.route.name]
        divided = [each for body in bodies for each in self._divided(body)]
        if not divided:
            selector = (self._store.peek(SEEN_APEX) or {}).get("spec", {}).get("selector") or {}
            return super()._now_shares() if "app" in selector else {"canary": 0, "primary": 0}  # whoever is ready
        return {
            "canary": max(ceil(100 * canary / (canary + primary)) for canary, primary, _ in divided),
            "primary": max(ceil(100 * primary / (canary + primary)) for canary, primary, _ in divided),
        }


class OwnRoutes(Simulation):
    """A world in which the routes are the user's. What else they say is looked at with every write of ours."""

    subsets = False
    watched_by = OwnInvariants

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.analyst.routed = lambda: self.promises.most_routed()  # type: ignore[attr-defined]

    def set_up(self, *, replicas: int = 2, **analysis: Any) -> None:
        """Everything but the Canary has been there for long; `routes`, `spec` say other than the usual."""
        routes = analysis.pop("routes", None) or [virtual_service(subset_split() if self.subsets else split())]
        spec = {"routeRefs": [reference(each["metadata"]["name"]) for each in routes], **analysis.pop("spec", {})}
        if self.subsets:
            spec["subsetRef"] = {"name": "versions", "primarySubset": "stable", "canarySubset": "next"}
            self.apply(DESTINATION_RULES, destination_rule())
        self._replicas = replicas
        self.apply(self.target.kind, self._workload(replicas=replicas))
        self._remember()
        service = bookinfo.service()
        if self.subsets:
            service["spec"]["selector"] = {"part": NAME}
        self.apply(SERVICES, service)
        for each in routes:
            self.apply(VIRTUAL_SERVICES, each)
        self.loop.advance(10.0)
        self.promises.let_users_in()
        self._let_in(analysis)
        self.canary = bookinfo.canary(self.target.kind.kind, spec=spec, **analysis)
        self.apply(CANARIES, self.canary)

    @property
    def weight(self) -> int | None:
        """The most that a route for everybody gives to the canary, in percent of what the roles divide."""
        return self.promises.most_routed()  # type: ignore[attr-defined,no-any-return]

    def _workload(self, *version: str, **options: Any) -> dict[str, Any]:
        body = super()._workload(*version, **options)
        if self.subsets:
            body["spec"]["template"]["metadata"]["labels"]["part"] = NAME
        return body

    def route(self, name: str = "main", ref: Ref = ROUTES, protocol: str = "http") -> Json:
        """A route of the user as it is now."""
        body = self.store.peek(ref)
        assert body is not None
        return next(copy.deepcopy(each) for each in body["spec"][protocol] if each.get("name", "") == name)

    def shares(self, name: str = "main", ref: Ref = ROUTES, protocol: str = "http") -> list[int]:
        """Its weights."""
        return [each.get("weight", 0) for each in self.route(name, ref, protocol)["route"]]

    def fronts(self, ref: Ref = ROUTES) -> list[str]:
        """The rules of ours on a VirtualService, by their names."""
        names = [str(each.get("name", "")) for each in (self.store.peek(ref) or {})["spec"].get("http", ())]
        return [name for name in names if name.startswith("progressive-delivery")]


class OwnSubsets(OwnRoutes):
    """The same with subsets of the user's as the roles."""

    subsets = True


def specs(sim: Simulation) -> tuple[Any, ...]:
    """What every VirtualService of the user says."""
    found = sim.store.scan(VIRTUAL_SERVICES)
    return tuple(each["spec"] for each in found if Ref.of(VIRTUAL_SERVICES, each) != sim.promises.route)


def initialised(sim: Simulation, **options: Any) -> None:
    """A Canary whose primary serves; no user has met nobody on the way there."""
    has_begun(sim, **options)
    served(sim)


def at(sim: OwnRoutes, share: int, *, ref: Ref = ROUTES, name: str = "main", seconds: float = 120) -> None:
    """A run has given the canary this share of a route."""
    sim.until(lambda: sim.shares(name, ref)[1] == share, seconds=seconds, what=f"{share} on {ref} {name}")


def on_gateway(**more: Any) -> Json:
    """A second VirtualService of the user's, on a gateway."""
    return virtual_service(split("front"), name="front", hosts=("a.example.com",), gateways=["istio/front"], **more)


def initialise_two(sim: Simulation) -> None:
    """A mesh route, a second one on a gateway, and a primary that serves."""
    has_begun(sim, routes=[virtual_service(split()), on_gateway()])


def theirs(body: Object) -> Json:
    """Everything of the user's: of the roles' weights only the sum, and nothing that is marked ours."""
    kind = next(each for each in (VIRTUAL_SERVICES, DESTINATION_RULES) if each.kind == body["kind"])
    return of_users(Ref.of(kind, body), body)
