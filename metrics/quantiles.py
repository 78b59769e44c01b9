"""A quantile of cumulative buckets, interpolated within the bucket that it falls into.

As Prometheus 2.42 does it (documentation, "histogram_quantile()"), so that whoever plays a Prometheus gives the number
that a real one would.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

ISTIO_EDGES_MS = (
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
    30000.0, 60000.0, 300000.0, 600000.0, 1800000.0, 3600000.0,
)  # fmt: skip
"""Upper edges of Istio's histogram of request durations, in milliseconds; +Inf comes on top."""

Bucket = tuple[float, float]
"""Upper bound and how many observations are not above it."""


def bucket_quantile(quantile: float, buckets: Sequence[Bucket]) -> float:
    """The quantile, 0..1; below it -Inf, above it +Inf. NaN without a bucket +Inf, a second one, or observations."""
    if math.isnan(quantile):
        return math.nan
    if not 0 <= quantile <= 1:
        return math.copysign(math.inf, quantile)
    bounds, counts = _cumulative(buckets)
    if bounds[-1] != math.inf or len(bounds) < 2 or counts[-1] == 0 or math.isnan(counts[-1]):
        return math.nan
    return _interpolated(quantile * counts[-1], bounds, counts)


def _interpolated(rank: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    found = bisect_left(counts, rank, 0, len(counts) - 1)
    if found == len(counts) - 1:
        return bounds[-2]
    if found == 0 and bounds[0] <= 0:
        return bounds[0]
    start, below = (bounds[found - 1], counts[found - 1]) if found else (0.0, 0.0)
    inside = counts[found] - below
    share = (rank - below) / inside if inside else math.nan
    return start + (bounds[found] - start) * share


def _cumulative(buckets: Sequence[Bucket]) -> tuple[list[float], list[float]]:
    """Bounds rising, equal ones added up; a count lower than the one before it (a late scrape) is raised to it."""
    merged: dict[float, float] = {}
    for bound, count in sorted(buckets, key=lambda bucket: bucket[0]):
        merged[bound] = merged.get(bound, 0.0) + count
    bounds, counts = list(merged), list(merged.values())
    for index in range(1, len(counts)):
        if counts[index] < counts[index - 1]:
            counts[index] = counts[index - 1]
    return bounds, counts
