"""Rules of ours in front of a route of the user, for whatever weights alone cannot say.

Each is a copy of the route behind it, with its timeouts, faults and rewrites, for some of its requests: so it changes
nothing for them but the role that answers. They carry names of ours, are made anew at every write and end with the run.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from delivery.routing import cookies
from delivery.routing.claims import owner
from delivery.routing.conditions import NotCombinableError, combined
from delivery.routing.cookies import HEADER
from delivery.routing.destinations import Destination
from delivery.routing.route_spec import Condition, RouteSpec
from delivery.routing.rules import RULE, Rule
from delivery.routing.splits import Split, with_weights
from delivery.workloads.names import Names
from strategies.traffic import Traffic

Json = dict[str, Any]
TESTERS, CANARY_COOKIE, PRIMARY_COOKIE, MATCHED, SPLIT = (
    "testers",
    "canary-cookie",
    "primary-cookie",
    "matched",
    "split",
)


def is_front(rule: Rule, names: Names | None = None) -> bool:
    """Is it such a rule, of this Canary or (None) of any?"""
    name = str(rule.get("name", ""))
    whose = "" if names is None else f"{owner(names)}/"
    return name.startswith(f"{RULE}-") and name.partition("/")[2].startswith(whose) and "/" in name


def sort_of(rule: Rule) -> str:
    """Which of them it is."""
    return str(rule.get("name", "")).partition("/")[0].removeprefix(f"{RULE}-")


def fronts(names: Names, spec: RouteSpec, traffic: Traffic, rule: Rule, split: Split) -> list[Json]:
    """The rules in front of a route, in their order; none when its weights say all. The route can be divided."""
    given = _special(names, spec, traffic, rule, split)
    return [each for each in given if each is not None]


def _special(names: Names, spec: RouteSpec, traffic: Traffic, rule: Rule, split: Split) -> Iterator[Json | None]:
    def front(sort: str, conditions: Sequence[Condition], items: list[Json], extra: Json | None = None) -> Json | None:
        name = "/".join(filter(None, (f"{RULE}-{sort}", owner(names), str(rule.get("name", "")))))
        return _copy(rule, name, conditions, items, extra or {})

    only_canary = [_alone(rule, split.canary[0])]
    if traffic.testers and spec.testers:
        yield front(TESTERS, spec.testers, only_canary)
    affinity = spec.affinity if traffic.cookie else None
    if affinity is not None:
        yield front(CANARY_COOKIE, (cookies.condition(affinity.cookie_name, traffic.cookie),), only_canary)
        if affinity.primary_cookie_name:
            held = cookies.condition(affinity.primary_cookie_name, traffic.cookie)
            yield front(PRIMARY_COOKIE, (held,), [_alone(rule, split.primary[0])])
    if traffic.matched or traffic.mirror or affinity is not None:
        items = _divided(spec, traffic, rule, split)
        mirror = _mirrored(traffic, rule, split)
        sort = MATCHED if traffic.matched else SPLIT
        yield front(sort, spec.audience if traffic.matched else (), items, mirror)


def _copy(
    rule: Rule, name: str, conditions: Sequence[Condition], items: list[Json], extra: Mapping[str, Any]
) -> Json | None:
    """The route for some of its requests; None when none of them can be meant, or that cannot be said (then nobody
    meets the canary for it, and `reference_problems` says why).
    """
    try:
        match = combined(conditions, rule.get("match") or [])
    except NotCombinableError:
        return None
    if not match and (conditions or rule.get("match")):
        return None
    kept = {key: copy.deepcopy(value) for key, value in rule.items() if key not in ("name", "match", "route")}
    return {"name": name, **({"match": match} if match else {}), "route": items, **kept, **extra}


def _alone(rule: Rule, place: int) -> Json:
    item = copy.deepcopy(dict(rule["route"][place]))
    item.pop("weight", None)
    return item


def _divided(spec: RouteSpec, traffic: Traffic, rule: Rule, split: Split) -> list[Json]:
    """The route's destinations with the canary's share; while there is affinity, each role gives out its cookie."""
    items: list[Json] = copy.deepcopy(with_weights(rule, split.shares(traffic.canary))["route"])
    affinity = spec.affinity
    if affinity is not None and traffic.cookie:
        name, value = affinity.cookie_name, traffic.cookie
        _give(items[split.canary[0]], cookies.given(affinity, name=name, value=value, seconds=affinity.max_age))
        if affinity.primary_cookie_name:
            name, seconds = affinity.primary_cookie_name, spec.primary_cookie_seconds
            _give(items[split.primary[0]], cookies.given(affinity, name=name, value=value, seconds=seconds))
    return items


def gives_cookie(item: Mapping[str, Any]) -> bool:
    """Does a destination of the user add a cookie to answers? Istio's map has room for one."""
    added = ((item.get("headers") or {}).get("response") or {}).get("add") or {}
    return any(str(name).lower() == HEADER.lower() for name in added)


def _give(item: Json, headers: Json) -> None:
    """Give out our cookie as well; the user's own one stays."""
    if not gives_cookie(item):
        response = item.setdefault("headers", {}).setdefault("response", {})
        response["add"] = {**(response.get("add") or {}), **headers["response"]["add"]}


def _mirrored(traffic: Traffic, rule: Rule, split: Split) -> Json:
    """Copies to the canary, besides those that the user asks for; a single other mirror leaves no room."""
    if not traffic.mirror or "mirror" in rule:
        return {}
    canary = copy.deepcopy(rule["route"][split.canary[0]]["destination"])
    if "mirrors" in rule:
        ours = {"destination": canary, "percentage": {"value": traffic.mirror}}
        return {"mirrors": [*copy.deepcopy(rule["mirrors"]), ours]}
    return {"mirror": canary, "mirrorPercentage": {"value": traffic.mirror}}


def mirrored_percent(front: Rule, canary: Destination, *, namespace: str, cluster_domain: str) -> int:
    """The percent of requests that one of our rules copies to the canary."""
    found = [(each.get("destination"), each.get("percentage")) for each in front.get("mirrors") or []]
    found.append((front.get("mirror"), front.get("mirrorPercentage")))
    shares = [
        round(float((percentage or {}).get("value") or 0))
        for target, percentage in found
        if target and Destination.read(target, namespace=namespace, cluster_domain=cluster_domain) == canary
    ]
    return max(shares, default=0)
