"""Which label tells the primary's pods from the target's where the roles are subsets of one host.

Elsewhere any label of the selector will do, and the usual one is taken. Subsets are of the pods that the apex Service
selects, so the label that changes must not be one of those that this Service looks at; and the user's DestinationRule
may say already by which label it tells the two apart. Once there is a primary its label is fixed, because no selector
can be changed: then nothing is chosen any more.
"""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, Kind, Object, Ref
from delivery.routing.route_spec import RouteSpec, Subsets
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from delivery.workloads.selectors import (
    Labelling,
    in_order,
    match_labels,
    moved_label_of,
    primary_labels,
    selector_problem,
)

Labels = Mapping[str, str]


def labelling_for(
    names: Names,
    spec: RouteSpec,
    usual: Labelling,
    observed: Observed,
    *,
    kind: Kind = DEPLOYMENTS,
    target: Object | None,
    primary: Object | None,
    apex: Object | None,
) -> Labelling:
    """The labelling by which this target's primary is, or is to be, told from it: `usual`, with one label first.

    `kind` is that of both workloads. What cannot be told apart by any label is left to the preflight, with the label
    that would do for the apex Service, if there is one.
    """
    if primary is not None and match_labels(primary):
        return usual.first(moved_label_of(primary))
    rule = observed.get(Ref(DESTINATION_RULES, names.namespace, spec.subsets.rule)) if spec.subsets else None
    if spec.subsets is None or target is None or not match_labels(target):
        return usual
    own, pods = match_labels(target), _pod_labels(target)
    selected = (apex or {}).get("spec", {}).get("selector") or {}
    primary_subset, canary_subset = _subset_labels(rule, spec.subsets)

    def fits(key: str) -> tuple[bool, bool]:
        copied = {**pods, **primary_labels(own, (key,))}
        both = _covers(selected, pods) and _covers(selected, copied)
        stable = _covers(primary_subset, copied) and not _covers(primary_subset, pods)
        following = _covers(canary_subset, pods) and not _covers(canary_subset, copied)
        return both, stable and following

    possible = [key for key in in_order(own, usual.preferred) if selector_problem(target, kind, (key,)) is None]
    return usual.first(max(possible, key=fits)) if possible else usual


def _pod_labels(workload: Object) -> Labels:
    return ((workload["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}


def _subset_labels(rule: Object | None, subsets: Subsets) -> tuple[Labels, Labels]:
    """The labels of the primary's and of the canary's subset; none where there is no such subset."""
    listed: list[Mapping[str, Any]] = ((rule or {}).get("spec") or {}).get("subsets") or []
    given = {str(each.get("name")): each.get("labels") or {} for each in listed}
    return given.get(subsets.primary, {}), given.get(subsets.canary, {})


def _covers(selector: Labels, labels: Labels) -> bool:
    """Does a selector of plain labels, at least one, select pods with these labels?"""
    return bool(selector) and selector.items() <= labels.items()
