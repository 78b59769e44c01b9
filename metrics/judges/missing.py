"""How many more requests would show that a canary is not worse, if it is as good as its primary."""

from math import inf, log

from metrics.judges import ratios
from metrics.judges.memory import Memory, Track
from metrics.judges.settings import CompareWithPrimary


def requests(
    track: Track, dispersion: float, memory: Memory, costs: list[float], settings: CompareWithPrimary
) -> float | None:
    """About how many more requests the canary needs at the present split; None if it cannot be foreseen.

    The weight of evidence that each brings on average, for the ratio and for the floor, whichever is there first.
    `costs` are those of the last window (`ratios.costs`).
    """
    share = track.primary_bad / memory.primary_requests
    both = 1.0 + memory.primary_requests / memory.canary_requests
    grid = ratios.OF_LATENCY if track.edge else ratios.OF_FAILURES
    goal = log(2.0 / settings.alpha)
    least = inf
    above, each = len(grid.worse), dispersion * (goal + log(len(grid.fine)))
    for gain, cost, known in zip(grid.logs[above:], costs[above:], track.ratios[above:], strict=True):
        least = min(least, _wait(each - known, share * (gain - both * cost)))
    floor = settings.ignore_below_percent / 100.0
    each = dispersion * (goal + log(len(ratios.BELOW)))
    for gain, beyond in ratios.BELOW if floor > 0 else ():
        known = track.canary_bad * gain - memory.canary_requests * floor * beyond
        least = min(least, _wait(each - known, share * gain - floor * beyond))
    return least if least < inf else None


def _wait(needed: float, gain: float) -> float:
    return max(needed, 1.0) / gain if gain > 1e-12 else inf
