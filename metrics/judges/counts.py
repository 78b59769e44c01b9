"""What a comparison is made of: counts of one window, per pod, the same for failures and for slow requests.

A request is bad if it failed or, for a latency, if it took longer than a bucket's edge. So a success rate is a count
with one number of bad requests, and a histogram one with a number for each edge.
"""

from collections.abc import Iterable
from dataclasses import dataclass

FAILURES: tuple[float, ...] = ()
"""The edges of counts that are about failures: none."""


@dataclass(frozen=True, slots=True)
class PodCounts:
    """Requests that one pod answered in a window. `bad` has one number for failures, or one for each edge."""

    name: str
    requests: float
    bad: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RoleCounts:
    """Requests that a role answered in a window. `pods` are all that answered any, and add up to it."""

    requests: float
    bad: tuple[float, ...]
    pods: tuple[PodCounts, ...] = ()

    @classmethod
    def of(cls, pods: Iterable[PodCounts], *, kinds: int = 1) -> "RoleCounts":
        """The sum of pods; `kinds` is how many numbers of bad requests each has."""
        every = tuple(pods)
        bad = tuple(map(sum, zip(*(pod.bad for pod in every), strict=True))) if every else (0.0,) * kinds
        return cls(sum(pod.requests for pod in every), bad, every)


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """One numbered window of a run; windows are disjoint and come in the order of their numbers (from 0).

    `edges` are bucket edges in milliseconds, above 0, rising, that both roles have; empty for failures. `noun` is what
    is counted, in the plural, where that is something else than requests; "" for these.
    """

    number: int
    primary: RoleCounts
    canary: RoleCounts
    edges: tuple[float, ...] = FAILURES
    noun: str = ""

    def __post_init__(self) -> None:
        kinds = len(self.edges) or 1
        if len(self.primary.bad) != kinds or len(self.canary.bad) != kinds:
            found = f"{len(self.primary.bad)} and {len(self.canary.bad)}"
            raise ValueError(f"bad: given {found} numbers for {kinds} kinds of bad requests")

    @property
    def load(self) -> float | None:
        """A canary pod's requests for each one of a primary pod's; None where pods are unknown."""
        canary, primary = len(self.canary.pods), len(self.primary.pods)
        if not canary or not primary or self.primary.requests <= 0:
            return None
        return (self.canary.requests / canary) / (self.primary.requests / primary)
