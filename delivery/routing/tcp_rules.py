"""TCP routes: weights only, for a connection has neither headers nor copies.

TCP rules have no names, so ours is found by its destinations: the one that leads to a role's host.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.routing.conditions import l4
from delivery.routing.laying import joined_route
from delivery.routing.route_spec import RouteSpec
from delivery.routing.rules import Rule, share, weights
from delivery.workloads.names import Names
from strategies.traffic import Traffic


def wanted_rule(names: Names, spec: RouteSpec, traffic: Traffic) -> dict[str, Any]:
    """The one rule: both roles with their weights."""
    match = l4(spec.match)
    return {
        **({"match": match} if match else {}),
        "route": [
            {"destination": {"host": names.host(names.primary_service), **spec.named_port}, "weight": traffic.primary},
            {"destination": {"host": names.host(names.canary_service), **spec.named_port}, "weight": traffic.canary},
        ],
    }


def laid(current: Sequence[Rule], wanted: Mapping[str, Any], names: Names) -> list[Any]:
    """The whole list of tcp rules with ours in it, in its place or first."""
    index = our_index(current, names)
    if index is None:
        return [dict(wanted), *current]
    have = current[index]
    kept = {key: value for key, value in have.items() if key not in ("match", "route")}
    route = joined_route(have.get("route") or [], wanted["route"])
    return [*current[:index], {**kept, **wanted, "route": route}, *current[index + 1 :]]


def our_index(rules: Sequence[Rule], names: Names) -> int | None:
    """Where the rule stands that leads to a role."""
    hosts = {names.host(names.primary_service), names.host(names.canary_service)}
    leads = ({host for host, _ in weights(rule)} if isinstance(rule, Mapping) else set() for rule in rules)
    return next((index for index, reached in enumerate(leads) if hosts & reached), None)


def canary_weight(rules: Sequence[Rule], names: Names) -> int | None:
    """The canary's percent of the connections; None when no rule of ours takes any."""
    index = our_index(rules, names)
    return None if index is None else share(rules[index], names)
