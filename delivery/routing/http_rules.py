"""The http rules that say a traffic: special ones first, then the one for everybody.

A rule for one role names one destination; the rules that split always name both, primary first, so that a step changes
two numbers only. Where the roles' Services have several ports, a request from the mesh goes on to the port that it was
sent to, but a gateway's own ports mean nothing behind it: there a destination names its port. One VirtualService for
both has each rule twice.
"""

from collections.abc import Sequence
from typing import Any

from delivery.routing import cookies
from delivery.routing.conditions import only_at, product
from delivery.routing.route_spec import MESH, Condition, RouteSpec
from delivery.routing.rules import (
    AT_GATEWAYS,
    CANARY_COOKIE,
    EXPIRED_COOKIE,
    MATCHED,
    PRIMARY_COOKIE,
    RULE,
    TESTERS,
)
from delivery.workloads.names import Names
from strategies.traffic import Traffic

Json = dict[str, Any]
EVERYBODY_ELSE = Traffic.to_canary(0)


def wanted_rules(names: Names, spec: RouteSpec, traffic: Traffic) -> list[Json]:
    """Our rules, in their order."""
    found = [*_testers(names, spec, traffic), *_cookies(names, spec, traffic)]
    if traffic.matched:
        if spec.audience:  # taken out of the Canary in the middle of a run, it matches nobody, not everybody
            split = _split(names, spec, traffic)
            found.append(_rule(spec, MATCHED, spec.audience, split, mirror=_mirror(names, spec, traffic)))
        found.append(_rule(spec, RULE, (), _split(names, spec, EVERYBODY_ELSE)))
    else:
        found.append(_rule(spec, RULE, (), _split(names, spec, traffic), mirror=_mirror(names, spec, traffic)))
    return [each for rule in found for each in (*_at_gateways(spec, rule), rule)]


def _at_gateways(spec: RouteSpec, rule: Json) -> list[Json]:
    """The rule's twin for gateways, which names ports, where the rule itself is for the mesh as well."""
    others = [each for each in spec.gateways if each != MESH]
    if not spec.port_discovery or not spec.in_mesh or not others:
        return []
    match = only_at(others, rule.get("match") or ())
    if not match:
        return []
    port = {"number": spec.service.port}
    route = [{**each, "destination": {**each["destination"], "port": port}} for each in rule["route"]]
    mirror = {"mirror": {**rule["mirror"], "port": port}} if "mirror" in rule else {}
    return [{**rule, "name": rule["name"] + AT_GATEWAYS, "match": match, "route": route, **mirror}]


def _testers(names: Names, spec: RouteSpec, traffic: Traffic) -> list[Json]:
    if not traffic.testers or not spec.testers:
        return []
    return [_rule(spec, TESTERS, spec.testers, [_only(names.canary_service, names, spec)])]


def _cookies(names: Names, spec: RouteSpec, traffic: Traffic) -> list[Json]:
    """Who brings a cookie of this run stays with its version; one of an earlier run is taken away."""
    affinity = spec.affinity
    if affinity is None:
        return []
    if traffic.cookie:
        held = (cookies.condition(affinity.cookie_name, traffic.cookie),)
        rules = [_rule(spec, CANARY_COOKIE, held, [_only(names.canary_service, names, spec)])]
        if affinity.primary_cookie_name:
            held = (cookies.condition(affinity.primary_cookie_name, traffic.cookie),)
            rules.append(_rule(spec, PRIMARY_COOKIE, held, [_only(names.primary_service, names, spec)]))
        return rules
    if traffic.expired:
        held = (cookies.condition(affinity.cookie_name, traffic.expired),)
        taken = cookies.given(affinity, name=affinity.cookie_name, value=traffic.expired, seconds=-1)
        route = [{**each, "headers": taken} for each in _split(names, spec, traffic)]
        return [_rule(spec, EXPIRED_COOKIE, held, route)]
    return []


def _rule(
    spec: RouteSpec, name: str, conditions: Sequence[Condition], route: list[Json], *, mirror: Json | None = None
) -> Json:
    match = product(conditions, spec.match)
    return {
        "name": name,
        **({"match": match} if match else {}),
        "route": route,
        **(mirror or {}),
        **spec.service.rule,
    }


def _mirror(names: Names, spec: RouteSpec, traffic: Traffic) -> Json:
    if not traffic.mirror:
        return {}
    return {
        "mirror": _destination(names.canary_service, names, spec),
        "mirrorPercentage": {"value": traffic.mirror},
    }


def _split(names: Names, spec: RouteSpec, traffic: Traffic) -> list[Json]:
    """Both roles with their weights; while there is affinity, each gives out its cookie."""
    route = [
        {"destination": _destination(names.primary_service, names, spec), "weight": traffic.primary},
        {"destination": _destination(names.canary_service, names, spec), "weight": traffic.canary},
    ]
    affinity = spec.affinity
    if affinity is None or not traffic.cookie:
        return route
    primary, canary = route
    canary["headers"] = cookies.given(
        affinity, name=affinity.cookie_name, value=traffic.cookie, seconds=affinity.max_age
    )
    if affinity.primary_cookie_name:
        primary["headers"] = cookies.given(
            affinity,
            name=affinity.primary_cookie_name,
            value=traffic.cookie,
            seconds=spec.primary_cookie_seconds,
        )
    return route


def _only(service: str, names: Names, spec: RouteSpec) -> Json:
    return {"destination": _destination(service, names, spec), "weight": 100}


def _destination(service: str, names: Names, spec: RouteSpec) -> Json:
    return {"host": names.host(service), **spec.named_port}
