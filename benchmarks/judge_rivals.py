"""What others judge by, for benchmarks/judges.py: the first window at which each would roll back, 0 for never."""

import numpy as np
import numpy.typing as npt
from scipy.stats import mannwhitneyu, norm

from benchmarks.judge_traffic import EDGES, WINDOWS, Array, Traffic

ALPHA = 0.01
LEAST_SUCCESS = 99.0
LONGEST_P99 = 500.0
SLOW = EDGES.index(LONGEST_P99)

Windows = npt.NDArray[np.int64]


def threshold(traffic: Traffic, *, strikes: int) -> Windows:
    """Flagger's rule: so many windows with less than 99 % success, or a 99th percentile above 500 ms."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if _latency(traffic):
            failed = _p99(traffic.canary, traffic.canary_bad) > LONGEST_P99
        else:
            requests, bad = _sums(traffic.canary, traffic.canary_bad)
            failed = 100.0 * (1.0 - bad / requests) < LEAST_SUCCESS
    return _first(np.cumsum(failed, axis=1) >= strikes)


def peeking_z(traffic: Traffic) -> Windows:
    """A one-sided two-proportion z-test at 1 % on all that came in so far, looked at after every window."""
    canary, bad = (np.cumsum(each, axis=1) for each in _sums(traffic.canary, traffic.canary_bad))
    primary, its_bad = (np.cumsum(each, axis=1) for each in _sums(traffic.primary, traffic.primary_bad))
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (bad + its_bad) / (canary + primary)
        z = (bad / canary - its_bad / primary) / np.sqrt(both * (1 - both) * (1 / canary + 1 / primary))
    return _first(z > norm.isf(ALPHA))


def mann_whitney(traffic: Traffic) -> Windows:
    """A one-sided rank test at 1 % on the windows' shares (99th percentiles for latency), once, at the end."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if _latency(traffic):
            canary, primary = (
                _p99(traffic.canary, traffic.canary_bad),
                _p99(traffic.primary, traffic.primary_bad),
            )
        else:
            requests, bad = _sums(traffic.canary, traffic.canary_bad)
            canary = bad / requests
            requests, bad = _sums(traffic.primary, traffic.primary_bad)
            primary = bad / requests
    p = [
        mannwhitneyu(ours[~np.isnan(ours)], its[~np.isnan(its)], alternative="greater").pvalue
        if not (np.isnan(ours).all() or np.isnan(its).all())
        else 1.0
        for ours, its in zip(canary, primary, strict=True)
    ]
    return np.where(np.array(p) < ALPHA, WINDOWS, 0)


def _latency(traffic: Traffic) -> bool:
    return traffic.canary_bad.shape[-1] > 1


def _sums(requests: Array, bad: Array) -> tuple[Array, Array]:
    """A role's requests and bad ones per window; of a latency those slower than 500 ms."""
    return requests.sum(axis=2), bad[..., SLOW if bad.shape[-1] > 1 else 0].sum(axis=2)


def _p99(requests: Array, bad: Array) -> Array:
    """As histogram_quantile does: interpolated within the bucket, the last finite edge beyond it."""
    total = requests.sum(axis=2)
    shares = np.concatenate([np.ones((*total.shape, 1)), bad.sum(axis=2) / total[..., None]], axis=-1)
    edges = np.array([0.0, *EDGES])
    upper = np.argmax(shares <= ALPHA, axis=-1)
    beyond = (shares > ALPHA).all(axis=-1)
    lower = np.maximum(upper - 1, 0)
    high, low = (np.take_along_axis(shares, each[..., None], -1)[..., 0] for each in (lower, upper))
    part = (high - ALPHA) / np.where(high > low, high - low, 1.0)
    found = edges[lower] + part * (edges[upper] - edges[lower])
    return np.where(total > 0, np.where(beyond, edges[-1], found), np.nan)


def _first(hit: npt.NDArray[np.bool_]) -> Windows:
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
