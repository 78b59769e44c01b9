"""What is asked at one moment about counters of somebody's own: how many requests a window had, and how many failed.

For limits and for minSamples, which are about the canary's window alone. Questions go together with the builtin ones of
the same Prometheus; what a comparison needs besides, sample by sample, is fetched by scraped.py.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from metrics import queries, selectors
from metrics.batching import Builder
from metrics.counters import Counters, Part, Role
from metrics.providers.base import Query
from metrics.rates import Answered
from metrics.spec import Subject, Window

ROLES = (Role.CANARY, Role.PRIMARY)
EVERY = {"le=": "+Inf"}
"""The bucket that all observations are in."""


def counting(counters: Counters, subject: Subject, variables: Mapping[str, str]) -> list[Builder]:
    """One question for each part of each role, the canary first. Raises the selectors' errors."""
    return [
        partial(_total, series, subject)
        for role in ROLES
        for series in _counted(selectors.of(counters, role, subject, variables))
    ]


def by_role(counters: Counters, totals: Sequence[float]) -> list[Answered]:
    """The canary and the primary, from the answers to `counting`."""
    parts = counters.parts
    each = (totals[: len(parts)], totals[len(parts) :])
    return [_answered(dict(zip(parts, found, strict=True))) for found in each]


def p99(counters: Counters, subject: Subject, variables: Mapping[str, str]) -> Builder:
    """The 99th percentile of the canary's durations in milliseconds, interpolated within a bucket as PromQL does it."""
    series = selectors.of(counters, Role.CANARY, subject, variables)[Part.BUCKETS]
    return partial(_p99, series, counters.bucket_ms, subject)


def _counted(found: Mapping[Part, str]) -> list[str]:
    return [selectors.with_labels(each, EVERY) if part is Part.BUCKETS else each for part, each in found.items()]


def _answered(found: Mapping[Part, float]) -> Answered:
    every = found[Part.BUCKETS] if Part.BUCKETS in found else found[Part.REQUESTS]
    if Part.FAILURES in found:
        return Answered(every, every, max(0.0, every - found[Part.FAILURES]))
    return Answered(every, every, min(every, found.get(Part.SUCCESSES, every)))


def _total(series: str, subject: Subject, window: Window) -> Query:
    return f"sum({queries.grown(series, window, subject.matchers)})"


def _p99(series: str, edge_ms: float, subject: Subject, window: Window) -> Query:
    quantile = f"histogram_quantile(0.99, sum by (le) ({queries.grown(series, window, subject.matchers)}))"
    return f"{edge_ms:g} * {quantile}"
