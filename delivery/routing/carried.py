"""What our http rule carries besides its destinations: limits, retries, rewrites, headers and CORS of `spec.service`.

What the Canary names is ours and is kept exactly as it says; what it does not name is left to whoever put it there.
An annotation says which members we wrote, so that one that is taken out of the Canary is taken out of the rule too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Object, Op, pointer
from delivery.workloads.ownership import annotations

CARRIED = "progressive.delivery/rule-fields"
"""Annotation: the members of our rule that we wrote, sorted, with commas between them."""


def noted(fields: Mapping[str, Any]) -> str:
    """The annotation's value for these members."""
    return ",".join(sorted(fields))


def written(route: Object) -> tuple[str, ...]:
    """The members that we wrote into a VirtualService's rule."""
    return tuple(name for name in str(annotations(route).get(CARRIED, "")).split(",") if name)


def ops(
    rule: Mapping[str, Any], wanted: Mapping[str, Any], *, before: Sequence[str], at: tuple[str, ...]
) -> tuple[Op, ...]:
    """The operations after which the rule at path `at` carries `wanted`; `before`: what we wrote last."""
    changed = [name for name in sorted(wanted) if rule.get(name) != wanted[name]]
    dropped = [name for name in before if name not in wanted and name in rule]
    return (
        *({"op": "add", "path": pointer(*at, name), "value": wanted[name]} for name in changed),
        *({"op": "remove", "path": pointer(*at, name)} for name in dropped),
    )
