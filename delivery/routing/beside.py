"""What somebody else's routes give to a canary, for a Canary that looks on.

Nothing here is ours: no rule has a name that we gave it, and nobody promised to name both roles. So it is read as a
proxy would read it: where a route leads, and with what weight.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Object
from delivery.routing.destinations import NOWHERE, Destination
from delivery.routing.referenced import PROTOCOLS
from delivery.routing.rules import Rule, rules_of, takes_all, weights
from delivery.routing.subset_problems import selects
from delivery.workloads.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What routes do with a canary: its percent of what they lead anywhere, of what they lead without a condition, and
    of what they copy. `others` are the destinations beside it with their weights, the heaviest first.
    """

    canary: int | None = None
    everybody: int | None = None
    mirror: int = 0
    others: tuple[tuple[Destination, int], ...] = ()


def given(
    names: Names, routes: Iterable[tuple[Object, tuple[str, ...]]], canary: Destination, *, matched: bool
) -> Given:
    """Read VirtualServices, each with the names of its http routes that count (none: all).

    `matched`: the canary is tried with some requests only, so a route that leads those to it counts. Without it such a
    route is somebody's own way to look at a version, or keeps users by a cookie with the version that served them, and
    no release: then the routes for everybody count, and where there are none, the last one of its list that splits.
    """
    found = [each for body, wanted in routes for each in _rules(names, body, wanted, canary, matched=matched)]
    if not found or canary == NOWHERE:
        return Given(others=_others(found))
    plain = [each.share for each in found if each.everybody]
    return Given(
        canary=max(each.share for each in found),
        everybody=max(plain, default=0),
        mirror=max(each.mirror for each in found),
        others=_others(found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    share: int
    everybody: bool
    mirror: int
    others: tuple[tuple[Destination, int], ...]


def _rules(
    names: Names, body: Object, wanted: tuple[str, ...], canary: Destination, *, matched: bool
) -> Iterable[_Read]:
    namespace = str(body["metadata"].get("namespace", ""))
    for protocol in PROTOCOLS:
        asked = [rule for rule in rules_of(body, protocol) if isinstance(rule, Mapping)]
        if wanted and protocol == "http":
            asked = [rule for rule in asked if rule.get("name") in wanted]
        read = (_read(names, rule, namespace, canary, everybody=_is_everybodys(rule, protocol)) for rule in asked)
        found = [each for each in read if each is not None]
        yield from found if matched else _for_everybody(found)


def _is_everybodys(rule: Rule, protocol: str) -> bool:
    """Does it take requests without a condition? What tells connections apart is no condition on users."""
    return protocol != "http" or takes_all(rule)


def _for_everybody(found: list["_Read"]) -> list["_Read"]:
    return [each for each in found if each.everybody] or [each for each in found if each.others][-1:]


def _read(names: Names, rule: Rule, namespace: str, canary: Destination, *, everybody: bool) -> _Read | None:
    """A rule that leads to the canary, or to everybody's version of the same host."""
    items = rule.get("route") or []
    places = [_destination(names, item.get("destination"), namespace) for item in items]
    shares = [weight for _, weight in weights(rule)]
    total = sum(shares)
    own = sum(weight for place, weight in zip(places, shares, strict=True) if place == canary)
    mirror = _mirror(names, rule, namespace, canary)
    beside = tuple((place, weight) for place, weight in zip(places, shares, strict=True) if place != canary)
    if canary not in places and not mirror and not _is_host(names, beside, canary):
        return None
    return _Read(share=-(-100 * own // total) if total else 0, everybody=everybody, mirror=mirror, others=beside)


def _is_host(names: Names, beside: Iterable[tuple[Destination, int]], canary: Destination) -> bool:
    """Does it lead to the same workload's other version: a subset of the canary's host, the primary, or the apex?"""
    hosts = {canary.host, names.host(names.primary_service), names.host(names.apex)} - {""}
    return any(place.host in hosts for place, _ in beside)


def _destination(names: Names, said: object, namespace: str) -> Destination:
    read: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    return Destination.read(read, namespace=namespace, cluster_domain=names.cluster_domain)


def _mirror(names: Names, rule: Rule, namespace: str, canary: Destination) -> int:
    """The percent that is copied to the canary; without a percentage it is all."""
    mirrors = [(rule.get("mirror"), rule.get("mirrorPercentage"))]
    mirrors += [(each.get("destination"), each.get("percentage")) for each in rule.get("mirrors") or []]
    percents = [
        round(float((share or {}).get("value", 100)))
        for to, share in mirrors
        if to and _destination(names, to, namespace) == canary
    ]
    return max(percents, default=0)


def _others(found: Iterable[_Read]) -> tuple[tuple[Destination, int], ...]:
    heaviest: dict[Destination, int] = {}
    for each in found:
        for place, weight in each.others:
            heaviest[place] = max(weight, heaviest.get(place, 0))
    return tuple(sorted(heaviest.items(), key=lambda item: (-item[1], item[0].host, item[0].subset)))


def serving(
    rule: Object | None, others: Iterable[tuple[Destination, int]], deployments: Iterable[Object], *, target: str
) -> Object | None:
    """The Deployment whose version users have beside the target: of the heaviest subset, by its labels."""
    subsets = ((rule or {}).get("spec") or {}).get("subsets") or []
    labels = {str(each.get("name")): each.get("labels") or {} for each in subsets if isinstance(each, Mapping)}
    there = [each for each in deployments if each["metadata"]["name"] != target]
    for place, _ in others:
        selector = labels.get(place.subset)
        for body in there if selector else ():
            carried = (body["spec"]["template"].get("metadata") or {}).get("labels") or {}
            if selects(selector or {}, carried):
                return body
    return None
