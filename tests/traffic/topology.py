"""What a mesh looks like at one moment: pods, services that select them, and the routes in front.

`Topology.of` reads it from API objects as they are, so that the same code stands behind a real cluster, a cluster in
memory and a simulation.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Object
from tests.traffic.behaviour import Behaviour

ERRORS = "test/errors"
LATENCY = "test/latency-ms"
SPREAD = "test/latency-spread"

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with a proxy beside it."""

    uid: str
    namespace: str
    name: str
    workload: str
    labels: Mapping[str, str]
    ready: bool
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Destination:
    """One branch of a route: a service (namespace, name) and its weight."""

    namespace: str
    service: str
    weight: int


@dataclass(frozen=True, slots=True)
class Rule:
    """An HTTP route: who it is for and where it leads."""

    matches: Callable[[Headers], bool]
    destinations: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """Selectors of services, rules per host, and pods. Services and hosts are (namespace, name)."""

    selectors: Mapping[tuple[str, str], Mapping[str, str]]
    rules: Mapping[tuple[str, str], tuple[Rule, ...]]
    pods: tuple[Pod, ...]

    @classmethod
    def of(
        cls,
        *,
        virtual_services: Iterable[Object],
        services: Iterable[Object],
        pods: Iterable[Object],
        by_image: Mapping[str, Behaviour] | None = None,
    ) -> "Topology":
        """Read API objects. `by_image` says how images behave whose pods have no annotation of their own."""
        rules = {
            _service(host, one["metadata"]["namespace"]): tuple(
                _rule(route, one["metadata"]["namespace"]) for route in one["spec"].get("http", ())
            )
            for one in virtual_services
            for host in one["spec"].get("hosts", ())
        }
        selectors = {
            (one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"].get("selector") or {}
            for one in services
        }
        return cls(selectors, rules, tuple(_pod(one, by_image or {}) for one in pods if _alive(one)))

    def destinations(self, namespace: str, service: str, headers: Headers) -> tuple[Destination, ...]:
        """Where a request for a service is sent: by the first rule that is for it, else to the service itself.

        Empty when there are rules and none is for it (Envoy answers 404 then).
        """
        rules = self.rules.get((namespace, service))
        if rules is None:
            return (Destination(namespace, service, 100),)
        return next((rule.destinations for rule in rules if rule.matches(headers)), ())

    def endpoints(self, destination: Destination) -> tuple[Pod, ...] | None:
        """The ready pods of a service; None if there is no such service."""
        selector = self.selectors.get((destination.namespace, destination.service))
        if selector is None:
            return None
        return tuple(
            pod
            for pod in self.pods
            if pod.ready
            and selector
            and pod.namespace == destination.namespace
            and selector.items() <= pod.labels.items()
        )


def _alive(pod: Object) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def _pod(pod: Object, by_image: Mapping[str, Behaviour]) -> Pod:
    meta = pod["metadata"]
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return Pod(
        uid=meta["uid"],
        namespace=meta["namespace"],
        name=meta["name"],
        workload=_workload(meta),
        labels=meta.get("labels") or {},
        ready=ready,
        behaviour=_behaviour(pod, by_image),
    )


def _workload(meta: Mapping[str, Any]) -> str:
    """The Deployment's name, as Istio tells it: the ReplicaSet's without the hash of the template."""
    owners = meta.get("ownerReferences") or [{"kind": "Pod", "name": meta["name"]}]
    owner, labels = owners[0], meta.get("labels") or {}
    suffix = f"-{labels.get('pod-template-hash', '')}"
    return str(owner["name"]).removesuffix(suffix) if owner["kind"] == "ReplicaSet" else str(owner["name"])


def _behaviour(pod: Object, by_image: Mapping[str, Behaviour]) -> Behaviour:
    base = by_image.get(pod["spec"]["containers"][0]["image"], Behaviour())
    given = pod["metadata"].get("annotations") or {}
    return Behaviour(
        errors=float(given.get(ERRORS, base.errors)),
        latency_ms=float(given.get(LATENCY, base.latency_ms)),
        spread=float(given.get(SPREAD, base.spread)),
    )


def _service(host: str, namespace: str) -> tuple[str, str]:
    """(namespace, name) of a host: `name`, `name.namespace` or `name.namespace.svc.DOMAIN`."""
    name, _, rest = host.partition(".")
    return (rest.split(".")[0] or namespace, name)


def _rule(route: Object, namespace: str) -> Rule:
    branches = route.get("route", ())
    destinations = tuple(
        Destination(
            *_service(branch["destination"]["host"], namespace),
            weight=branch.get("weight", 100 if len(branches) == 1 else 0),
        )
        for branch in branches
    )
    return Rule(_matcher(route.get("match") or ()), destinations)


def _matcher(matches: Iterable[Object]) -> Callable[[Headers], bool]:
    """Any of the matches must hold; of one match, all headers. Other kinds of match than headers are refused."""
    alternatives = []
    for match in matches:
        if unknown := set(match) - {"headers", "name"}:
            raise ValueError(f"match: {sorted(unknown)}; this traffic model knows headers only")
        alternatives.append(match.get("headers", {}))
    return lambda headers: (
        not alternatives
        or any(all(_text_matches(wanted, headers.get(name)) for name, wanted in one.items()) for one in alternatives)
    )


def _text_matches(wanted: Mapping[str, str], value: str | None) -> bool:
    if value is None:
        return False
    if "exact" in wanted:
        return value == wanted["exact"]
    if "prefix" in wanted:
        return value.startswith(wanted["prefix"])
    if "regex" in wanted:
        return re.fullmatch(wanted["regex"], value) is not None
    return True
