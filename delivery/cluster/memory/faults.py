"""What can go wrong between a controller and its API server, as switches that a test turns while it runs."""

import random
from dataclasses import dataclass, field

from delivery.cluster.objects import Kind

Seconds = tuple[float, float]
"""A range in seconds, from which a value is drawn."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """How bad the connection is. Probabilities are 0..1 per request (for watches: per event), times are ranges.

    A request that is refused, or meets `down`, was not done (Unavailable); of one that is lost on the way nobody hears
    until the timeout; one whose response is lost was done, and the caller gets Unknown (a read: Unavailable), at once
    or at the timeout. `reorder` lets events of different objects of one watch overtake each other, which no real
    server does within one kind (events of different kinds are always independent of each other).
    """

    latency: Seconds = (0.001, 0.05)
    refuse: float = 0.0
    lose_request: float = 0.0
    lose_response: float = 0.0
    down: bool = False
    watch_lag: Seconds = (0.0, 0.1)
    kind_lag: dict[Kind, Seconds] = field(default_factory=dict)
    watch_drop: float = 0.0
    watch_expired: float = 0.0
    bookmark_seconds: float = 60.0
    reorder: bool = False

    def lag(self, kind: Kind, rng: random.Random) -> float:
        """How late an event of `kind` is, in seconds."""
        return rng.uniform(*self.kind_lag.get(kind, self.watch_lag))

    def heal(self) -> None:
        """Everything arrives from now on (latencies and lags stay)."""
        self.refuse = self.lose_request = self.lose_response = self.watch_drop = self.watch_expired = 0.0
        self.down = False


def hits(probability: float, rng: random.Random) -> bool:
    """Does something of this probability happen? Draws only if it can, so that other switches don't shift a replay."""
    return probability > 0 and rng.random() < probability
