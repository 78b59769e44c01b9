"""What our http rules carry besides their destinations: limits, retries, rewrites, headers and CORS of `spec.service`.

What the Canary names is ours and is kept exactly as it says; what it does not name is left to whoever put it there.
An annotation says which members we wrote, so that one that is taken out of the Canary is taken out of the rules too.
"""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import Object
from delivery.workloads.ownership import annotations

CARRIED = "progressive.delivery/rule-fields"
"""Annotation: the members of our rules that we wrote, sorted, with commas between them."""


def noted(fields: Mapping[str, Any]) -> str:
    """The annotation's value for these members."""
    return ",".join(sorted(fields))


def written(route: Object) -> tuple[str, ...]:
    """The members that we wrote into a VirtualService's rules."""
    return tuple(name for name in str(annotations(route).get(CARRIED, "")).split(",") if name)
