"""One VirtualService of the user as a Canary sees it: which of its routes split, what they say, what they are to say.

Routes are found by name or by their destinations at every look, never by place; everything that is not a role's
weight, a rule of ours or our note is carried over as it was read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from delivery.cluster.objects import Object
from delivery.routing.applied import digest
from delivery.routing.claims import Claim, claim_of, key, owner
from delivery.routing.destinations import NOWHERE, Destination, RoleDestinations
from delivery.routing.fronts import (
    MATCHED,
    SPLIT,
    TESTERS,
    fronts,
    is_front,
    mirrored_percent,
    sort_of,
)
from delivery.routing.route_spec import Reference, RouteSpec
from delivery.routing.rules import Rule, rules_of, weights
from delivery.routing.splits import Split, split_of, with_weights
from delivery.workloads.names import Names
from strategies.traffic import Traffic

PROTOCOLS = ("http", "tls", "tcp")
Json = dict[str, Any]
Place = tuple[str, int]
"""A protocol and the index of a route in its list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referenced:
    """A VirtualService, for one Canary."""

    names: Names
    spec: RouteSpec
    reference: Reference
    body: Object

    @property
    def roles(self) -> RoleDestinations:
        """Where the roles are."""
        return RoleDestinations.of(self.names, self.spec)

    @property
    def claim(self) -> Claim | None:
        """What we noted last."""
        return claim_of(self.body, self.names)

    def split(self, rule: Rule) -> Split:
        """How a route divides requests."""
        return split_of(rule, self.roles, namespace=self.reference.namespace, cluster_domain=self.names.cluster_domain)

    def splits(self) -> Iterator[tuple[Place, Rule, Split]]:
        """The routes that are ours to divide, whether they can be or not.

        Where subsets are versions, each with both versions among its destinations: a route that leads to the one that
        serves need not name all that will ever come.
        """
        wanted = self._wanted_names()
        for protocol in PROTOCOLS:
            for index, rule in enumerate(rules_of(self.body, protocol)):
                if not isinstance(rule, Mapping) or is_front(rule):
                    continue
                named = protocol == "http" and bool(wanted)
                if rule.get("name") in wanted if named else self._leads_to_role(rule):
                    whole = self._completed(rule)
                    yield (protocol, index), whole, self.split(whole)

    def _leads_to_role(self, rule: Rule) -> bool:
        """Does it lead to a role? A route to a version that nobody serves by is its people's way to try that one."""
        split = self.split(rule)
        if not self.by_version:
            return split.concerns
        return bool(split.primary) or (bool(split.canary_share) and self._left_alone)

    @property
    def by_version(self) -> bool:
        """Are the roles versions, of which each has a subset for ever?"""
        return self.spec.by_version

    @property
    def _left_alone(self) -> bool:
        """Has the canary requests of ours, and no route leads to the primary any more?"""
        claim = self.claim
        if claim is None or claim.weight == 0:
            return False
        rules = (rule for protocol in PROTOCOLS for rule in rules_of(self.body, protocol))
        return not any(isinstance(rule, Mapping) and not is_front(rule) and self.split(rule).primary for rule in rules)

    def _completed(self, rule: Rule) -> Rule:
        """The same with a destination for each version that is a role, where it leads to one of them.

        It is like the one that is there, with its port and its headers, but for the subset.
        """
        split = self.split(rule)
        if not self.by_version or not split.concerns:
            return rule
        roles, items = self.roles, rule["route"]
        wanted = dict.fromkeys(each for each in (roles.primary[0], roles.canary) if each != NOWHERE)
        missing = [each for each in wanted if not any(self._leads(item, each) for item in items)]
        if not missing:
            return rule
        model = items[(*split.primary, *split.canary)[0]]
        items = [{**item, "weight": 100} for item in items] if len(items) == 1 else items
        added = [
            {**model, "destination": {**model["destination"], "subset": each.subset}, "weight": 0} for each in missing
        ]
        return {**rule, "route": [*items, *added]}

    def _wanted_names(self) -> frozenset[str]:
        """The names asked for, and those on which a run has left a share; none: all routes that name a role."""
        asked, claim = self.reference.routes, self.claim
        if claim is None or claim.weight == 0:
            return frozenset(asked)
        return frozenset((*asked, *claim.routes)) if asked and claim.routes else frozenset()

    # -- what it says

    def weights(self) -> Iterator[tuple[int, int, int, bool]]:
        """Of each route: the canary's percent of what the analysis matches, of all else, what is copied, testers."""
        claim = self.claim
        for (protocol, index), _, split in self.splits():
            before = {sort_of(each): each for each in self._before(index)} if protocol == "http" else {}
            plain = split if SPLIT not in before else self.split(before[SPLIT])
            everybody = plain.percent(claim.everybody if claim is not None else None)
            matched = everybody
            if MATCHED in before:
                matched = self.split(before[MATCHED]).percent(claim.weight if claim is not None else None)
            copies = max((self._copies(before[sort]) for sort in (SPLIT, MATCHED) if sort in before), default=0)
            yield matched, everybody, copies, TESTERS in before

    def _before(self, index: int) -> Iterator[Rule]:
        """Our rules right in front of a route."""
        http = rules_of(self.body)
        while index > 0 and is_front(http[index - 1], self.names):
            index -= 1
            yield http[index]

    def _copies(self, front: Rule) -> int:
        return mirrored_percent(
            front,
            self.roles.canary,
            namespace=self.reference.namespace,
            cluster_domain=self.names.cluster_domain,
        )

    @property
    def untouched(self) -> bool:
        """Is everything that is ours as our last write left it?"""
        claim = self.claim
        return claim is not None and claim.applied == self.digest

    @property
    def digest(self) -> str:
        """A hash of what is ours: the roles' weights and our rules. The order of routes does not matter."""
        said = self._by_name if self.by_version else _by_role
        given = [
            [protocol, str(rule.get("name", "")), *said(rule, split)] for (protocol, _), rule, split in self.splits()
        ]
        ours = [each for each in rules_of(self.body) if isinstance(each, Mapping) and is_front(each, self.names)]
        return digest([sorted(given), ours])

    def _by_name(self, rule: Rule, split: Split) -> list[Any]:
        """What each version has: a promotion, which is no write of this object, changes whose role it is."""
        places = sorted({*split.primary, *split.canary})
        there = [(str((rule["route"][at]["destination"]).get("subset", "")), split.given[at]) for at in places]
        return [sorted([subset, weight] for subset, weight in there if weight)]

    @property
    def behind(self) -> bool:
        """Has a version that was the primary's before still some of what belongs to the one that is it now?"""
        return self.by_version and any(split.behind for _, _, split in self.splits())

    # -- what it is to say

    def laid(self, traffic: Traffic) -> "Referenced":
        """The same with the weights and rules for `traffic`; its claim is not written yet."""
        spec: Json = dict(self.body.get("spec") or {})
        places = {place: (rule, split) for place, rule, split in self.splits()}
        for protocol in PROTOCOLS:
            if protocol in spec:
                spec[protocol] = list(self._rules(protocol, places, traffic))
        return replace(self, body={**self.body, "spec": spec})

    def _rules(self, protocol: str, places: Mapping[Place, tuple[Rule, Split]], traffic: Traffic) -> Iterator[Rule]:
        for index, rule in enumerate(rules_of(self.body, protocol)):
            if isinstance(rule, Mapping) and is_front(rule, self.names):
                continue
            if (protocol, index) not in places:
                yield rule
                continue
            there = rule
            rule, split = self._rescued(*places[protocol, index], traffic)
            if not split.whole:
                yield there
                continue
            after = with_weights(rule, split.shares(traffic.everybody))
            if protocol == "http" and not self.reference.leaving:
                yield from fronts(self.names, self.spec, traffic, after, split)
            yield _needed(after, there)

    def _rescued(self, rule: Rule, split: Split, traffic: Traffic) -> tuple[Rule, Split]:
        """A route that lost the primary's destination while the canary has requests gets it back: pods go last, and
        only when no route leads to them.
        """
        if split.primary or len(split.canary) != 1 or not split.canary_share or traffic.everybody == 100:
            return rule, split
        alone = len(rule["route"]) == 1
        items = [{**each, "weight": 100} if alone else each for each in rule["route"]]
        again = {**rule, "route": [*items, {"destination": self.roles.primary[0].as_json, "weight": 0}]}
        return again, self.split(again)

    def given_back(self) -> "Referenced":
        """The same with all of the roles' share for the target's pods, and no rule of ours."""
        spec: Json = dict(self.body.get("spec") or {})
        places = {place: (rule, split) for place, rule, split in self.splits()}
        for protocol in PROTOCOLS:
            if protocol in spec:
                rules = enumerate(rules_of(self.body, protocol))
                spec[protocol] = [
                    _needed(self._for_target(*places[protocol, index]), rule) if (protocol, index) in places else rule
                    for index, rule in rules
                    if not (isinstance(rule, Mapping) and is_front(rule, self.names))
                ]
        return replace(self, body={**self.body, "spec": spec})

    def _for_target(self, rule: Rule, split: Split) -> Rule:
        """A subset of the target's pods gets all; of hosts the apex Service's, whose Service is not ours to delete."""
        if self.by_version or not split.concerns or not split.rest:
            return rule  # of versions the one that serves has it already
        to = self.roles.canary if self.spec.subsets is not None else self.roles.primary[-1]
        nothing = dict.fromkeys((*split.primary, *split.canary), 0)
        rule = {**rule, "route": [*rule["route"]]}
        place = next((at for at in nothing if self._leads(rule["route"][at], to)), len(rule["route"]))
        if place == len(rule["route"]):
            rule["route"].append({"destination": to.as_json, "weight": 0})
        return with_weights(rule, {**nothing, place: split.rest})

    def _leads(self, item: Mapping[str, Any], to: Destination) -> bool:
        namespace, domain = self.reference.namespace, self.names.cluster_domain
        return Destination.read(item.get("destination") or {}, namespace=namespace, cluster_domain=domain) == to

    def noted(self, traffic: Traffic) -> Claim | None:
        """What to note when this is written; None when nothing is left of us that anybody has to know."""
        if self.reference.leaving and traffic.canary == 0:
            return None
        claim = Claim(
            canary=owner(self.names),
            weight=traffic.canary,
            everybody=traffic.everybody,
            routes=self._noted_routes(traffic),
        )
        return replace(claim, applied=self._with(claim).digest)

    def _with(self, claim: Claim) -> "Referenced":
        meta = self.body["metadata"]
        noted = {**(meta.get("annotations") or {}), key(self.names): claim.text}
        return replace(self, body={**self.body, "metadata": {**meta, "annotations": noted}})

    def _noted_routes(self, traffic: Traffic) -> tuple[str, ...]:
        """The names asked for; while the canary has requests, those too on which it had some."""
        return tuple(sorted(self._wanted_names())) if traffic.canary else tuple(sorted(self.reference.routes))


def _by_role(_: Rule, split: Split) -> list[Any]:
    return [[split.given[at] for at in role] for role in (split.primary, split.canary)]


def _needed(after: Rule, before: Rule) -> Rule:
    """The route without destinations that were thought of and get nothing; as it was when it says the same."""
    there = len(before["route"])
    added = (each for each in after["route"][there:] if each.get("weight"))
    kept = {**after, "route": [*after["route"][:there], *added]}
    return before if weights(kept) == weights(before) else kept
