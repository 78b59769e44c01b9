"""How many more requests would show that a canary is not worse, if it is as good as its primary."""

from math import log

from metrics.judges import ratios
from metrics.judges.memory import Memory, Track
from metrics.judges.settings import CompareWithPrimary


def requests(track: Track, dispersion: float, memory: Memory, settings: CompareWithPrimary) -> float | None:
    """About how many more requests the canary needs at the split so far; None if it cannot be foreseen.

    The weight of evidence that each brings on average, for the ratio and for the floor, whichever is there first.
    """
    if memory.canary_requests <= 0:
        return None
    share = track.primary_bad / memory.primary_requests
    per_canary = memory.primary_requests / memory.canary_requests
    waits = []
    grid = ratios.OF_LATENCY if track.edge else ratios.OF_FAILURES
    goal = log(2.0 / settings.alpha)
    for each, known in zip(grid.fine, track.ratios[len(grid.worse) :], strict=True):
        cost = log((settings.margin * each + per_canary) / (settings.margin + per_canary))
        gain = share * (log(each) - (1.0 + per_canary) * cost)
        waits.append((gain, dispersion * (goal + log(len(grid.fine))) - known))
    floor = settings.ignore_below_percent / 100.0
    for each in ratios.BELOW if floor > 0 else ():
        gain = share * log(each) + floor * (1.0 - each)
        known = track.canary_bad * log(each) + memory.canary_requests * floor * (1.0 - each)
        waits.append((gain, dispersion * (goal + log(len(ratios.BELOW))) - known))
    return min((max(need, 1.0) / gain for gain, need in waits if gain > 1e-12), default=None)
