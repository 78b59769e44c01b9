"""The few numbers of a Canary's spec that a look at it needs, read without building all of its models.

Those take longer to build than a first look may take. The spec was checked when it was admitted; what is not as it
should be is passed over here, for a look must not fail by it. A test holds this to what the controller reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.api.durations import seconds
from delivery.cluster.objects import Object
from strategies.blue_green import DEFAULT_ITERATIONS
from strategies.plan import Plan, plan_for
from strategies.spec import Analysis, RolloutSpec

STEP_WEIGHTS = (5, 10, 25, 50)
MIRROR_PERCENT = 100
METRIC_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All times are seconds. `windows` are the lengths of the metrics' windows, by name."""

    plan: Plan
    interval: float = 60.0
    windows: Mapping[str, float] = field(default_factory=dict)
    threshold: int = 1
    settle: float = 10.0
    drain: float = 30.0
    drain_max: float = 300.0
    deadline: float = 600.0
    paused: bool = False
    suspended: bool = False


def policy_of(canary: Object) -> Policy:
    """The policy that the Canary's present spec asks for."""
    spec: Mapping[str, Any] = canary.get("spec") or {}
    raw: Mapping[str, Any] = spec.get("analysis") or {}
    traffic: Mapping[str, Any] = spec.get("traffic") or {}
    analysis = _analysis(spec, raw)
    drain = _number(traffic.get("drainSeconds"), 30.0)
    bake = _number((spec.get("promotion") or {}).get("bakeSeconds"), 0.0)
    skip = spec.get("skipAnalysis") is True
    rollout = RolloutSpec(name="", namespace="", analysis=analysis, skip_analysis=skip, bake_seconds=bake)
    return Policy(
        plan=plan_for(rollout),
        interval=analysis.interval_seconds,
        windows=dict(_windows(raw, analysis)),
        threshold=analysis.threshold,
        settle=_number(traffic.get("settleSeconds"), 10.0),
        drain=drain,
        drain_max=max(drain, _number(traffic.get("drainMaxSeconds"), 300.0)),
        deadline=_number(spec.get("progressDeadlineSeconds"), 600.0),
        paused=spec.get("paused") is True,
        suspended=spec.get("suspend") is True,
    )


def _analysis(spec: Mapping[str, Any], raw: Mapping[str, Any]) -> Analysis:
    """The strategy; without one the careful one of delivery.api.defaults."""
    splits = spec.get("provider") != "kubernetes"
    named = any(raw.get(name) for name in ("iterations", "stepWeight", "stepWeights"))
    weights = tuple(int(each) for each in raw.get("stepWeights") or ())
    mirror = int(_number(raw.get("mirrorWeight"), 0)) or MIRROR_PERCENT
    return Analysis(
        interval_seconds=_seconds(raw.get("interval"), 60.0),
        check_interval_seconds=_number(raw.get("checkIntervalSeconds"), 0.0) or None,
        threshold=int(_number(raw.get("threshold"), 1 if named else 5)) or 1,
        step_weights=weights if named or not splits else STEP_WEIGHTS,
        step_weight=int(_number(raw.get("stepWeight"), 0)),
        max_weight=int(_number(raw.get("maxWeight"), 100)),
        iterations=int(_number(raw.get("iterations"), 0)) or (0 if named or splits else DEFAULT_ITERATIONS),
        mirror=mirror if raw.get("mirror") else 0,
        matched=bool(raw.get("match")),
        affinity=raw.get("sessionAffinity") is not None,
        testers=bool(raw.get("testerMatch")),
        all_or_nothing=not splits,
    )


def _windows(raw: Mapping[str, Any], analysis: Analysis) -> list[tuple[str, float]]:
    shortest = analysis.window_seconds
    own = analysis.check_interval_seconds or METRIC_SECONDS
    metrics = raw.get("metrics") or ({"name": "request-success-rate"},)
    return [(each.get("name", ""), max(shortest, _seconds(each.get("interval"), own))) for each in metrics]


def _seconds(text: object, default: float) -> float:
    try:
        return seconds(text) if isinstance(text, str) else default
    except ValueError:
        return default


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
