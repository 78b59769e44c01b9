"""One release and its circumstances as numbers that are ready to be drawn from: shares instead of percents."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from delivery.simulate.release import Distribution, Fault, Release, Releases

Z99 = 2.3263478740408408
"""The standard normal distribution's 99th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All shares are 0..1, all times seconds. `error`: the share of requests that fail without a fault; `failing`: of
    the new version's with its fault, None for no difference. `log_median` and `log_sigma` are the lognormal's of
    latencies in milliseconds. `slow`: the share of slow requests, and how many times as long they take.
    `warm_seconds`: 0 for pods that are like others from the start. `away`: when Prometheus does not answer, in seconds
    after the release.
    """

    name: str
    healthy: bool = True
    per_second: float = 100.0
    swing: float = 0.0
    peak_hour: float = 15.0
    start_hour: float | None = None
    match: float | None = None
    error: float = 0.001
    clustering: float = 0.0
    log_median: float = 0.0
    log_sigma: float = 0.0
    primary_pods: int = 4
    canary_pods: int | None = None
    start_up: float = 20.0
    start_up_spread: float = 10.0
    warm_seconds: float = 0.0
    warm_slow: float = 1.0
    warm_error: float = 0.0
    away: tuple[tuple[float, float], ...] = ()
    update_seconds: float = 2.0
    metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    failing: float | None = None
    slow: tuple[float, float] | None = None
    faulty_metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    starts_after: float = 0.0
    above: float = 0.0
    no_traffic: bool = False


def scenario(file: Releases, release: Release) -> Scenario:
    """A release with what its file says of all."""
    requests, errors = release.requests or file.requests, release.errors or file.errors
    latency, pods = release.latency or file.latency, release.pods or file.pods
    away = (release.prometheus or file.prometheus).away
    warm, fault = pods.warm_up, release.fault or Fault()
    return Scenario(
        name=release.name,
        healthy=release.fault is None if release.healthy is None else release.healthy,
        per_second=requests.per_second,
        swing=requests.daily_swing_percent / 100,
        peak_hour=requests.peak_hour,
        start_hour=file.start_hour,
        match=None if requests.match_percent is None else requests.match_percent / 100,
        error=errors.percent / 100,
        clustering=errors.clustering,
        log_median=math.log(latency.median_ms),
        log_sigma=math.log(latency.p99_ms / latency.median_ms) / Z99,
        primary_pods=pods.primary,
        canary_pods=pods.canary,
        start_up=pods.start_up_seconds,
        start_up_spread=pods.start_up_spread_seconds,
        warm_seconds=warm.seconds if warm else 0.0,
        warm_slow=warm.slow_factor if warm else 1.0,
        warm_error=warm.error_percent / 100 if warm else 0.0,
        away=tuple((span.from_seconds, span.to_seconds) for span in away),
        update_seconds=file.proxies.update_seconds,
        metrics=_values(file.metrics),
        failing=_failing(fault, errors.percent),
        slow=(fault.slow.percent / 100, fault.slow.factor) if fault.slow else None,
        faulty_metrics=_values(fault.metrics),
        starts_after=fault.starts_after_seconds,
        above=fault.above_weight / 100,
        no_traffic=fault.no_traffic,
    )


def _failing(fault: Fault, base_percent: float) -> float | None:
    """The share of failing requests with the fault."""
    if fault.error_ratio is not None:
        return min(1.0, base_percent * fault.error_ratio / 100)
    return None if fault.error_percent is None else fault.error_percent / 100


def _values(metrics: Mapping[str, Distribution]) -> Mapping[str, tuple[float, float]]:
    return {name: (each.mean, each.deviation) for name, each in metrics.items()}
