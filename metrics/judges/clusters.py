"""How much bad requests come in clusters, learned from the primary alone.

Errors are seldom independent: one pod loses its database for ten seconds, one node is slow all day. Counts then vary
more than those of a coin, and a test made for coins takes every cluster for a fault. By how much more is the
dispersion; here it is split by where a cluster lives, because a canary's pods are of another size than the primary's:
the dispersion of a cluster of n requests is 1 + n * c, with the intra-class correlation c (Williams, "The analysis of
binary responses from toxicological experiments", 1975; moments as in Pearson's statistic).

- a pod within a window: the primary's pods among each other, beginning from a cautious assumption;
- a role within a window: the primary from one window to the next, beyond what its pods explain;
- a pod over the whole run: how far each of the primary's pods has drifted from its fair part.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

from metrics.judges.counts import PodCounts, RoleCounts
from metrics.judges.memory import Memory, Track

ASSUMED = 0.0003
"""The correlation within a pod and window that is believed before anything was seen."""

PATIENCE = 10000.0
"""How much it takes to give that belief up, in bad requests times requests of a pod."""

DOUBT_PODS, DOUBT_WINDOWS, DOUBT_DRIFT = 1.5, 1.5, 1.5
"""So many standard errors of what was found are taken for chance, so that independent errors are soon known as such."""

CAUTION_PODS, CAUTION_WINDOWS = 5.0, 10.0
"""What is learned from few pods or windows is raised by this over their number: a small sample more often hides
clusters than it makes them up."""


def pods_of(role: RoleCounts) -> int:
    """How many clusters a role consists of, at least 1."""
    return max(1, len(role.pods))


@lru_cache(maxsize=65536)
def slot_of(pod: str, slots: int) -> int:
    """Where a pod's drift is kept. Pods that share a slot are one larger cluster, which is still true."""
    return zlib.crc32(pod.encode()) % slots


class Spread:
    """What one window of the primary says about the clusters of one kind of bad requests."""

    __slots__ = ("excess", "noise", "slots", "weight")

    def __init__(self, track: Track) -> None:
        self.excess = track.pods_excess
        self.weight = track.pods_weight
        self.noise = track.pods_noise
        self.slots = list(track.slots)

    def add(self, pods: Sequence[PodCounts], kind: int, requests: float, bad: float) -> None:
        """Compare the pods of one window with their common share of bad requests."""
        share = bad / requests
        count = len(self.slots)
        for pod in pods:
            expected = pod.requests * share
            beyond = pod.bad[kind] - expected
            variance = expected * (1.0 - pod.requests / requests) * (1.0 - share)
            self.excess += beyond * beyond - variance
            self.weight += variance * pod.requests
            self.noise += chance_of(variance)
            self.slots[slot_of(pod.name, count)] += beyond


def chance_of(variance: float) -> float:
    """The variance of how far a count's square is from its own variance: a Poisson count's, 2 v^2 + v."""
    return (2.0 * variance + 1.0) * variance


def from_window_to_window(before: float, requests_before: float, bad: float, requests: float) -> tuple[float, float]:
    """How far the primary's bad requests moved between two windows beyond chance, and the variance by chance."""
    both = before + bad
    if both <= 0 or requests_before <= 0 or requests <= 0:
        return 0.0, 0.0
    part = requests / (requests_before + requests)
    variance = both * part * (1.0 - part) * (1.0 - both / (requests_before + requests))
    return (bad - both * part) ** 2 - variance, variance


def dispersion(track: Track, memory: Memory, primary: RoleCounts, canary: RoleCounts) -> float:
    """How many times more the counts of a comparison vary than those of independent requests, at least 1.

    It holds for all windows of the run so far; `primary` and `canary` are the last one, for their numbers of pods.
    """
    if memory.exposure <= 0:
        return 1.0
    pod_size, role_size = memory.pod_size / memory.exposure, memory.role_size / memory.exposure
    found = track.pods_excess - DOUBT_PODS * sqrt(track.pods_noise)
    pods = _correlation(found, CAUTION_PODS, memory.pods_seen, track.pods_weight, ASSUMED)
    explained = pods * track.windows_weight / pods_of(primary)
    found = track.windows_excess - explained - DOUBT_WINDOWS * sqrt(track.windows_noise)
    roles = _correlation(found, CAUTION_WINDOWS, memory.windows_seen, track.windows_weight, 0.0)
    return 1.0 + pods * pod_size + roles * role_size + _drift(track, memory, primary, canary, pods * pod_size)


def _correlation(excess: float, caution: float, seen: float, weight: float, assumed: float) -> float:
    if excess > 0 and seen > 0:
        excess *= 1.0 + caution / seen
    return max(0.0, (excess + assumed * PATIENCE) / (weight + PATIENCE))


def _drift(track: Track, memory: Memory, primary: RoleCounts, canary: RoleCounts, explained: float) -> float:
    """The part of the dispersion that comes from pods which are worse than others all the time.

    With few pods there is always some drift, so only what chance seldom does is believed.
    """
    count = pods_of(primary)
    if count < 2 or memory.primary_requests <= 0 or track.primary_bad <= 0:
        return 0.0
    bad, requests = track.primary_bad, memory.primary_requests
    chance = bad * (1.0 - 1.0 / count) * (1.0 - bad / requests) * (1.0 + explained)
    free = min(count, len(track.slots)) - 1
    excess = sum([slot * slot for slot in track.slots]) - chance * (1.0 + DOUBT_DRIFT * sqrt(2.0 / free))
    if excess <= 0:
        return 0.0
    share = canary.requests / max(canary.requests + primary.requests, 1.0)
    size = (1.0 - share) * memory.canary_requests / pods_of(canary) + share * requests / count
    return excess / (bad * requests / count + PATIENCE) * size
