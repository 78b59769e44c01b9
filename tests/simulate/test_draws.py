"""Random numbers have the distributions that they say, for small and for large means."""

import math
from collections import Counter

import pytest

from delivery.simulate.draws import Draws

NUMBER = 20000


def poisson(mean: float, count: int) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def binomial(number: int, share: float, count: int) -> float:
    return math.comb(number, count) * share**count * (1 - share) ** (number - count)


def distance(seen: Counter[int], chance: list[float]) -> float:
    """Pearson's statistic over the counts that are expected at least five times, and how many of those there are."""
    expected = {count: NUMBER * share for count, share in enumerate(chance) if NUMBER * share >= 5}
    total = sum((seen[count] - wanted) ** 2 / wanted for count, wanted in expected.items())
    return total / len(expected)


@pytest.mark.parametrize("mean", [0.01, 0.7, 4.0, 9.9, 10.1, 35.0, 400.0])
def test_poisson_numbers_have_their_distribution(mean: float) -> None:
    draws = Draws(f"poisson {mean}")
    seen = Counter(draws.poisson(mean) for _ in range(NUMBER))

    top = int(mean + 10 * math.sqrt(mean) + 10)
    assert distance(seen, [poisson(mean, count) for count in range(top)]) < 2
    assert max(seen) < top


@pytest.mark.parametrize(("number", "share"), [(1, 0.3), (10, 0.05), (1000, 0.002), (60, 0.5), (900, 0.05), (90, 0.97)])
def test_binomial_numbers_have_their_distribution(number: int, share: float) -> None:
    draws = Draws(f"binomial {number} {share}")
    seen = Counter(draws.binomial(number, share) for _ in range(NUMBER))

    assert distance(seen, [binomial(number, share, count) for count in range(number + 1)]) < 2.5
    assert min(seen) >= 0
    assert max(seen) <= number


def test_what_cannot_happen_never_happens() -> None:
    draws = Draws(1)

    assert draws.poisson(0) == 0
    assert draws.binomial(100, 0) == 0
    assert draws.binomial(0, 0.5) == 0
    assert draws.binomial(100, 1) == 100


def test_a_number_is_spread_without_loss() -> None:
    draws, shares = Draws("spread"), (0.5, 0.3, 0.0, 0.2)
    drawn = [draws.spread(1000, shares) for _ in range(500)]

    assert all(sum(each) == 1000 for each in drawn)
    means = [sum(column) / len(drawn) for column in zip(*drawn, strict=True)]
    assert means == pytest.approx([500, 300, 0, 200], abs=4)


def test_shares_that_come_together_have_their_mean_and_correlation() -> None:
    draws = Draws("rate")
    rates = [draws.rate(0.02, 0.05) for _ in range(NUMBER)]
    mean = sum(rates) / NUMBER
    variance = sum((rate - mean) ** 2 for rate in rates) / NUMBER

    assert mean == pytest.approx(0.02, rel=0.05)
    assert variance / (mean * (1 - mean)) == pytest.approx(0.05, rel=0.1)
    assert draws.rate(0.02, 0) == 0.02
