"""Users whom a Canary tells apart: without anybody who matches, an A/B test in the sandbox would wait for ever.

For each list of conditions the first one that can be met by example gets callers of its own; one that asks for a
regular expression cannot, for nobody can tell a text from it. A version that is checked beside the users, without
copies of their requests, gets somebody who calls its own service.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from delivery.cluster.objects import Object
from delivery.sandbox.mesh import Load

SHARE = 0.2
"""Their requests, as a part of what everybody sends."""
CHECKERS = "checkers"
KINDS = (("match", "insiders"), ("testerMatch", "testers"))
"""The lists of an analysis, and how their users are called."""


def special_loads(canary: Object, load: Load) -> Iterator[Load]:
    """What they send to the service that `load` goes to, or to the canary's."""
    spec = canary.get("spec") or {}
    analysis = spec.get("analysis") or {}
    beside = analysis.get("iterations") or spec.get("provider") == "kubernetes"
    if beside and not analysis.get("mirror") and not analysis.get("match"):
        service = (spec.get("naming") or {}).get("canary") or f"{load.service}-canary"
        yield replace(load, per_second=load.per_second * SHARE, source=CHECKERS, service=service)
    for member, source in KINDS:
        found = _example(analysis.get(member) or ())
        if found is not None:
            headers, query, labels = found
            yield replace(
                load,
                per_second=load.per_second * SHARE,
                source=source,
                headers={**load.headers, **headers},
                query={**load.query, **query},
                source_labels={**load.source_labels, **labels},
            )


_Found = tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]


def _example(conditions: Sequence[Mapping[str, Any]]) -> _Found | None:
    """Headers, query parameters and labels that meet one of the conditions."""
    for each in conditions:
        headers, query = _texts(each.get("headers")), _texts(each.get("queryParams"))
        if headers is not None and query is not None:
            return headers, query, each.get("sourceLabels") or {}
    return None


def _texts(wanted: Mapping[str, Mapping[str, str]] | None) -> dict[str, str] | None:
    """A text for each name; None when one is asked for by a regular expression."""
    given = wanted or {}
    if any("regex" in each for each in given.values()):
        return None
    return {name: each.get("exact") or each.get("prefix") or "yes" for name, each in given.items()}
