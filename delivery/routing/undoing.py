"""A VirtualService as it was before us.

Our rules are found by their names and go; a VirtualService that we made goes with them, unless something would be cut
off by that: then it stays, and what we took leads to the apex Service.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import VIRTUAL_SERVICES, Action, Change, Object, Op, Ref, pointer, resource_version
from delivery.routing import rules, tcp_rules
from delivery.routing.route_spec import MESH
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent
from delivery.workloads.ownership import check_fence, is_ours
from delivery.workloads.releasing import release


def given_back(
    names: Names, route: Object | None, *, noted: Mapping[str, str], given: Mapping[str, str], epoch: int
) -> Change | None:
    """The change after which nothing of ours is on the VirtualService; None when that is so.

    `given` are the labels and `noted` the annotations that we put on it besides our own.
    """
    if route is None or not is_ours(route, names):
        return None
    if _serves_the_mesh_alone(route, names):
        check_fence(Ref.of(VIRTUAL_SERVICES, route), route, epoch)
        return Change(
            ref=Ref.of(VIRTUAL_SERVICES, route),
            action=Action.DELETE,
            version=resource_version(route),
            why="there was no VirtualService before the Canary",
        )
    wanted = {
        "metadata": {
            "labels": {key: Absent() for key in given},
            "annotations": {key: Absent() for key in noted},
        }
    }
    why = "the routes lead to the apex Service, without the Canary"
    return release(VIRTUAL_SERVICES, route, wanted, epoch=epoch, why=why, extra=_to_apex(route, names))


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


def _replace(member: str, before: Sequence[Any], after: Sequence[Any]) -> list[Op]:
    same = list(before) == list(after)
    return [] if same else [{"op": "replace", "path": pointer("spec", member), "value": list(after)}]


def _led(rule: rules.Rule, names: Names) -> dict[str, Any]:
    """The rule with one destination, the apex Service; copies to the canary end."""
    led = copy.deepcopy(dict(rule))
    if rules.mirrors_to(rule, names.host(names.canary_service)):
        led.pop("mirror", None)
        led.pop("mirrorPercentage", None)
    ports = [item["destination"]["port"] for item in rule.get("route") or [] if "port" in item["destination"]]
    destination = {"host": names.host(names.apex), **({"port": ports[0]} if ports else {})}
    return {**led, "route": [{"destination": destination}]}
