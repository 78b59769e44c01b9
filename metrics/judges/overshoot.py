"""Gives back what a test loses by overshooting its goal.

A test that fails at 1/alpha pays for capital beyond 1/alpha with missed power: windows are large steps, so it mostly
lands far beyond. What will be cut off at the goal may be promised to the other outcomes beforehand: before a window's
split of bad requests is known, its ratio is multiplied by the largest number with which the mean of min(capital, goal)
at the margin stays what the capital was (Fischer and Ramdas, "Improving Wald's (approximate) sequential probability
ratio test by avoiding overshoot", 2024). By exact summation over all splits, so only for windows with few bad requests,
where steps are largest for what they say; and only where these look independent.
"""

from math import exp, log
from operator import mul

from metrics.judges import ratios
from metrics.judges.memory import Track

MOST_BAD = 100
MOST = 300.0  # as a logarithm; a hundred bad requests multiply it by less than what overflows
LARGEST_DISPERSION = 1.3
NEAR = 8.0
"""How near the goal the capital has to be, as a logarithm; farther away nothing is to be gained."""


def boost(
    grid: ratios.Ratios,
    before: Track,
    costs: list[float],
    *,
    part: float,
    both: float,
    dispersion: float,
    needed: float,
) -> float:
    """The logarithm of the factor for a window with `both` bad requests, at least 0.

    `part` (0..1) is the canary's of them at the margin, `needed` the goal.
    """
    count = round(both)
    if dispersion > LARGEST_DISPERSION or not 0 < count <= MOST_BAD:
        return 0.0
    had = exp(before.boost)
    capital = had * ratios.for_worse(grid, before.ratios, dispersion)
    if not needed * exp(-NEAR) < capital < needed:
        return 0.0
    parts, growths = _parts(grid, before, costs, count, dispersion)
    values, chances = [], []
    chance, odds = (1.0 - part) ** count, part / (1.0 - part)
    for canary in range(count + 1):
        values.append(had * sum(parts))
        chances.append(chance)
        chance *= (count - canary) / (canary + 1) * odds
        parts = list(map(mul, parts, growths))
    return _solved(values, chances, capital, needed) if values[-1] > needed else 0.0


def _parts(
    grid: ratios.Ratios, before: Track, costs: list[float], count: int, dispersion: float
) -> tuple[list[float], list[float]]:
    """What each ratio adds to the capital if no bad request is the canary's, and how it grows with each that is."""
    of_worse = zip(grid.weights, before.ratios, costs, strict=False)
    parts = [weight * exp(min((sum_ - count * cost) / dispersion, MOST)) for weight, sum_, cost in of_worse]
    return parts, [exp(gain / dispersion) for gain in grid.logs[: len(grid.worse)]]


def _solved(values: list[float], chances: list[float], capital: float, needed: float) -> float:
    """The logarithm of the factor with which the mean of the values, each cut off at the goal, is the capital."""
    means, mean = [], 0.0
    for value, chance in zip(values, chances, strict=True):
        mean += value * chance
        means.append(mean)
    beyond = 0.0  # the chance of the outcomes that are cut off, from the largest value down
    for value, chance, mean in zip(reversed(values), reversed(chances), reversed(means), strict=True):
        if mean <= 0.0 or capital <= needed * beyond:
            return 0.0
        factor = (capital - needed * beyond) / mean
        if factor * value <= needed:
            return log(max(1.0, factor))
        beyond += chance
    return 0.0
