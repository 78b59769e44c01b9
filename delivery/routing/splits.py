"""How one route of the user divides requests, and what the two roles get of it.

Other destinations keep their share to the last unit, and so does the sum: the roles divide between them what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.routing.destinations import Destination, RoleDestinations
from delivery.routing.rules import Rule, weights

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Split:
    """One route. `given` are its weights in their order; `primary` and `canary` the places of the roles in it.

    The first of `primary` is the one that gets the primary's share; it can be the canary's as well, where a version is
    both.
    """

    given: tuple[int, ...]
    primary: tuple[int, ...]
    canary: tuple[int, ...]

    @property
    def concerns(self) -> bool:
        """Does it lead to a role at all?"""
        return bool(self.primary or self.canary)

    @property
    def whole(self) -> bool:
        """Can it be divided: both roles are there once, and have a share between them?"""
        return bool(self.primary) and len(self.canary) == 1 and self.rest > 0

    @property
    def rest(self) -> int:
        """What the two roles have together."""
        return sum(self.given[place] for place in {*self.primary, *self.canary})

    @property
    def same(self) -> bool:
        """Is one destination both roles?"""
        return bool(self.primary and self.canary) and self.primary[0] == self.canary[0]

    @property
    def behind(self) -> bool:
        """Is one destination both roles, and another one has some of their share still?"""
        return self.same and self.given[self.primary[0]] != self.rest

    @property
    def canary_share(self) -> int:
        """What the canary has now."""
        return sum(self.given[place] for place in self.canary)

    def shares(self, percent: int) -> dict[int, int]:
        """The weight of each role's place when the canary has `percent` (0..100) of the rest.

        Weights are whole numbers: the canary gets the nearest that is not more than was asked for.
        """
        first = self.primary[0]
        if self.same:
            return dict.fromkeys(self.primary, 0) | {first: self.rest}
        share = canary_share(self.rest, percent)
        return dict.fromkeys(self.primary, 0) | {first: self.rest - share, self.canary[0]: share}

    def percent(self, noted: int | None) -> int:
        """The canary's percent of the rest: the `noted` one if it gives just this weight, else rounded up.

        Weights cannot tell two roles that are one destination: then it is what was noted.
        """
        if self.rest == 0:
            return 0
        if self.same:
            return noted or 0
        if noted is not None and canary_share(self.rest, noted) == self.canary_share:
            return noted
        return -(-100 * self.canary_share // self.rest)


def canary_share(rest: int, percent: int) -> int:
    """The canary's weight for `percent` (0..100) of `rest`: the nearest whole number that is not more."""
    return rest * percent // 100


def split_of(rule: Rule, roles: RoleDestinations, *, namespace: str, cluster_domain: str) -> Split:
    """Read a route of a VirtualService in `namespace`."""
    found = [
        Destination.read(each.get("destination") or {}, namespace=namespace, cluster_domain=cluster_domain)
        for each in rule.get("route") or []
    ]
    primary = tuple(place for each in roles.primary for place, there in enumerate(found) if there == each)
    canary = tuple(place for place, there in enumerate(found) if there == roles.canary)
    return Split(tuple(weight for _, weight in weights(rule)), primary, canary)


def with_weights(rule: Rule, shares: Mapping[int, int]) -> Json:
    """The route with these weights at these places, and nothing else changed. A 0 that was not said stays unsaid."""
    items = [
        {**each, "weight": shares[place]} if place in shares and _says(each) != shares[place] else each
        for place, each in enumerate(rule.get("route") or [])
    ]
    return {**rule, "route": items}


def _says(item: Mapping[str, Any]) -> int:
    return int(item.get("weight") or 0)
