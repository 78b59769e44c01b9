"""Reading the rules of a VirtualService as Istio does: which rule decides, and what it gives to whom.

Our http rules are found by their names, never by their places, for people and tools put their own before and after
them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.routing.hosts import covers
from delivery.workloads.names import Names

RULE = "progressive-delivery"
"""The rule for everybody."""
MATCHED = f"{RULE}-matched"
TESTERS = f"{RULE}-testers"
CANARY_COOKIE = f"{RULE}-canary-cookie"
PRIMARY_COOKIE = f"{RULE}-primary-cookie"
EXPIRED_COOKIE = f"{RULE}-expired-cookie"
_NAMES = (RULE, MATCHED, TESTERS, CANARY_COOKIE, PRIMARY_COOKIE, EXPIRED_COOKIE)
AT_GATEWAYS = "-gateways"
"""Ends the name of a rule's twin for gateways, where the mesh needs another one."""
OURS = frozenset(name + end for name in _NAMES for end in ("", AT_GATEWAYS))
"""The names of all rules that we write."""

Rule = Mapping[str, Any]


def rules_of(virtual_service: Mapping[str, Any], protocol: str = "http") -> list[Rule]:
    """The rules for a protocol, in Istio's order: the first that matches a request decides."""
    return list((virtual_service.get("spec") or {}).get(protocol) or [])


def index_of(rules: Sequence[Rule], name: str) -> int | None:
    """Where the rule of this name stands."""
    return next((index for index, rule in enumerate(rules) if rule.get("name") == name), None)


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


def share(rule: Rule, names: Names) -> int:
    """The canary's percent of what a rule takes."""
    given = weights(rule)
    total = sum(weight for _, weight in given)
    fqdn = names.host(names.canary_service)
    ours = sum(weight for host, weight in given if covers(host, fqdn, names.namespace, names.cluster_domain))
    return round(100 * ours / total) if total else 0


def everybody_weight(rules: Sequence[Rule], names: Names) -> int | None:
    """The canary's percent of the requests without a special rule; None when no rule takes them.

    Our rule may be for some requests only; it counts as theirs unless one before it takes everything.
    """
    deciding, ours = deciding_index(rules), index_of(rules, RULE)
    index = ours if deciding is None or (ours is not None and ours < deciding) else deciding
    return share(rules[index], names) if index is not None else None


def matched_weight(rules: Sequence[Rule], names: Names) -> int | None:
    """The canary's percent of the requests that the analysis matches; None when no rule of ours matches any.

    A rule that takes everything before it leaves it nothing.
    """
    index, deciding = index_of(rules, MATCHED), deciding_index(rules)
    if index is None:
        return None
    return share(rules[index if deciding is None or index < deciding else deciding], names)


def mirrors_to(rule: Rule, host: str) -> bool:
    """Does the rule copy requests to this host?"""
    mirror = rule.get("mirror")
    return isinstance(mirror, Mapping) and mirror.get("host") == host


def mirror_percent(rules: Sequence[Rule], canary: str) -> int:
    """The percent of requests that our rules copy to the canary's host; without a percentage it is all of them."""
    ours = [rule for rule in rules if rule.get("name") in (RULE, MATCHED) and mirrors_to(rule, canary)]
    return max((_percentage(rule) for rule in ours), default=0)


def _percentage(rule: Rule) -> int:
    percentage = rule.get("mirrorPercentage")
    return round(float(percentage.get("value") or 0)) if isinstance(percentage, Mapping) else 100
