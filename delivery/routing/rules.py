"""The http rules of a VirtualService: finding ours, reading weights as Istio does, and bringing it to a traffic.

Our rule is found by its name, never by its place, for people and tools put their own before and after it. In it the
name, who it is for (everybody), the list of destinations with their weights and what the Canary lets it carry
(carried.py) are ours; a timeout or a fault that somebody adds stays. It has to stand before every rule that takes all
requests, or it would decide nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Op, pointer
from delivery.routing import carried
from delivery.routing.hosts import covers
from delivery.workloads.names import Names
from strategies.traffic import Traffic

RULE = "progressive-delivery"

Rule = Mapping[str, Any]


def rules_of(virtual_service: Mapping[str, Any]) -> list[Rule]:
    """The http rules, in Istio's order: the first that matches a request decides."""
    return list((virtual_service.get("spec") or {}).get("http") or [])


def our_index(rules: Sequence[Rule]) -> int | None:
    """Where our rule stands."""
    return next((index for index, rule in enumerate(rules) if rule.get("name") == RULE), None)


def takes_all(rule: Rule) -> bool:
    """Does the rule take every request that gets to it: no condition, or one that is always true?"""
    conditions = rule.get("match") or []
    return not conditions or any(_always(condition) for condition in conditions)


def _always(condition: Mapping[str, Any]) -> bool:
    asked = {key: value for key, value in condition.items() if key != "name" and value}
    return not asked or asked == {"uri": {"prefix": "/"}}


def deciding_index(rules: Sequence[Rule]) -> int | None:
    """Where the rule stands that takes the requests without a special rule."""
    return next((index for index, rule in enumerate(rules) if takes_all(rule)), None)


def weights(rule: Rule) -> list[tuple[str, int]]:
    """Destination hosts and weights; a lone destination gets all, a missing weight beside others is 0."""
    route = rule.get("route") or []
    alone = len(route) == 1
    return [
        (str((item.get("destination") or {}).get("host", "")), 100 if alone else int(item.get("weight") or 0))
        for item in route
    ]


def canary_weight(rules: Sequence[Rule], names: Names) -> int | None:
    """The canary's percent of the requests without a special rule; None when no rule takes them."""
    index = deciding_index(rules)
    if index is None:
        index = our_index(rules)
    if index is None:
        return None
    given = weights(rules[index])
    total = sum(weight for _, weight in given)
    fqdn = names.host(names.canary_service)
    ours = sum(weight for host, weight in given if covers(host, fqdn, names.namespace, names.cluster_domain))
    return round(100 * ours / total) if total else 0


def our_fields(virtual_service: Mapping[str, Any]) -> dict[str, Any]:
    """What of a VirtualService is ours, in a form that does not depend on how a server or a tool writes it."""
    spec = virtual_service.get("spec") or {}
    rules = rules_of(virtual_service)
    index = our_index(rules)
    ours: Rule = {} if index is None else rules[index]
    shares = [weight for _, weight in weights(ours)]
    destinations = [item.get("destination") for item in ours.get("route") or []]
    names = carried.written(virtual_service)
    more = {"carried": {name: ours.get(name) for name in names}} if names else {}
    return {
        **more,
        "hosts": spec.get("hosts") or [],
        "gateways": spec.get("gateways") or [],
        "match": ours.get("match") or [],
        "route": [list(pair) for pair in zip(destinations, shares, strict=True)],
        "decides": index is not None and index <= _first_catch_all(rules),
    }


def _first_catch_all(rules: Sequence[Rule]) -> int:
    index = deciding_index(rules)
    return len(rules) if index is None else index


def wanted_route(names: Names, traffic: Traffic) -> list[dict[str, Any]]:
    """The destinations of our rule: always both, primary first, so that a step changes two numbers only."""
    return [
        {"destination": {"host": names.host(names.primary_service)}, "weight": traffic.primary},
        {"destination": {"host": names.host(names.canary_service)}, "weight": traffic.canary},
    ]


def rule_ops(
    virtual_service: Mapping[str, Any], wanted: Sequence[dict[str, Any]], fields: Mapping[str, Any]
) -> tuple[Op, ...]:
    """The operations after which our rule sends requests as `wanted`, carries `fields` and decides; none if it does."""
    rules = rules_of(virtual_service)
    rule = {"name": RULE, "route": list(wanted), **fields}
    if not rules:
        return ({"op": "add", "path": pointer("spec", "http"), "value": [rule]},)
    index, place = our_index(rules), _first_catch_all(rules)
    if index is None:
        return ({"op": "add", "path": _at(place), "value": rule},)
    moved: tuple[Op, ...] = ()
    if index > place:
        moved = ({"op": "move", "from": _at(index), "path": _at(place)},)
    place = min(index, place)
    narrowed: tuple[Op, ...] = ()
    if "match" in rules[index]:
        narrowed = ({"op": "remove", "path": pointer(*_parts(place), "match")},)
    carries = carried.ops(rules[index], fields, before=carried.written(virtual_service), at=_parts(place))
    return (*moved, *narrowed, *_route_ops(rules[index], wanted, place), *carries)


def _route_ops(rule: Rule, wanted: Sequence[dict[str, Any]], index: int) -> tuple[Op, ...]:
    have = rule.get("route") or []
    path = (*_parts(index), "route")
    if [item.get("destination") for item in have] == [item["destination"] for item in wanted]:
        changed = [place for place, item in enumerate(wanted) if (have[place].get("weight") or 0) != item["weight"]]
        return tuple(
            {
                "op": "replace" if "weight" in have[place] else "add",
                "path": pointer(*path, str(place), "weight"),
                "value": wanted[place]["weight"],
            }
            for place in changed
        )
    value = [{**_foreign(have, item["destination"]), **item} for item in wanted]
    return ({"op": "replace" if "route" in rule else "add", "path": pointer(*path), "value": value},)


def _foreign(have: Sequence[Mapping[str, Any]], destination: Mapping[str, Any]) -> Mapping[str, Any]:
    """What others noted beside this destination (its headers, say), which stays with it."""
    return next((item for item in have if item.get("destination") == destination), {})


def _parts(index: int) -> tuple[str, ...]:
    return ("spec", "http", str(index))


def _at(index: int) -> str:
    return pointer(*_parts(index))
