"""How many pods each ReplicaSet of a Deployment may have next: the arithmetic of RollingUpdate and Recreate.

Pure, after the documented semantics of Deployment.spec.strategy: never more than replicas + maxSurge pods wanted, and
never fewer than replicas - maxUnavailable available because of the roll.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SetState:
    """A ReplicaSet as the roll sees it: pods wanted, pods available, and whether pods of it still exist at all."""

    name: str
    replicas: int
    available: int
    pods: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """maxSurge and maxUnavailable in pods."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Bounds":
        """From a Deployment's spec: percentages of replicas, surge rounded up, unavailable down; not both 0."""
        replicas = int(spec.get("replicas", 1))
        rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
        surge = _pods(rolling.get("maxSurge", "25%"), replicas, up=True)
        unavailable = _pods(rolling.get("maxUnavailable", "25%"), replicas, up=False)
        return cls(surge, 1 if surge == 0 and unavailable == 0 else unavailable)


def next_sizes(spec: Mapping[str, Any], new: SetState, old: Sequence[SetState]) -> dict[str, int]:
    """The sizes to set now, by name; only those that change. `old` is oldest first."""
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        return _recreate(int(spec.get("replicas", 1)), new, old)
    return _rolling(int(spec.get("replicas", 1)), Bounds.of(spec), new, old)


def _recreate(replicas: int, new: SetState, old: Sequence[SetState]) -> dict[str, int]:
    down = {each.name: 0 for each in old if each.replicas}
    if down or any(each.pods for each in old) or new.replicas == replicas:
        return down
    return {new.name: replicas}


def _rolling(replicas: int, bounds: Bounds, new: SetState, old: Sequence[SetState]) -> dict[str, int]:
    if new.replicas > replicas:
        return {new.name: replicas}
    total = new.replicas + sum(each.replicas for each in old)
    grow = min(replicas + bounds.surge - total, replicas - new.replicas)
    if grow > 0:
        return {new.name: new.replicas + grow}
    least = replicas - bounds.unavailable
    spare = total - least - max(0, new.replicas - new.available)
    if spare <= 0:
        return {}
    sizes = {each.name: each.replicas for each in old}
    spare -= _drop_unhealthy(sizes, old, spare)
    available = min(new.available, new.replicas) + sum(min(each.available, sizes[each.name]) for each in old)
    _drop_healthy(sizes, old, min(spare, available - least))
    return {each.name: sizes[each.name] for each in old if sizes[each.name] != each.replicas}


def _drop_unhealthy(sizes: dict[str, int], old: Sequence[SetState], most: int) -> int:
    """Old pods that serve nobody go first; how many that were."""
    dropped = 0
    for each in old:
        count = max(0, min(most - dropped, each.replicas - each.available))
        sizes[each.name] -= count
        dropped += count
    return dropped


def _drop_healthy(sizes: dict[str, int], old: Sequence[SetState], most: int) -> None:
    for each in old:
        count = max(0, min(most, sizes[each.name]))
        sizes[each.name] -= count
        most -= count


def _pods(value: Any, replicas: int, *, up: bool) -> int:
    if not isinstance(value, str):
        return int(value)
    share = replicas * int(value.removesuffix("%")) / 100
    return math.ceil(share) if up else math.floor(share)
