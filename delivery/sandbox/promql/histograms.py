"""histogram_quantile(): one quantile for each histogram among the series, by their labels."""

from collections.abc import Sequence

from delivery.sandbox.promql.labels import NAME, Labels, value_of, without
from metrics.quantiles import Bucket, bucket_quantile


def histogram_quantile(quantile: float, vector: Sequence[tuple[Labels, float]]) -> list[tuple[Labels, float]]:
    """One value for each histogram in `vector`; what has no number as `le` is no bucket and left out."""
    histograms: dict[Labels, list[Bucket]] = {}
    for labels, count in vector:
        bound = _bound(value_of(labels, "le"))
        if bound is not None:
            histograms.setdefault(without(labels, (NAME, "le")), []).append((bound, count))
    return [(labels, bucket_quantile(quantile, buckets)) for labels, buckets in histograms.items()]


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
