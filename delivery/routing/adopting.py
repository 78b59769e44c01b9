"""A VirtualService that was there before us: when its users may be led by our rules, and what it takes.

It is taken over when it routes our hosts already, where we would route them, and sends everybody who meets no special
rule to the apex Service. Then our rule does the same until a run begins: it stands before the one that took everybody,
with that one's timeouts, retries and whatever else it carries. The user's rules all stay, ours are found by their
names; so taking ours out gives the VirtualService back.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Object
from delivery.routing import rules
from delivery.routing.hosts import covers, resolve, routed_hosts
from delivery.routing.route_spec import MESH, RouteSpec
from delivery.workloads.adoption import is_free, note
from delivery.workloads.names import Names
from delivery.workloads.ownership import ORIGINAL_ROUTES, annotations, is_adopted, is_ours, owner_labels, signs

_OWN = ("name", "match", "route", "mirror", "mirrorPercentage", "mirrors")
_ELSEWHERE = ("redirect", "directResponse", "delegate")


def may_adopt(names: Names, spec: RouteSpec, route: Object) -> bool:
    """May this VirtualService, which is not ours, be taken over?"""
    return is_free(route, names) and _is_addressed(names, spec, route) and _leads_to_apex(names, spec, route)


def _is_addressed(names: Names, spec: RouteSpec, route: Object) -> bool:
    """Does it route all of our hosts, on all of our gateways? A delegate has neither."""
    given = route.get("spec") or {}
    if spec.delegation:
        return not given.get("hosts")
    here = {resolve(host, names.namespace, names.cluster_domain) for host in given.get("hosts") or []}
    wanted = {resolve(host, names.namespace, names.cluster_domain) for host in routed_hosts(names, spec)}
    gateways = set(given.get("gateways") or [MESH])
    return wanted <= here and set(spec.gateways or (MESH,)) <= gateways


def _leads_to_apex(names: Names, spec: RouteSpec, route: Object) -> bool:
    """Does whoever meets no special rule come to the apex Service, and nowhere else?"""
    if spec.tcp:
        tcp = rules.rules_of(route, "tcp")
        return not rules.rules_of(route) and all(_is_apex(names, spec, rule) for rule in tcp)
    http = rules.rules_of(route)
    deciding = rules.deciding_index(http)
    return deciding is None or _is_apex(names, spec, http[deciding])


def _is_apex(names: Names, spec: RouteSpec, rule: rules.Rule) -> bool:
    if any(rule.get(member) for member in _ELSEWHERE):
        return False
    led = [item.get("destination") or {} for item in rule.get("route") or []]
    return bool(led) and all(_is_apex_host(names, spec, destination) for destination in led)


def _is_apex_host(names: Names, spec: RouteSpec, destination: Mapping[str, Any]) -> bool:
    host, port = str(destination.get("host", "")), (destination.get("port") or {}).get("number", spec.service.port)
    apex = covers(host, names.host(names.apex), names.namespace, names.cluster_domain)
    return apex and not destination.get("subset") and port == spec.service.port


def address_of(names: Names, spec: RouteSpec, route: Object | None) -> dict[str, Any] | None:
    """Hosts and gateways of an adopted VirtualService: those that it had, and what the Canary asks for besides; None
    for one of our own.
    """
    if route is None or not (is_adopted(route) or is_taken(route, names)):
        return None
    was = original(route) or route.get("spec") or {}
    found: dict[str, Any] = {member: list(was[member]) for member in ("hosts", "gateways") if was.get(member)}
    if spec.delegation:
        return found
    known = {resolve(host, names.namespace, names.cluster_domain) for host in found.get("hosts", ())}
    hosts = routed_hosts(names, spec)
    more = [each for each in hosts if resolve(each, names.namespace, names.cluster_domain) not in known]
    gateways = [each for each in spec.gateways or (MESH,) if each not in found.get("gateways", [MESH])]
    if more:
        found["hosts"] = [*found.get("hosts", ()), *more]
    if gateways:
        found["gateways"] = [*found.get("gateways", [MESH]), *gateways]
    return found


def is_taken(route: Object | None, names: Names) -> bool:
    """Is this the moment in which a VirtualService of the user's is taken over? One with our rule on it never is: it
    was ours, and somebody took our labels off.
    """
    if route is None or is_ours(route, names):
        return False
    return rules.index_of(rules.rules_of(route), rules.RULE) is None


def signed(route: Object | None, names: Names) -> dict[str, str]:
    """The labels by which the VirtualService is known as the Canary's."""
    users = route is not None and (is_adopted(route) or is_taken(route, names))
    return signs(route, names) if users else owner_labels(names)


def taken(route: Object | None, names: Names) -> dict[str, str]:
    """The annotations of the write that takes a VirtualService over: what it said before."""
    if route is None or not is_taken(route, names):
        return {}
    spec = json.dumps(route.get("spec") or {}, sort_keys=True, separators=(",", ":"))
    return {**note(route, names), ORIGINAL_ROUTES: spec}


def original(route: Object) -> Mapping[str, Any] | None:
    """The recorded spec; None when there is none, or nobody can read it."""
    try:
        found = json.loads(str(annotations(route).get(ORIGINAL_ROUTES, "")))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def with_place(http: Sequence[rules.Rule]) -> list[rules.Rule]:
    """The rules with a place for ours before the one that takes everybody, and with what that one carries."""
    deciding = rules.deciding_index(http)
    if deciding is None or rules.index_of(http, rules.RULE) is not None:
        return list(http)
    carried = {key: copy.deepcopy(value) for key, value in http[deciding].items() if key not in _OWN}
    return [*http[:deciding], {"name": rules.RULE, **carried}, *http[deciding:]]
