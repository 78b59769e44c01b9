"""What can still be read of a Canary that somebody made invalid.

A run in progress must not lose its target because of a typing error elsewhere: routes are still repaired, crashing
pods still roll back. What cannot be read is left out so that nothing becomes stricter than it was: no metric is
invented, and a limit that cannot be read fails nobody.
"""

from collections.abc import Mapping
from typing import Any

from delivery.api.canary import Canary
from delivery.api.defaults import with_defaults, without_nulls
from delivery.api.parse import InvalidSpec, validated
from delivery.api.problems import Path, Problem

_INDISPENSABLE: frozenset[Path] = frozenset(
    {
        (),
        ("apiVersion",),
        ("kind",),
        ("metadata",),
        ("metadata", "name"),
        ("spec",),
        ("spec", "targetRef"),
        ("spec", "targetRef", "apiVersion"),
        ("spec", "targetRef", "kind"),
        ("spec", "targetRef", "name"),
        ("spec", "service"),
        ("spec", "service", "port"),
    }
)
_BY_REFERENCE: tuple[Path, ...] = (("spec", "routeRefs"), ("spec", "subsetRef"))
"""Whose routes they are: with less than all of it, traffic would be moved elsewhere than it was."""
_ANALYSIS: Path = ("spec", "analysis")
_NEVER = 2147483647


def salvage_canary(obj: Mapping[str, Any], *, provider: str | None = None) -> Canary | None:
    """The Canary without the pieces that are wrong; None if targetRef, service.port, routeRefs or subsetRef are.

    For holding a run only, never for starting one: what is left may be less than what its author wants. `provider` is
    that of a Canary which names none.
    """
    body: Any = without_nulls(obj)
    while True:
        try:
            return validated(Canary, with_defaults(body, provider=provider))
        except InvalidSpec as error:
            places = {place for problem in error.problems for place in _to_drop(problem, body)}
        needed = any(place in _INDISPENSABLE or place[:2] in _BY_REFERENCE for place in places)
        if needed or not _drop_all(body, places):
            return None
        _keep_lenient(body, places)


def _to_drop(problem: Problem, body: Mapping[str, Any]) -> tuple[Path, ...]:
    """The pieces to leave out because of a problem."""
    if problem.drop:
        return problem.drop
    path = problem.path[:-1] if problem.missing and problem.path != _ANALYSIS else problem.path
    return (_whole_entry(path, body),)


def _whole_entry(path: Path, body: Any) -> Path:
    """Lists lose entries as a whole, and lists of plain values go altogether: half a metric is another metric."""
    at = body
    for depth, part in enumerate(path):
        if isinstance(part, int) and isinstance(at, list):
            return path[: depth + 1] if isinstance(at[part], Mapping) else path[:depth]
        at = at.get(part) if isinstance(at, Mapping) else None
    return path


def _drop_all(body: dict[str, Any], places: set[Path]) -> bool:
    """Whether anything was there to be dropped; if not, dropping more is no way to a valid Canary."""
    return sum(_drop(body, place) for place in places) > 0


def _drop(body: dict[str, Any], path: Path) -> bool:
    """Empty the place; whether there was anything. List entries become None, to keep the other places valid."""
    *parents, last = path
    at: Any = body
    for part in parents:
        at = at.get(part) if isinstance(at, Mapping) else None
    if isinstance(at, dict):
        return (at.pop(last, None) is not None) or path == _ANALYSIS
    if isinstance(at, list) and isinstance(last, int):
        at[last] = None
        return True
    return False


def _keep_lenient(body: dict[str, Any], dropped: set[Path]) -> None:
    """Close up the lists, and see to it that an analysis with a hole is no stricter than the whole one was."""
    _close_up(body)
    if not any(path[:2] == _ANALYSIS for path in dropped):
        return
    analysis = body["spec"].setdefault("analysis", {})
    analysis.setdefault("metrics", [])
    if _ANALYSIS in dropped or (*_ANALYSIS, "threshold") in dropped:
        analysis["threshold"] = _NEVER


def _close_up(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _close_up(inner)
    elif isinstance(value, list):
        value[:] = [inner for inner in value if inner is not None]
        for inner in value:
            _close_up(inner)
