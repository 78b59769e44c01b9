"""Which names are in use: a primary keeps those under which it was made, whatever the Canary says by now.

`spec.naming` says how things are to be called when they are made. Followed later, an edit of it would leave the primary
that serves users, its Service and the routes to them behind. So the primary's creating write notes the names, before
anything else is made under them, and whoever comes later finds the primary by its label and reads them there.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from delivery.cluster.objects import Object
from delivery.workloads.names import PRIMARY_SUFFIX, Names
from delivery.workloads.ownership import annotations, is_ours
from strategies.snapshot import Problem

NAMES = "progressive.delivery/names"
"""Annotation on a primary with other names than the usual ones: JSON of _FIELDS."""

_FIELDS = ("target", "apex", "primary_name", "canary_name")


def noted(names: Names) -> dict[str, str]:
    """The annotation for the creating write of a primary; none for the usual names."""
    if not names.primary_name and not names.canary_name:
        return {}
    return {NAMES: json.dumps({field: getattr(names, field) for field in _FIELDS}, separators=(",", ":"))}


def in_use(names: Names, primaries: Iterable[Object]) -> Names:
    """The names under which the Canary's objects were made; those given without a primary of this target and apex.

    `primaries` are objects with the Canary's label, of the target's kind. Of several primaries (somebody copied one)
    the oldest counts.
    """
    made = [(_age(body), found) for body in primaries if (found := _of(body, names)) is not None]
    return min(made, key=lambda each: each[0])[1] if made else names


def _of(body: Object, names: Names) -> Names | None:
    """The names that a primary was made under; None for what is no primary of this target and apex."""
    if not is_ours(body, names):
        return None
    note = annotations(body).get(NAMES)
    if note is None:
        usual = body["metadata"]["name"] == names.target + PRIMARY_SUFFIX
        return replace(names, primary_name="", canary_name="") if usual else None
    try:
        read = {field: str(json.loads(str(note))[field]) for field in _FIELDS}
    except (ValueError, TypeError, KeyError):
        return None  # somebody made it unreadable: then the spec has to be right
    found = replace(names, **read)
    same = (found.target, found.apex) == (names.target, names.apex)
    return found if same and body["metadata"]["name"] == found.primary else None


def _age(body: Object) -> tuple[str, str]:
    meta = body["metadata"]
    return str(meta.get("creationTimestamp", "")), meta["name"]


def naming_problem(asked: Names, names: Names) -> Problem | None:
    """Does the Canary ask for other names than those in use?"""
    roles = (
        ("primary", asked.primary, names.primary),
        ("primary", asked.primary_service, names.primary_service),
        ("canary", asked.canary_service, names.canary_service),
    )
    for role, wanted, used in roles:
        if wanted != used:
            return Problem(
                reason="NamingIsFixed",
                message=f"spec.naming.{role}: given {wanted}, but {used} is in use, and what serves users is not "
                "renamed; set it back, or delete the Canary with revertOnDeletion and make it anew",
            )
    return None
