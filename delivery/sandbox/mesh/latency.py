"""How long requests take, as a distribution instead of single draws.

Requests are accounted for as a flow: a share of so many per second falls into each of Istio's histogram buckets. So
an hour costs as much as a second, and a test needs no luck.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from metrics.quantiles import ISTIO_EDGES_MS

BUCKETS_MS = ISTIO_EDGES_MS
"""Upper edges of the histogram that the sandbox's proxies keep, in milliseconds."""



@dataclass(frozen=True, slots=True)
class Latency:
    """A log-normal distribution: `spread` is the standard deviation of the logarithm, 0: always the median.

    Nothing takes longer than `limit_ms` (who does was cut off and counts elsewhere); `offset_ms` is what earlier
    attempts and delays have added.
    """

    median_ms: float
    spread: float = 0.0
    offset_ms: float = 0.0
    limit_ms: float = math.inf

    def within(self, milliseconds: float) -> float:
        """The share 0..1 of the requests that take at most so long."""
        own = milliseconds - self.offset_ms
        if own >= self.limit_ms:
            return 1.0
        whole = self._raw(self.limit_ms)
        return self._raw(own) / whole if whole else 0.0

    def _raw(self, milliseconds: float) -> float:
        if milliseconds <= 0.0:
            return 0.0
        if milliseconds == math.inf:
            return 1.0
        if self.spread == 0.0:
            return 1.0 if milliseconds >= self.median_ms else 0.0
        return _normal((math.log(milliseconds) - math.log(self.median_ms)) / self.spread)

    @property
    def mean_ms(self) -> float:
        """The mean; of a cut log-normal distribution (Johnson, Kotz, Balakrishnan: partial expectation)."""
        whole = self.median_ms * math.exp(self.spread**2 / 2)
        if self.limit_ms == math.inf or self.spread == 0.0:
            return self.offset_ms + whole
        edge = (math.log(self.limit_ms) - math.log(self.median_ms)) / self.spread
        share = _normal(edge)
        return self.offset_ms + (whole * _normal(edge - self.spread) / share if share else self.limit_ms)

    def beyond(self, limit_ms: float) -> float:
        """The share 0..1 that would take longer than `limit_ms` (offset not counted)."""
        return 0.0 if limit_ms == math.inf else 1.0 - self._raw(limit_ms)


@lru_cache(maxsize=4096)
def in_buckets(latency: Latency) -> Sequence[float]:
    """For each of Istio's buckets the share of requests up to its edge."""
    return tuple(latency.within(edge) for edge in BUCKETS_MS)


@lru_cache(maxsize=4096)
def mean_ms(latency: Latency) -> float:
    """`Latency.mean_ms`, computed once for each distribution."""
    return latency.mean_ms


def _normal(value: float) -> float:
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
