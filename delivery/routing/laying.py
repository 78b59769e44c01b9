"""Laying our rules among those that are there, and the operations that it takes.

In our rules the name, who they are for, the destinations with their weights, copies to the canary, our cookies and what
the Canary lets them carry (carried.py) are ours; a timeout, a fault or another mirror that somebody adds stays. Our
rules stand together, in place of the one for everybody, and before every rule that takes all requests, or they would
decide nothing.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Op, pointer
from delivery.routing.cookies import HEADER
from delivery.routing.rules import OURS, RULE, Rule, deciding_index, mirrors_to

_MEMBERS = ("name", "match", "route")
_MIRROR = ("mirror", "mirrorPercentage")


def laid(
    current: Sequence[Rule], wanted: Sequence[Mapping[str, Any]], *, before: Sequence[str], canary: str
) -> list[Any]:
    """The whole list of http rules. `before` are the carried members that we wrote last, `canary` is that host."""
    known = {str(rule["name"]): rule for rule in current if rule.get("name") in OURS}
    ours = [_joined(known.get(str(rule["name"]), {}), rule, before=before, canary=canary) for rule in wanted]
    foreign = [rule for rule in current if rule.get("name") not in OURS]
    place = _place(current, foreign)
    return [*foreign[:place], *ours, *foreign[place:]]


def _place(current: Sequence[Rule], foreign: Sequence[Rule]) -> int:
    """How many foreign rules stand before ours: those that do now, but none that takes everything."""
    first = deciding_index(foreign)
    limit = len(foreign) if first is None else first
    default = next((index for index, rule in enumerate(current) if rule.get("name") == RULE), None)
    if default is None:
        return limit
    return min(limit, sum(rule.get("name") not in OURS for rule in current[:default]))


def _joined(have: Rule, wanted: Mapping[str, Any], *, before: Sequence[str], canary: str) -> dict[str, Any]:
    """Our rule as wanted, with what others added to it. Somebody else's mirror is not exchanged for ours."""
    ours = (*_MEMBERS, *before, *(_MIRROR if mirrors_to(have, canary) else ()))
    kept = {key: value for key, value in have.items() if key not in ours}
    taken = _MIRROR if "mirror" in kept else ()
    route = joined_route(have.get("route") or [], wanted["route"])
    return {**kept, **{key: value for key, value in wanted.items() if key not in taken}, "route": route}


def joined_route(have: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The destinations as wanted, each with what others noted beside it (its headers, say)."""
    return [_item(_same(have, item["destination"]), item, alone=len(wanted) == 1) for item in wanted]


def _same(have: Sequence[Mapping[str, Any]], destination: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in have if item.get("destination") == destination), {})


def _item(have: Mapping[str, Any], wanted: Mapping[str, Any], *, alone: bool) -> dict[str, Any]:
    item = copy.deepcopy(dict(have))
    headers = _joined_headers(item.pop("headers", None), wanted.get("headers"))
    unsaid = 100 if alone else 0  # what Istio takes a missing weight for; tools leave such a number out
    weight = {} if have and "weight" not in have and wanted["weight"] == unsaid else {"weight": wanted["weight"]}
    return {**item, "destination": wanted["destination"], **weight, **({"headers": headers} if headers else {})}


def _joined_headers(have: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Others' changes to headers with our cookie, or without the one that is over."""
    headers: dict[str, Any] = copy.deepcopy(dict(have or {}))
    added = (headers.get("response") or {}).get("add") or {}
    added.pop(HEADER, None)
    if wanted:
        response = headers.setdefault("response", {})
        response["add"] = {**(response.get("add") or {}), **wanted["response"]["add"]}
    return _without_empty(headers)


def _without_empty(headers: Mapping[str, Any]) -> dict[str, Any]:
    pruned = {key: _without_empty(value) if isinstance(value, Mapping) else value for key, value in headers.items()}
    return {key: value for key, value in pruned.items() if value != {}}


def differences(have: Any, wanted: Any, path: tuple[str, ...]) -> tuple[Op, ...]:
    """The operations from one JSON value at `path` to another; lists of another length are replaced as a whole.

    That is exact as long as the write is tested on the version that was read.
    """
    if have == wanted:
        return ()
    if isinstance(have, Mapping) and isinstance(wanted, Mapping):
        gone = [{"op": "remove", "path": pointer(*path, key)} for key in have if key not in wanted]
        new = [{"op": "add", "path": pointer(*path, key), "value": wanted[key]} for key in wanted if key not in have]
        same = [op for key in wanted if key in have for op in differences(have[key], wanted[key], (*path, key))]
        return (*gone, *new, *same)
    if isinstance(have, list) and isinstance(wanted, list) and len(have) == len(wanted):
        pairs = enumerate(zip(have, wanted, strict=True))
        return tuple(op for index, (one, other) in pairs for op in differences(one, other, (*path, str(index))))
    return ({"op": "replace", "path": pointer(*path), "value": wanted},)


def cookie_of(item: Mapping[str, Any]) -> str:
    """The cookie that a destination gives out, "" for none."""
    added = ((item.get("headers") or {}).get("response") or {}).get("add") or {}
    return str(added.get(HEADER, ""))
