"""How a version of a service behaves: how often it fails and how long it takes.

All of it is deterministic. Failures are spread evenly by carrying the remainder from request to request, and latencies
walk through the quantiles of their distribution by the golden ratio, which covers it evenly from any start on. So a
test needs no seed, and a share of 0.2 is 0.2 in every stretch of time.
"""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

GOLDEN = (math.sqrt(5) - 1) / 2
NORMAL = NormalDist()

BUCKETS_MS = (
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
    30000.0, 60000.0, 300000.0, 600000.0, 1800000.0, 3600000.0,
)  # fmt: skip
"""Upper edges of Istio's histogram of request durations, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`errors` is the share of requests answered 500, 0..1. Latencies are log-normal: `latency_ms` is the median,
    `spread` the standard deviation of the logarithm (0.3: the 99th percentile is twice the median).
    """

    errors: float = 0.0
    latency_ms: float = 20.0
    spread: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 <= self.errors <= 1.0:
            raise ValueError(f"errors: {self.errors}; allowed is a share from 0 to 1")
        if self.latency_ms <= 0.0 or self.spread < 0.0:
            raise ValueError(f"latency_ms: {self.latency_ms}, spread: {self.spread}; allowed are more than 0, from 0")

    def latency(self, quantile: float) -> float:
        """Milliseconds at a quantile between 0 and 1, both excluded."""
        return self.latency_ms * math.exp(self.spread * NORMAL.inv_cdf(quantile))


@dataclass(slots=True)
class Carry:
    """Turns a share into whole events, evenly: an event each time the sum of shares passes a whole number."""

    rest: float = 0.0

    def take(self, amount: float) -> int:
        """How many whole events `amount` more of them make."""
        total = self.rest + amount
        whole = math.floor(total + 1e-9)
        self.rest = total - whole
        return whole


@dataclass(slots=True)
class Quantiles:
    """An endless walk through (0, 1) that covers every stretch of it evenly."""

    at: float = 0.5

    def next(self) -> float:
        self.at = (self.at + GOLDEN) % 1.0
        return min(max(self.at, 1e-6), 1.0 - 1e-6)


@dataclass(slots=True)
class Histogram:
    """Request durations in Istio's buckets."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BUCKETS_MS))
    count: int = 0
    total_ms: float = 0.0

    def observe(self, milliseconds: float) -> None:
        self.count += 1
        self.total_ms += milliseconds
        for index, edge in enumerate(BUCKETS_MS):
            if milliseconds <= edge:
                self.counts[index] += 1
                return

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper edge, requests up to it), as Prometheus wants it, with +Inf last."""
        rows, seen = [], 0
        for edge, count in zip(BUCKETS_MS, self.counts, strict=True):
            seen += count
            rows.append((f"{edge:g}", seen))
        return [*rows, ("+Inf", self.count)]
