"""What has to be clear before weights of the user's routes are moved; each answer names what to change, and to what.

Nothing is guessed and nothing is added to a route in silence: who shares a route with us has said so by naming both
roles in it.
"""

from collections.abc import Iterable, Iterator, Mapping

from delivery.cluster.objects import Ref
from delivery.routing import cookies
from delivery.routing.conditions import NotCombinableError, combined
from delivery.routing.fronts import gives_cookie
from delivery.routing.referenced import Place, Referenced
from delivery.routing.route_spec import Reference, RouteSpec
from delivery.routing.router import Observed
from delivery.routing.rules import Rule, rules_of
from delivery.routing.splits import Split, canary_share
from delivery.workloads.names import Names
from strategies.snapshot import Problem
from strategies.traffic import Traffic


def route_problem(names: Names, spec: RouteSpec, observed: Observed) -> Problem | None:
    """Why the routes that the Canary names cannot be divided, if so: the first reason."""
    for reference in spec.references:
        body = observed.get(reference.ref)
        if reference.leaving:
            continue
        if body is None:
            return _not_found(
                f"{_called(reference)} does not exist or is in a namespace that is not watched; create it"
            )
        route = Referenced(names=names, spec=spec, reference=reference, body=body)
        found = _names_problem(route) or next(filter(None, _each(route)), None) or _needs_http(route)
        if found is not None:
            return found
    return None


def _not_found(message: str) -> Problem:
    return Problem(reason="RouteNotFound", message=f"{message}, or correct spec.routeRefs")


def _called(reference: Reference) -> str:
    return f"VirtualService {reference.namespace}/{reference.name}"


def _names_problem(route: Referenced) -> Problem | None:
    """Are the named routes there, and is there any route at all?"""
    there = [str(rule.get("name", "")) for rule in rules_of(route.body)]
    missing = [name for name in route.reference.routes if name not in there]
    if missing:
        known = ", ".join(filter(None, there)) or "none with a name"
        return _not_found(f"{_called(route.reference)} has no http route {missing[0]}; it has {known}: add it")
    if next(route.splits(), None) is None:
        roles = route.roles
        where = f"no route of {_called(route.reference)} leads to"
        if route.by_version:
            wanted = f"{where} the version that serves; add the destination {roles.primary[0]}"
        else:
            wanted = f"{where} a role; add the destinations {roles.primary[-1]} and {roles.canary}"
        return Problem(reason="DestinationMissing", message=f"{wanted} to the route that splits")
    return None


def _each(route: Referenced) -> Iterator[Problem | None]:
    for (protocol, _), rule, split in route.splits():
        name = rule.get("name") or "without a name"
        where = f"{protocol} route {name} of {_called(route.reference)}"
        yield _destinations(where, route, split)
        if protocol == "http":
            yield _conditions(where, route.spec, rule)
            yield _places_taken(where, route.spec, rule, split)


def _destinations(where: str, route: Referenced, split: Split) -> Problem | None:
    """Are both roles there, each once, with something to divide? The canary of versions is added when it is due."""
    roles = route.roles
    usual = roles.primary[0 if route.by_version else -1]
    lacking = [] if split.primary else [str(usual)]
    lacking += [] if split.canary or route.by_version else [str(roles.canary)]
    if lacking:
        other = "" if route.reference.routes else "; or name the routes that split in routeRefs[].routes"
        return Problem(
            reason="DestinationMissing",
            message=f"{where} does not lead to {' and '.join(lacking)}; add it with weight 0{other}",
        )
    if len(split.canary) > 1 or len(split.primary) > len(roles.primary):
        return Problem(reason="DestinationTwice", message=f"{where} leads to a role twice; keep one destination of it")
    if split.rest == 0:
        ours = " or ".join(dict.fromkeys((str(usual), str(roles.canary))))
        return Problem(
            reason="NoShare",
            message=f"{where} gives all to other destinations and nothing to {ours}; leave some weight there",
        )
    return None


def _conditions(where: str, spec: RouteSpec, rule: Rule) -> Problem | None:
    """Can whoever meets the canary be told apart within the route's own match?"""
    asked = [("analysis.match", spec.audience), ("analysis.testerMatch", spec.testers)]
    if spec.affinity is not None:
        asked.append(("analysis.sessionAffinity", (cookies.condition(spec.affinity.cookie_name, "x"),)))
    for field, conditions in asked:
        try:
            combined(conditions, rule.get("match") or [])
        except NotCombinableError as error:
            return Problem(
                reason="ConditionNotCombinable",
                message=f"{field} and {where} both have a condition on {error}, and a match of Istio can say one only; "
                "take one of them out",
            )
    return None


def _places_taken(where: str, spec: RouteSpec, rule: Rule, split: Split) -> Problem | None:
    """Is what we have to add there already the user's?"""
    if spec.mirrors and "mirror" in rule:
        return Problem(
            reason="MirrorTaken",
            message=f"{where} has a mirror, beside which there is no room for analysis.mirror; write it under mirrors",
        )
    items = [rule["route"][place] for place in (*split.primary, *split.canary)]
    if spec.affinity is not None and any(map(gives_cookie, items)):
        return Problem(
            reason="CookieTaken",
            message=f"{where} adds a Set-Cookie to a role's answers, which leaves no room for "
            "analysis.sessionAffinity; take one of them out",
        )
    return None


def _needs_http(route: Referenced) -> Problem | None:
    spec = route.spec
    asked = bool(spec.audience or spec.testers or spec.affinity or spec.mirrors)
    if not asked or any(protocol == "http" for (protocol, _), _, _ in route.splits()):
        return None
    return Problem(
        reason="NeedsHttpRoute",
        message=f"{_called(route.reference)} splits connections only, and analysis.match, testerMatch, mirror and "
        "sessionAffinity are about requests; take them out of the Canary",
    )


def claimed_problem(
    mine: Mapping[Ref, Iterable[Place]], other: str, theirs: Mapping[Ref, Iterable[Place]]
) -> Problem | None:
    """Does an older Canary, called `other`, move weights on one of our routes?"""
    for ref, places in mine.items():
        if both := sorted(set(places) & set(theirs.get(ref, ()))):
            protocol, index = both[0]
            return Problem(
                reason="RouteClaimed",
                message=f"Canary {other} already moves the weights of {protocol} route number {index + 1} of {ref}; "
                "name other routes in spec.routeRefs, or delete one of the two",
            )
    return None


def coarse_problem(names: Names, spec: RouteSpec, observed: Observed, traffic: Traffic) -> Problem | None:
    """Is there a route on which whole numbers cannot say the canary's percent?"""
    for reference in spec.references:
        body = observed.get(reference.ref)
        if body is None:
            continue
        for (protocol, _), rule, split in Referenced(names=names, spec=spec, reference=reference, body=body).splits():
            if split.whole and not split.same and split.rest * traffic.canary % 100:
                share = canary_share(split.rest, traffic.canary)
                return Problem(
                    reason="CoarseWeights",
                    message=f"{protocol} route {rule.get('name') or 'without a name'} of {_called(reference)} leaves "
                    f"the roles {split.rest}, of which {traffic.canary} % is no whole number: the canary gets {share}; "
                    "give all its weights as larger numbers, for example ten times as large",
                )
    return None
