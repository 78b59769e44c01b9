"""Conditions on requests, and how two lists of them are combined without losing one.

Of a list one condition must hold, and in a condition all members must; so "both lists" is their cartesian product.
Members that are maps (headers, query parameters, labels) are joined, because a request can have many of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.routing.route_spec import Condition

L4 = ("destinationSubnets", "port", "sourceLabels", "gateways", "sourceNamespace")
"""What Istio can look at before it knows a request (L4MatchAttributes)."""


def product(first: Sequence[Condition], second: Sequence[Condition]) -> list[dict[str, Any]]:
    """The conditions under which one of `first` and one of `second` hold. An empty list holds always.

    What both say of the same header must be equal; the API refuses anything else.
    """
    return [_joined(one, other) for other in second or ({},) for one in first or ({},) if one or other]


def _joined(one: Condition, other: Condition) -> dict[str, Any]:
    both = {**other, **one}
    for member, value in other.items():
        if isinstance(value, Mapping) and isinstance(one.get(member), Mapping):
            both[member] = {**value, **one[member]}
    return both


def only_at(gateways: Sequence[str], conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """The conditions as far as they hold for requests that come by one of these gateways; none if they never do."""
    given = conditions or ({},)
    at = [(each, [one for one in gateways if one in (each.get("gateways") or gateways)]) for each in given]
    return [{**each, "gateways": named} for each, named in at if named]


def l4(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """The same for TCP: of each condition what can be known of a connection."""
    kept = [{member: value for member, value in each.items() if member in L4} for each in conditions]
    return [each for each in kept if each]


class NotCombinableError(ValueError):
    """Two conditions on one thing must both hold, and a match of Istio can say one of it only."""


def combined(first: Sequence[Condition], second: Sequence[Condition]) -> list[dict[str, Any]]:
    """Like `product`, of conditions that nobody has held against each other yet; pairs that never hold are left out.

    So nothing is left of lists that exclude each other. Raises NotCombinableError, naming the header, parameter or
    label, when a pair may hold and cannot be said.
    """
    found = (_both(one, other) for other in second or ({},) for one in first or ({},) if one or other)
    return [each for each in found if each is not None]


def _both(one: Condition, other: Condition) -> dict[str, Any] | None:
    both = {**other, **one}
    for member in one.keys() & other.keys():
        here, there = one[member], other[member]
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            said = {name: _said(f"{member}.{name}", here.get(name), there.get(name)) for name in {**there, **here}}
            if any(value is None for value in said.values()):
                return None
            both[member] = said
        elif here != there:
            raise NotCombinableError(member)
    return both


def _said(what: str, here: Any, there: Any) -> Any:
    """What two conditions on one thing come to; None when never both hold."""
    if there is None or here == there:
        return here
    if here is None:
        return there
    if isinstance(here, str) or isinstance(there, str):
        return None  # labels: one value only
    if not here or not there:
        return here or there  # it has to be there, whatever it says
    if "exact" in here and "exact" in there:
        return None
    raise NotCombinableError(what)
