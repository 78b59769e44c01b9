"""The arithmetic of a HorizontalPodAutoscaler: how many pods it wants, and how fast it may get there.

Pure, after the algorithm in the documentation of autoscaling/v2: the ratio of use to target, a tolerance of 10 %,
pods that are not ready counted against a raise, stabilisation windows, and policies of speed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TOLERANCE = 0.1
DEFAULT_UTILIZATION = 80
DOWN_STABILIZATION_SECONDS = 300

UP_POLICIES = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
DOWN_POLICIES = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


@dataclass(frozen=True, slots=True)
class Target:
    """What the average pod may use of its CPU: percent of its request, or millicores; one of them."""

    utilization: int | None = None
    millicores: int | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Target":
        """The target of an autoscaler's spec; ValueError names a metric that nothing here can measure."""
        metrics = spec.get("metrics") or [_default_metric()]
        if len(metrics) > 1:
            raise ValueError(f"spec.metrics: {len(metrics)} given; one is supported, of type Resource, for cpu")
        metric = metrics[0]
        resource = metric.get("resource") or {}
        if metric.get("type") != "Resource" or resource.get("name") != "cpu":
            given = resource.get("name") or metric.get("type")
            raise ValueError(f"spec.metrics[0]: {given!r}; supported is type Resource, for cpu")
        target = resource.get("target") or {}
        if target.get("type") == "Utilization":
            return cls(utilization=_positive(target, "averageUtilization", int))
        if target.get("type") == "AverageValue":
            return cls(millicores=_positive(target, "averageValue", millicores))
        raise ValueError(f"spec.metrics[0].resource.target.type: {target.get('type')!r}; Utilization or AverageValue")


@dataclass(frozen=True, slots=True)
class Usage:
    """One pod: millicores used and requested (0: it requests none), and whether it is Ready."""

    used: float
    requested: float
    ready: bool


@dataclass(frozen=True, slots=True)
class Rescale:
    """A change that was made: when, and by how many pods (negative: fewer)."""

    at: datetime
    by: int


def millicores(quantity: Any) -> int:
    """A CPU quantity (`2`, `0.5`, `500m`) in millicores; ValueError if it is none."""
    text = str(quantity)
    try:
        cores = float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)
    except ValueError:
        raise ValueError(f"cpu: {quantity!r}; a quantity such as 500m or 2") from None
    if not math.isfinite(cores) or cores < 0:
        raise ValueError(f"cpu: {quantity!r}; a quantity such as 500m or 2")
    return round(cores * 1000)


def ratio(target: Target, pods: Sequence[Usage]) -> float:
    """Use per target of these pods together; 0 without pods."""
    if not pods:
        return 0.0
    used = sum(pod.used for pod in pods)
    if target.utilization is not None:
        return used * 100 / sum(pod.requested for pod in pods) / target.utilization
    return used / len(pods) / (target.millicores or 1)


def proposal(target: Target, pods: Sequence[Usage], current: int) -> int:
    """How many pods the metric asks for. Those that are not Ready count as unused if that prevents a raise."""
    ready = [pod for pod in pods if pod.ready]
    use = ratio(target, ready)
    if not ready or abs(use - 1.0) <= TOLERANCE:
        return current
    waiting = [Usage(0.0, pod.requested, ready=False) for pod in pods if not pod.ready]
    if use < 1.0 or not waiting:
        return math.ceil(use * len(ready))
    cautious = ratio(target, [*ready, *waiting])
    if cautious < 1.0 or abs(cautious - 1.0) <= TOLERANCE:
        return current
    return max(current, math.ceil(cautious * len(pods)))


def stabilized(wanted: Sequence[tuple[datetime, int]], spec: Mapping[str, Any], current: int, now: datetime) -> int:
    """The last of `wanted` (when, how many; oldest first), held back by what was wanted within the windows."""
    behavior = spec.get("behavior") or {}
    up = _seconds(behavior.get("scaleUp"), 0)
    down = _seconds(behavior.get("scaleDown"), DOWN_STABILIZATION_SECONDS)
    last = wanted[-1][1]
    lowest = min([last, *(count for at, count in wanted if at > now - timedelta(seconds=up))])
    highest = max([last, *(count for at, count in wanted if at > now - timedelta(seconds=down))])
    return min(max(current, lowest), highest)


def limited(wanted: int, current: int, spec: Mapping[str, Any], changes: Sequence[Rescale], now: datetime) -> int:
    """`wanted`, as far as the policies of `spec.behavior` allow at this moment."""
    behavior = spec.get("behavior") or {}
    if wanted > current:
        rules = behavior.get("scaleUp") or {}
        return max(current, min(wanted, _bound(rules, UP_POLICIES, current, changes, now, up=True)))
    rules = behavior.get("scaleDown") or {}
    return min(current, max(wanted, _bound(rules, DOWN_POLICIES, current, changes, now, up=False)))


def _bound(
    rules: Mapping[str, Any],
    defaults: Sequence[Mapping[str, Any]],
    current: int,
    changes: Sequence[Rescale],
    now: datetime,
    *,
    up: bool,
) -> int:
    select = rules.get("selectPolicy", "Max")
    if select == "Disabled":
        return current
    bounds = [_policy_bound(policy, current, changes, now, up=up) for policy in rules.get("policies") or defaults]
    most_change = max if up == (select == "Max") else min
    return most_change(bounds)


def _policy_bound(
    policy: Mapping[str, Any], current: int, changes: Sequence[Rescale], now: datetime, *, up: bool
) -> int:
    since = now - timedelta(seconds=int(policy["periodSeconds"]))
    done = sum(change.by for change in changes if change.at > since and (change.by > 0) == up)
    start, value = current - done, int(policy["value"])
    if policy["type"] == "Pods":
        return start + value if up else start - value
    return math.ceil(start * (1 + value / 100)) if up else math.floor(start * (1 - value / 100))


def _positive(target: Mapping[str, Any], field: str, read: Callable[[Any], int]) -> int:
    value = read(target[field]) if field in target else 0
    if value < 1:
        raise ValueError(f"spec.metrics[0].resource.target.{field}: {target.get(field)!r}; more than 0")
    return value


def _seconds(rules: Mapping[str, Any] | None, default: int) -> int:
    return int((rules or {}).get("stabilizationWindowSeconds", default))


def _default_metric() -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": DEFAULT_UTILIZATION}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
