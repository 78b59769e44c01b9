"""Which subset of the user's DestinationRule is which version, where each version has one for ever.

Nobody names them in the Canary, because versions come and go: a subset is a version's when its labels select the
version's pods and no other's. What was found is noted with where a role's Service leads (leading.py), so that users can
be taken away from a subset that somebody deletes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, Object, Ref
from delivery.routing.route_spec import Subsets
from delivery.routing.router import Observed
from delivery.routing.subset_problems import apex_problem, not_found, rule_problem, selects
from delivery.workloads.names import Names
from delivery.workloads.targets.leading import Led
from strategies.snapshot import Problem

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A Deployment that is a version: its name, its pods' labels, and the subset that was noted for it, or ""."""

    deployment: str
    labels: Labels
    noted: str = ""


def resolved(
    subsets: Subsets,
    names: Names,
    observed: Observed,
    *,
    target: Version | None,
    primary: Version | None,
    canary: Version | None,
    led: Led,
) -> Subsets:
    """The subsets of the roles as of now; each that cannot be told is the one that was noted, or "".

    `canary` is where the canary service leads, which the target may have left; before there is one, it is the target.
    `led` is where the primary service leads, and did before.
    """
    given = _subsets(observed.get(Ref(DESTINATION_RULES, names.namespace, subsets.rule)))
    there = canary or target
    serving = primary or target
    return Subsets(
        rule=subsets.rule,
        primary=_found(given, serving) if serving is not None else "",
        canary=_found(given, there) if there is not None else "",
        before=led.before_subset,
        versions=True,
    )


def subset_of(subsets: Subsets, names: Names, observed: Observed, version: Version) -> str:
    """The subset of a version, "" when there is none or more than one."""
    return _found(_subsets(observed.get(Ref(DESTINATION_RULES, names.namespace, subsets.rule))), version)


def problem(
    subsets: Subsets,
    names: Names,
    observed: Observed,
    *,
    apex: Object | None,
    target: Version | None,
    primary: Version | None,
) -> Problem | None:
    """Do the subsets, and the apex Service, tell the version to release from the one that serves?"""
    if (missing := rule_problem(names, subsets, observed)) is not None:
        return missing
    rule = observed.get(Ref(DESTINATION_RULES, names.namespace, subsets.rule))
    where = f"DestinationRule {names.namespace}/{subsets.rule}"
    versions = [each for each in (primary, target) if each is not None]
    for each in versions:
        if (found := _one_problem(where, _subsets(rule), each)) is not None:
            return found
    mixed = _apart(where, _subsets(rule), primary, target) if primary is not None and target is not None else None
    return mixed or apex_problem(names, apex, [each.labels for each in versions])


def _one_problem(where: str, given: Mapping[str, Labels], version: Version) -> Problem | None:
    """Is there one subset of the version's pods?"""
    found = _selecting(given, version.labels)
    if len(found) == 1 or version.noted in found:
        return None
    if found:
        return Problem(
            reason="SubsetAmbiguous",
            message=f"{where}: subsets {', '.join(found)} all select the pods of Deployment {version.deployment}; "
            "leave one of them, with a label that no other version has",
        )
    return not_found(
        f"{where} has no subset of the pods of Deployment {version.deployment} ({_shown(version.labels)}); add one "
        "with a label that only they have, such as version"
    )


def _apart(where: str, given: Mapping[str, Labels], primary: Version, target: Version) -> Problem | None:
    """Are the two versions told from each other, if they are two?"""
    if primary.deployment == target.deployment:
        return None
    for own, other in ((target, primary), (primary, target)):
        subset = _found(given, own)
        if selects(given[subset], other.labels):
            return Problem(
                reason="SubsetSelectsWrongPods",
                message=f"{where}: subset {subset} of Deployment {own.deployment} selects the pods of Deployment "
                f"{other.deployment} too; give it a label that only one of them has",
            )
    return None


def _found(given: Mapping[str, Labels], version: Version) -> str:
    found = _selecting(given, version.labels)
    if version.noted in found or len(found) != 1:
        return version.noted
    return found[0]


def _selecting(given: Mapping[str, Labels], labels: Labels) -> list[str]:
    """The subsets that select pods with these labels; of several, those that select no other version's."""
    found = [name for name, selector in given.items() if selects(selector, labels)]
    if len(found) < 2:
        return found
    others = [{**labels, **selector} for selector in given.values() if _is_other(selector, labels)]
    telling = [name for name in found if not any(selects(given[name], each) for each in others)]
    return telling or found


def _is_other(selector: Labels, labels: Labels) -> bool:
    """Is it a subset of pods that differ from these in what they have for the same label?"""
    return any(key in labels and labels[key] != value for key, value in selector.items())


def _subsets(rule: Object | None) -> dict[str, Labels]:
    given: list[dict[str, Any]] = ((rule or {}).get("spec") or {}).get("subsets") or []
    return {str(each.get("name")): each.get("labels") or {} for each in given if each.get("labels")}


def _shown(labels: Labels) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
