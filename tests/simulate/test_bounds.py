"""Bounds of a counted probability are Clopper and Pearson's."""

import math

import pytest

from delivery.simulate.bounds import clopper_pearson, quantile


def at_most(seen: int, of: int, share: float) -> float:
    return sum(math.comb(of, count) * share**count * (1 - share) ** (of - count) for count in range(seen + 1))


@pytest.mark.parametrize(("seen", "of"), [(1, 10), (5, 10), (9, 10), (3, 300), (20, 400)])
def test_at_each_bound_what_was_seen_is_just_as_unlikely_as_promised(seen: int, of: int) -> None:
    low, high = clopper_pearson(seen, of)

    assert 1 - at_most(seen - 1, of, low) == pytest.approx(0.025, rel=1e-6)
    assert at_most(seen, of, high) == pytest.approx(0.025, rel=1e-6)


def test_never_and_always_have_one_bound_only() -> None:
    assert clopper_pearson(0, 2000) == (0.0, pytest.approx(1 - 0.025 ** (1 / 2000)))
    assert clopper_pearson(2000, 2000) == (pytest.approx(0.025 ** (1 / 2000)), 1.0)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_a_quantile_is_a_value_that_was_seen() -> None:
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(list(range(1, 101)), 0.95) == 95
    assert quantile([], 0.5) is None
