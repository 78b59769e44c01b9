"""Roles as subsets of one host: do the subsets select the right pods, and does every way to the host name one?

The DestinationRule stays the user's and is never written: its labels need not change between releases, and a second
writer of them would be one too many.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, Object, Ref
from delivery.routing.destinations import Destination
from delivery.routing.hosts import resolve
from delivery.routing.referenced import PROTOCOLS
from delivery.routing.route_spec import RouteSpec, Subsets
from delivery.routing.router import Observed
from delivery.routing.rules import rules_of
from delivery.workloads.names import Names
from strategies.snapshot import Problem


def subset_problem(
    names: Names,
    spec: RouteSpec,
    observed: Observed,
    *,
    apex: Object | None,
    canary: Mapping[str, str],
    primaries: Sequence[Mapping[str, str]],
) -> Problem | None:
    """Do the subsets, and the apex Service, select the roles' pods?

    `canary` are the labels of the target's pods, `primaries` those of the primary's, now and after a promotion.
    """
    if spec.subsets is None or spec.subsets.versions:
        return None
    if (missing := rule_problem(names, spec.subsets, observed)) is not None:
        return missing
    rule = observed.get(Ref(DESTINATION_RULES, names.namespace, spec.subsets.rule)) or {}
    where = f"DestinationRule {names.namespace}/{spec.subsets.rule}"
    given = {str(each.get("name")): each.get("labels") or {} for each in (rule.get("spec") or {}).get("subsets") or []}
    roles = (
        (spec.subsets.primary, "primary", primaries, (canary,)),
        (spec.subsets.canary, "target", (canary,), primaries),
    )
    for subset, role, own, others in roles:
        if subset not in given:
            return not_found(f"{where} has no subset {subset}; add it or correct spec.subsetRef")
        if not _tells(given[subset], own, others):
            return Problem(
                reason="SubsetSelectsWrongPods",
                message=f"{where}: subset {subset} has to select the {role}'s pods, whatever their version, and no "
                f"others; give it the labels {_differing(own, others)}",
            )
    return apex_problem(names, apex, (canary, *primaries))


def rule_problem(names: Names, subsets: Subsets, observed: Observed) -> Problem | None:
    """Is the user's DestinationRule there, and about the apex host?"""
    rule = observed.get(Ref(DESTINATION_RULES, names.namespace, subsets.rule))
    where, apex = f"DestinationRule {names.namespace}/{subsets.rule}", names.host(names.apex)
    if rule is None:
        return not_found(f"{where} does not exist; create it or correct spec.subsetRef")
    said = str((rule.get("spec") or {}).get("host", ""))
    if resolve(said, names.namespace, names.cluster_domain) == apex:
        return None
    return not_found(f"{where} is about host {said or None}, not about {apex}; name one that is")


def not_found(message: str) -> Problem:
    """The subset that a Canary needs is not there."""
    return Problem(reason="SubsetNotFound", message=message)


def _tells(selector: Mapping[str, str], own: Iterable[Mapping[str, str]], others: Iterable[Mapping[str, str]]) -> bool:
    """Does it select all of its own pods and none of the others?"""
    mine = all(selects(selector, labels) for labels in own)
    return bool(selector) and mine and not any(selects(selector, labels) for labels in others)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Are pods with these labels among those that a selector wants?"""
    return all(labels.get(key) == value for key, value in selector.items())


def _differing(own: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> str:
    """The labels that all of these pods have and none of the others."""
    first = own[0]
    common = {key: value for key, value in first.items() if all(each.get(key) == value for each in own)}
    told = {key: value for key, value in common.items() if all(each.get(key) != value for each in others)}
    return ", ".join(f"{key}: {value}" for key, value in sorted(told.items())) or "that only they have"


def apex_problem(names: Names, apex: Object | None, roles: Iterable[Mapping[str, str]]) -> Problem | None:
    """Subsets are of the pods that the apex Service selects: so it has to select both roles' pods."""
    if apex is None:
        return Problem(
            reason="ApexNotFound",
            message=f"Service {names.apex} does not exist, and subsets are of its pods; create it, selecting the pods "
            "of both roles",
        )
    selector = apex["spec"].get("selector") or {}
    if selector and all(selects(selector, labels) for labels in roles):
        return None
    said = ", ".join(f"{key}={value}" for key, value in sorted(selector.items())) or "nothing"
    return Problem(
        reason="ApexSelectsOneRole",
        message=f"Service {names.apex} selects {said}, but subsets need the pods of both roles in it, whatever their "
        "version; put a label on the pod template that is not in the selector of the workload, for example "
        f"service: {names.apex}, and let the Service select that alone",
    )


def leaking_problem(names: Names, spec: RouteSpec, routes: Iterable[Object], *, covered: bool) -> Problem | None:
    """Is there a way to the apex host that names no subset, and so leads to canaries too?

    `routes` may lead there; `covered`: a VirtualService for the mesh is on that host.
    """
    if spec.subsets is None:
        return None
    host = names.host(names.apex)
    for body in routes:
        if (which := _route_to_all(body, Destination(host), names)) is not None:
            return _leaking(
                f"{which} leads to {host} without a subset, and so to the canary's pods as well; name a subset in it"
            )
    if not covered:
        return _leaking(
            f"no VirtualService routes {host} for the mesh, so that its callers meet the canary's pods as well; add "
            "the host, and the gateway mesh, to one that names subsets"
        )
    return None


def _leaking(message: str) -> Problem:
    return Problem(reason="LeakingRoute", message=message)


def _route_to_all(body: Object, host: Destination, names: Names) -> str | None:
    """A route of a VirtualService that leads to the whole host, in words."""
    namespace, name = str(body["metadata"].get("namespace", "")), body["metadata"]["name"]
    for protocol in PROTOCOLS:
        for index, rule in enumerate(rules_of(body, protocol)):
            items = [each.get("destination") or {} for each in rule.get("route") or []]
            if any(_leads(to, host, namespace=namespace, names=names) for to in items):
                which = rule.get("name") or f"number {index + 1}"
                return f"{protocol} route {which} of VirtualService {namespace}/{name}"
    return None


def _leads(to: Mapping[str, Any], host: Destination, *, namespace: str, names: Names) -> bool:
    return Destination.read(to, namespace=namespace, cluster_domain=names.cluster_domain) == host
