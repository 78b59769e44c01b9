"""How long requests take, as Istio's histogram sees it: counts in buckets, from which a quantile is interpolated."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from metrics.quantiles import ISTIO_EDGES_MS, bucket_quantile

EDGES = (*ISTIO_EDGES_MS, math.inf)
"""Upper bounds of the buckets in milliseconds, as proxies have them by default."""


@lru_cache(maxsize=256)
def shares(log_median: float, log_sigma: float, factor: float) -> tuple[float, ...]:
    """The probability of each bucket for a lognormal latency that is `factor` times as long."""
    shifted = log_median + math.log(factor)
    below = [_below(edge, shifted, log_sigma) for edge in EDGES]
    return tuple(high - low for low, high in zip([0.0, *below], below, strict=False))


def _below(edge: float, log_median: float, log_sigma: float) -> float:
    if math.isinf(edge):
        return 1.0
    distance = math.log(edge) - log_median
    if log_sigma <= 0:
        return 1.0 if distance >= 0 else 0.0
    return 0.5 * math.erfc(-distance / (log_sigma * math.sqrt(2)))


def p99(counts: Sequence[int]) -> float:
    """The 99th percentile in milliseconds, as histogram_quantile() gives it; NaN without requests."""
    return bucket_quantile(0.99, list(zip(EDGES, map(float, accumulate(counts)), strict=True)))
