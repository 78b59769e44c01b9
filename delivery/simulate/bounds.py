"""Exact bounds of a probability that was counted, and quantiles of what was measured.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika
1934: the probabilities at which so few, or so many, would be seen in 2.5 % of experiments each.
"""

import math
from collections.abc import Callable, Sequence

CONFIDENCE = 0.95


def clopper_pearson(seen: int, of: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Lower and upper bound, 0..1, of the probability of what was seen `seen` times in `of`. (0, 1) for none at all."""
    if of <= 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if seen == 0 else _root(lambda share: 1 - _at_most(seen - 1, of, share) - tail)
    high = 1.0 if seen == of else _root(lambda share: tail - _at_most(seen, of, share))
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    """Where a function that rises with a share 0..1 is 0."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _at_most(seen: int, of: int, share: float) -> float:
    """The probability of at most `seen` in `of`: the shorter tail of the binomial distribution, added up."""
    if share <= 0 or share >= 1:
        return 1.0 if share <= 0 or seen >= of else 0.0
    if seen > of * share:
        return 1 - _sum(range(seen + 1, of + 1), of, share)
    return _sum(range(seen, -1, -1), of, share)


def _sum(terms: range, of: int, share: float) -> float:
    """Terms that only get smaller, until they add nothing."""
    total, logs = 0.0, (math.log(share), math.log1p(-share))
    for number in terms:
        ways = math.lgamma(of + 1) - math.lgamma(number + 1) - math.lgamma(of - number + 1)
        term = math.exp(ways + number * logs[0] + (of - number) * logs[1])
        total += term
        if term < total * 1e-12:
            break
    return total


def quantile(values: Sequence[float], share: float) -> float | None:
    """The least value that `share` (0..1) of the values do not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
