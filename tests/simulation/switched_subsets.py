"""Bookinfo as it comes: a Deployment, and a subset, for each version; a promotion moves weights between subsets."""

import copy
from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Object, Ref
from tests.simulation import bookinfo, own_routes
from tests.simulation.analyst import SimulatedAnalyst
from tests.simulation.invariants import COPY
from tests.simulation.own_routes import APEX, NAME, NAMESPACE, OwnInvariants, OwnRoutes, reference, to, virtual_service
from tests.simulation.switching import Switching, named

LEADS = Ref(SERVICES, NAMESPACE, f"{NAME}-primary")
ROUTES = own_routes.ROUTES
SUBSETS = own_routes.SUBSETS
Json = dict[str, Any]


def subsets(*versions: str, **more: Any) -> Json:
    """Bookinfo's DestinationRule, with what its people added."""
    found = [{"name": each, "labels": {"version": each}} for each in versions]
    return {
        "apiVersion": DESTINATION_RULES.api_version,
        "kind": "DestinationRule",
        "metadata": {"name": "versions", "namespace": NAMESPACE},
        "spec": {"host": NAME, "subsets": found, "trafficPolicy": {"tls": {"mode": "DISABLE"}}, **more},
    }


def all_v1(**more: Any) -> Json:
    """Bookinfo's route of all requests to v1."""
    return {"name": "main", "route": [to(NAME, subset="v1")], **more}


def shares(body: Object | None, name: str = "main") -> dict[str, int]:
    """What each subset gets of a route, nothings left out."""
    for rule in ((body or {}).get("spec") or {}).get("http") or []:
        if rule.get("name", "") == name:
            usual = 100 if len(rule["route"]) == 1 else 0
            given = {each["destination"].get("subset", ""): each.get("weight", usual) for each in rule["route"]}
            return {subset: weight for subset, weight in given.items() if weight}
    return {}


class SubsetInvariants(OwnInvariants):
    """The same guarantees where a role is whatever subset its version has."""

    def version_of(self, ref: Ref) -> str:
        """The version to which a role's Service leads."""
        return str(((self._store.peek(ref) or {}).get("spec", {}).get("selector") or {}).get("version", ""))

    def _role(self, item: Json) -> str:
        subset, serving = item["destination"].get("subset"), self.version_of(LEADS)
        return "primary" if subset == serving else "canary" if subset == self.version_of(COPY) else ""


class SubsetAnalyst(SimulatedAnalyst):
    """Counts by workloads, as the subsets of one Service have to be."""

    def weight(self, subject: Any) -> int:
        version = subject.target.removeprefix(f"{NAME}-")
        return shares(self._store.peek(ROUTES)).get(version, 0)


class SwitchedSubsets(Switching, OwnRoutes):
    """A world of versions and their subsets, all the user's, with routes that are the user's too."""

    watched_by = SubsetInvariants

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.analyst = SubsetAnalyst(self.store, self.analyst._rng)

    def set_up(self, *, replicas: int = 2, **analysis: Any) -> None:
        """Version 1 serves; `routes`, `rule` and `spec` say other than the usual."""
        routes = analysis.pop("routes", None) or [virtual_service(all_v1())]
        rule = analysis.pop("rule", None) or subsets("v1", "v2", "v3")
        spec = analysis.pop("spec", {})
        more = {
            "targetRef": named("v1"),
            "service": {"name": NAME, "port": 9080},
            "routeRefs": [reference(each["metadata"]["name"]) for each in routes],
            "subsetRef": {"name": "versions"},
            **spec,
            "promotion": {"method": "switch", **spec.get("promotion", {}), **analysis.pop("promotion", {})},
        }
        self.canary = bookinfo.canary(spec=more, **analysis)
        self._replicas = replicas
        self.apply(DEPLOYMENTS, bookinfo.versioned("v1", replicas=replicas))
        self.apply(SERVICES, bookinfo.service())
        self.apply(DESTINATION_RULES, rule)
        for each in routes:
            self.apply(VIRTUAL_SERVICES, each)
        self.loop.advance(10.0)
        self.promises.let_users_in()
        self._let_in(analysis)
        self.apply(CANARIES, self.canary)

    @property
    def weight(self) -> int | None:
        """What the version that is released has, while another one serves."""
        serving, tried = self.version_of(LEADS), self.version_of(COPY)
        return 0 if serving == tried else self.shares_now().get(tried, 0)

    def shares_now(self, name: str = "main") -> dict[str, int]:
        """What each version gets."""
        return shares(self.store.peek(ROUTES), name)

    def version_of(self, ref: Ref) -> str:
        """The version to which a role's Service leads."""
        assert isinstance(self.promises, SubsetInvariants)
        return self.promises.version_of(ref)

    def of_users(self, ref: Ref, body: Object) -> Json:
        """What of a user's object may not be changed: the routes to all versions are the roles' here."""
        return without_versions(body) if ref.kind == VIRTUAL_SERVICES else super().of_users(ref, body)


def without_versions(body: Object) -> Json:
    """Everything of the user's: of the versions' destinations only the sum of their weights."""
    kept: Json = copy.deepcopy(dict(body))
    for protocol in ("http", "tls", "tcp"):
        for rule in kept["spec"].get(protocol, ()):
            items = rule.pop("route")
            there = [each["destination"] for each in items]
            hosts = {APEX, NAME, f"{NAME}.{NAMESPACE}"}
            ours = [items[at] for at, to in enumerate(there) if to["host"] in hosts and to.get("subset")]
            rule["sum"] = sum(each.get("weight", 100 if len(items) == 1 else 0) for each in ours)
            rule["route"] = [each for each in items if each not in ours]
    return own_routes.theirs(kept)
