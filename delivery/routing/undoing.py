"""A VirtualService as it was before us.

Our rules are found by their names and go; a VirtualService that we made goes with them, unless something would be cut
off by that: then it stays, and what we took leads to the apex Service.
"""

import copy
from collections.abc import Sequence
from typing import Any

from delivery.cluster.objects import VIRTUAL_SERVICES, Change, Object, Op, pointer
from delivery.routing import rules, tcp_rules
from delivery.routing.adopting import original
from delivery.routing.route_spec import MESH
from delivery.workloads.adoption import before
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact
from delivery.workloads.ownership import is_adopted, is_ours
from delivery.workloads.releasing import release, removal
from delivery.workloads.written import Written


def given_back(names: Names, route: Object | None, *, noted: Sequence[str], epoch: int) -> Change | None:
    """The change after which nothing of ours is on the VirtualService; None when that is so.

    `noted` are the keys of annotations that we put on every one besides our own.
    """
    if route is None or not is_ours(route, names):
        return None
    if is_adopted(route):
        return _adopted_back(names, route, noted=noted, epoch=epoch)
    if _serves_the_mesh_alone(route, names):
        return removal(VIRTUAL_SERVICES, route, names, epoch=epoch)
    wrote = Written.on(route)
    gone = {"labels": wrote.labels, "annotations": {*wrote.annotations, *noted}}
    wanted = {"metadata": {part: {key: Absent() for key in keys} for part, keys in gone.items()}}
    why = "the routes lead to the apex Service, without the Canary"
    return release(VIRTUAL_SERVICES, route, wanted, epoch=epoch, why=why, extra=_to_apex(route, names))


def _adopted_back(names: Names, route: Object, *, noted: Sequence[str], epoch: int) -> Change | None:
    """Our rules go; hosts and gateways are as they were, and so are labels and annotations that we wrote."""
    wanted = before(route, noted=noted)
    was = original(route)
    if was is not None:
        wanted["spec"] = {member: Exact(was[member]) if member in was else Absent() for member in ("hosts", "gateways")}
    ops: list[Op] = []
    http, tcp = rules.rules_of(route), rules.rules_of(route, "tcp")
    ops += _replace("http", http, [rule for rule in http if rule.get("name") not in rules.OURS])
    if (own := tcp_rules.our_index(tcp, names)) is not None:
        ops += _replace("tcp", tcp, [*tcp[:own], *tcp[own + 1 :]])
    why = "the routes are what they were before the Canary"
    return release(VIRTUAL_SERVICES, route, wanted, epoch=epoch, why=why, extra=ops)


def _serves_the_mesh_alone(route: Object, names: Names) -> bool:
    """Does every request reach the apex Service without it, and is no rule on it but ours?"""
    spec = route.get("spec") or {}
    http, tcp = rules.rules_of(route), rules.rules_of(route, "tcp")
    foreign = [rule for rule in http if rule.get("name") not in rules.OURS]
    own = tcp_rules.our_index(tcp, names)
    others = len(tcp) - (own is not None)
    hosts, gateways = spec.get("hosts") or [], spec.get("gateways") or [MESH]
    alone = hosts == [names.host(names.apex)] and gateways == [MESH]
    return alone and not foreign and not others and not spec.get("tls")


def _to_apex(route: Object, names: Names) -> tuple[Op, ...]:
    """The operations after which one rule of ours is left for each protocol, and leads to the apex Service."""
    ops: list[Op] = []
    http, tcp = rules.rules_of(route), rules.rules_of(route, "tcp")
    if http:
        kept = [rule for rule in http if rule.get("name") not in rules.OURS - {rules.RULE}]
        ops += _replace("http", http, [_led(rule, names) if rule.get("name") == rules.RULE else rule for rule in kept])
    if (own := tcp_rules.our_index(tcp, names)) is not None:
        ops += _replace("tcp", tcp, [_led(rule, names) if index == own else rule for index, rule in enumerate(tcp)])
    return tuple(ops)


def _replace(member: str, have: Sequence[Any], after: Sequence[Any]) -> list[Op]:
    if list(have) == list(after):
        return []
    if not after:
        return [{"op": "remove", "path": pointer("spec", member)}]
    return [{"op": "replace", "path": pointer("spec", member), "value": list(after)}]


def _led(rule: rules.Rule, names: Names) -> dict[str, Any]:
    """The rule with one destination, the apex Service; copies to the canary end."""
    led = copy.deepcopy(dict(rule))
    if rules.mirrors_to(rule, names.host(names.canary_service)):
        led.pop("mirror", None)
        led.pop("mirrorPercentage", None)
    ports = [item["destination"]["port"] for item in rule.get("route") or [] if "port" in item["destination"]]
    destination = {"host": names.host(names.apex), **({"port": ports[0]} if ports else {})}
    return {**led, "route": [{"destination": destination}]}
