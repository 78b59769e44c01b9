"""Which label tells the primary's pods from the target's, and what has to follow it.

The primary keeps every label of the target's selector and gets one of them with another value. So both workloads
select their own pods only, and whatever else selects by the other labels goes on seeing both.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from delivery.cluster.objects import DEPLOYMENTS, Kind, Object
from delivery.workloads.names import PRIMARY_SUFFIX
from delivery.workloads.revision import POD_TEMPLATE_HASH
from strategies.snapshot import Problem

PREFERRED = ("app", "name", "app.kubernetes.io/name")
MOVED_LABEL = "progressive.delivery/moved-label"
"""Annotation on a primary: which of its labels differs, where that is not the one that PREFERRED would choose."""
_LABEL_VALUE_MAX = 63  # characters, by the API server
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Labelling:
    """What is decided for all primaries that are made from now on.

    `preferred` are the labels that may tell the roles apart, best first. `copied` are prefixes of those labels of the
    target object that the primary object gets; "*" stands for all.
    """

    preferred: tuple[str, ...] = PREFERRED
    copied: tuple[str, ...] = ("*",)

    def first(self, label: str) -> "Labelling":
        """The same, and where this label is in a selector it is the one that tells the roles apart."""
        return replace(self, preferred=(label, *(each for each in self.preferred if each != label)))

    def copies(self, label: str) -> bool:
        """Does the primary object get this label of the target object?"""
        return any(prefix == "*" or label.startswith(prefix) for prefix in self.copied)


USUAL = Labelling()
"""What is decided when nobody says anything."""


def match_labels(workload: Object) -> Mapping[str, str]:
    """A workload's selector as labels; empty when it selects by expressions only."""
    return workload["spec"].get("selector", {}).get("matchLabels") or {}


def moved_label(labels: Mapping[str, str], preferred: Sequence[str] = PREFERRED) -> str:
    """The label whose value differs between target and primary: a preferred one, else the first by name.

    Raises ValueError for no labels.
    """
    if not labels:
        raise ValueError("spec.selector.matchLabels: given none, at least one label is needed")
    return in_order(labels, preferred)[0]


def in_order(labels: Mapping[str, str], preferred: Sequence[str] = PREFERRED) -> tuple[str, ...]:
    """The keys of these labels: the preferred ones first, best first, then the rest by name."""
    return tuple(dict.fromkeys((*(key for key in preferred if key in labels), *sorted(labels))))


def moved_label_of(primary: Object) -> str:
    """The label in which a primary differs from its target, whatever would be preferred by now.

    It is read, and never chosen anew: from the note, else from the values, one of which says that it is the primary's.
    Raises ValueError for a primary without matchLabels.
    """
    own = match_labels(primary)
    noted = str((primary["metadata"].get("annotations") or {}).get(MOVED_LABEL, ""))
    said = (key for key in in_order(own) if own[key].endswith(PRIMARY_SUFFIX))
    return noted if noted in own else next(said, None) or moved_label(own)


def label_between(target: Mapping[str, str], primary: Mapping[str, str]) -> str | None:
    """The label in which a workload's selector is that of a primary of the target; None when it is none.

    A primary's selector has no label besides, and one that it has in common it has with the same value.
    """
    moved = {key: value for key, value in primary.items() if value != target.get(key)}
    ours = (key for key, value in moved.items() if key in target and value == target[key] + PRIMARY_SUFFIX)
    return next(ours, None) if len(moved) == 1 else None


def label_apart(labels: Mapping[str, str], roles: Sequence[Mapping[str, str]]) -> str:
    """Of one role's labels the one by which the fewest pods of others are found: one in which the roles differ."""
    differs = (key for key in in_order(labels) if any(each and each.get(key) != labels[key] for each in roles))
    return next(differs, None) or moved_label(labels)


def noted_label(labels: Mapping[str, str], key: str) -> dict[str, str]:
    """The annotation by which `moved_label_of` finds `key` among these labels; none where it does without."""
    return {} if key == moved_label(labels) else {MOVED_LABEL: key}


def selector_problem(target: Object, kind: Kind = DEPLOYMENTS, preferred: Sequence[str] = PREFERRED) -> Problem | None:
    """Why no primary can be made of this target, if so."""
    labels = match_labels(target)
    name = f"{kind} {target['metadata']['name']}"
    if not labels:
        return _unsupported(name, f"has no matchLabels; give the {kind} at least one, for example app")
    key = moved_label(labels, preferred)
    expressions = target["spec"]["selector"].get("matchExpressions") or []
    if any(expression.get("key") == key for expression in expressions):
        return _unsupported(name, f"has matchExpressions on {key}, the label that the primary changes; remove them")
    if len(labels[key] + PRIMARY_SUFFIX) > _LABEL_VALUE_MAX:
        return _unsupported(name, f"has {key}={labels[key]}, too long for {PRIMARY_SUFFIX} within 63 characters")
    return None


def _unsupported(name: str, what: str) -> Problem:
    return Problem(reason="SelectorUnsupported", message=f"the selector of {name} {what}")


def primary_labels(labels: Mapping[str, str], preferred: Sequence[str] = PREFERRED) -> dict[str, str]:
    """The target's selector labels as the primary has them."""
    key = moved_label(labels, preferred)
    return {**labels, key: labels[key] + PRIMARY_SUFFIX}


def selections(
    target: Object | None, primary: Object | None, preferred: Sequence[str] = PREFERRED
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The selector labels of target and primary; a primary that is yet to be made has them by its target's."""
    own = match_labels(target) if target is not None else {}
    copied = match_labels(primary) if primary is not None else primary_labels(own, preferred) if own else {}
    return own, copied


def rewritten(template: Mapping[str, Any], *, key: str, old: str, new: str, namespace: str) -> dict[str, Any]:
    """A pod template whose label `key` says `new` instead of `old`, with its rules about its own kind following.

    Pod (anti-)affinity and topology spread that count the workload's own pods have to count the copy's instead, as far
    as they look at `namespace`, which is the workload's. A rule that names `new` gets `old`: what a template says of
    the other role, its copy says of the other role too, and there is one way back from every copy. `matchLabelKeys`
    and `mismatchLabelKeys` take their values from each pod and follow by themselves.
    """
    out: dict[str, Any] = copy.deepcopy(dict(template))
    meta = out.setdefault("metadata", {})
    meta.pop("creationTimestamp", None)
    labels = meta.setdefault("labels", {})
    labels.pop(POD_TEMPLATE_HASH, None)
    if labels.get(key) == old:
        labels[key] = new
    other = {old: new, new: old}
    for selector in _own_selectors(out.get("spec") or {}, namespace):
        _rewrite_selector(selector, key, other)
    return out


def _own_selectors(pod: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
    terms: list[Mapping[str, Any]] = []
    affinity = pod.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        terms += [item.get("podAffinityTerm") or {} for item in preferred]
    here = [term for term in terms if _looks_at(term, namespace)]
    here += pod.get("topologySpreadConstraints") or []  # these know no other namespace
    return [term["labelSelector"] for term in here if term.get("labelSelector")]


def _looks_at(term: Mapping[str, Any], namespace: str) -> bool:
    """Does an affinity term count pods of this namespace? Of a namespace's labels only its name is known for sure."""
    listed, selector = term.get("namespaces") or [], term.get("namespaceSelector")
    if selector is None:
        return not listed or namespace in listed
    keys = [*(selector.get("matchLabels") or {}), *(each["key"] for each in selector.get("matchExpressions") or [])]
    known = set(keys) <= {_NAMESPACE_NAME}
    return namespace in listed or (known and selects(selector, {_NAMESPACE_NAME: namespace}))


def _rewrite_selector(selector: dict[str, Any], key: str, other: Mapping[str, str]) -> None:
    labels = selector.get("matchLabels") or {}
    if key in labels:
        labels[key] = other.get(labels[key], labels[key])
    for expression in selector.get("matchExpressions") or []:
        if expression.get("key") == key and expression.get("values"):
            expression["values"] = [other.get(value, value) for value in expression["values"]]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Does a label selector (matchLabels and matchExpressions, all of them) select these labels?"""
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    plain = all(labels.get(key) == value for key, value in wanted.items())
    return plain and all(_holds(expression, labels) for expression in expressions)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
