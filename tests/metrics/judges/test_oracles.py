"""The comparison's mathematics against exact enumeration and against scipy."""

from itertools import product
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, hypergeom

from benchmarks.judges import clopper_pearson
from metrics.judges import clusters, overshoot, ratios
from metrics.judges.counts import PodCounts
from metrics.judges.memory import Track

GRIDS = (ratios.OF_FAILURES, ratios.OF_LATENCY)
SPLITS = ((50.0, 950.0), (100.0, 900.0), (250.0, 750.0), (500.0, 500.0))


def sums(grid: ratios.Ratios, margin: float, split: tuple[float, float], canary: int, both: int) -> list[float]:
    start = (0.0,) * len(grid.logs)
    return ratios.added(grid, start, ratios.costs(grid, margin, *split), canary, both)


@pytest.mark.parametrize("grid", GRIDS)
def test_weights_add_up(grid: ratios.Ratios) -> None:
    assert sum(grid.weights) == pytest.approx(1)
    assert min(grid.worse) > 1 > max(grid.fine)


@given(st.sampled_from(GRIDS), st.sampled_from(SPLITS), st.floats(1, 3), st.integers(0, 60), st.data())
def test_a_ratio_is_that_of_two_binomials(grid, split, margin, both, data) -> None:
    canary = data.draw(st.integers(0, both))
    exposed, rest = split
    at_margin = margin * exposed / (margin * exposed + rest)
    for multiple, found in zip((*grid.worse, *grid.fine), sums(grid, margin, split, canary, both), strict=True):
        other = multiple * margin * exposed / (multiple * margin * exposed + rest)
        wanted = binom.logpmf(canary, both, other) - binom.logpmf(canary, both, at_margin)
        assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("margin", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("dispersion", [1.0, 1.7, 15.0])
def test_the_mean_under_the_margin_is_never_above_one(grid, split, margin, dispersion) -> None:
    """At the margin, within it for a worse canary, and beyond it for one that is fine; whatever the dispersion."""
    for both, actual in product((1, 2, 5, 13), (0.2, 0.8, 1.0, 1.3, 5.0)):
        ratio = margin * actual
        part = ratio * split[0] / (ratio * split[0] + split[1])
        worse = fine = 0.0
        for canary in range(both + 1):
            found = sums(grid, margin, split, canary, both)
            worse += binom.pmf(canary, both, part) * ratios.for_worse(grid, found, dispersion)
            fine += binom.pmf(canary, both, part) * ratios.for_fine(grid, found, dispersion)
        assert actual > 1 or worse <= 1 + 1e-9
        assert actual < 1 or fine <= 1 + 1e-9


@pytest.mark.parametrize("requests", [20, 200])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("weight", [0.05, 0.25, 0.5])
def test_frequent_slow_requests_are_counted_on_the_safe_side(requests: int, share: float, weight: float) -> None:
    """Requests are slow or not, so the count is hypergeometric: less spread than a binomial (Hoeffding 1963)."""
    canary, both = max(1, round(requests * weight)), round(requests * share)
    split = (float(canary), float(requests - canary))
    worse = fine = 0.0
    for bad in range(max(0, both - requests + canary), min(both, canary) + 1):
        found = sums(ratios.OF_LATENCY, 1.0, split, bad, both)
        chance = hypergeom.pmf(bad, requests, both, canary)
        worse += chance * ratios.for_worse(ratios.OF_LATENCY, found, 1.0)
        fine += chance * ratios.for_fine(ratios.OF_LATENCY, found, 1.0)
    assert max(worse, fine) <= 1 + 1e-9


@pytest.mark.parametrize("actual", [0.0005, 0.001])
@pytest.mark.parametrize("requests", [10, 1000, 5000])
def test_the_floor_is_counted_on_the_safe_side(actual: float, requests: int) -> None:
    counts = range(min(requests, 60) + 1)
    above = sum(binom.pmf(bad, requests, actual) * ratios.above_floor(bad, requests, 0.001, 1.0) for bad in counts)
    below = sum(binom.pmf(bad, requests, 0.0011) * ratios.below_floor(bad, requests, 0.001, 1.0) for bad in counts)
    assert max(above, below) <= 1 + 1e-9


def test_looking_after_every_window_keeps_the_budget_by_enumeration() -> None:
    """Every outcome of four windows whose split changes, for a canary just at the margin."""
    alpha, margin = 0.05, 1.25
    splits, bad = SPLITS, (6, 4, 5, 5)
    parts = [margin * canary / (margin * canary + primary) for canary, primary in splits]
    states = {(): 1.0}
    crossed = 0.0
    for split, both, part in zip(splits, bad, parts, strict=True):
        following: dict[tuple[int, ...], float] = {}
        for (past, chance), canary in product(states.items(), range(both + 1)):
            path, weight = (*past, canary), chance * binom.pmf(canary, both, part)
            if _strength(path, splits, bad, margin) >= 1 / alpha:
                crossed += weight
            else:
                following[path] = weight
        states = following
        del split
    assert 0 < crossed <= alpha


def _strength(path: tuple[int, ...], splits: tuple, bad: tuple[int, ...], margin: float) -> float:
    grid, found = ratios.OF_FAILURES, [0.0] * len(ratios.OF_FAILURES.logs)
    for canary, split, both in zip(path, splits, bad, strict=False):
        found = ratios.added(grid, found, ratios.costs(grid, margin, *split), canary, both)
    return ratios.for_worse(grid, found, 1.0)


def test_what_pods_vary_beyond_chance_is_nothing_on_average_for_coins() -> None:
    """Over all ways in which 5 failures can fall on 4 unequal pods; given their sum they are hypergeometric, nearly
    multinomial for rare failures.
    """
    sizes, failures = (1000.0, 2000.0, 3000.0, 4000.0), 5
    total = sum(sizes)
    mean = 0.0
    for which in product(range(4), repeat=failures):
        chance = 1.0
        for pod in which:
            chance *= sizes[pod] / total
        pods = [PodCounts(str(n), size, (float(which.count(n)),)) for n, size in enumerate(sizes)]
        spread = clusters.Spread(Track(*(0.0,) * 11, (), (0.0,) * 16))
        spread.add(pods, 0, total, failures)
        mean += chance * spread.excess
    assert mean == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("hits", "runs"), [(0, 100), (3, 100), (100, 100), (17, 3000)])
def test_bounds_of_shares_are_those_of_clopper_and_pearson(hits: int, runs: int) -> None:
    wanted = binomtest(hits, runs).proportion_ci(method="exact")
    assert clopper_pearson(hits, runs) == pytest.approx((wanted.low, wanted.high))


def test_five_times_the_failures_are_worth_their_likelihood() -> None:
    """One number by hand: 10 of 12 failures on a tenth of the requests, against a margin of 1.25."""
    found = sums(ratios.OF_FAILURES, 1.25, (100.0, 900.0), 10, 12)[ratios.OF_FAILURES.worse.index(4.1)]
    by_hand = 10 * log(4.1) - 12 * log((4.1 * 125 + 900) / (125 + 900))
    assert exp(found) == pytest.approx(exp(by_hand))


def test_what_is_given_back_for_overshooting_keeps_the_budget_by_enumeration() -> None:
    """As above; more outcomes fail than without, and still no more than the budget."""
    alpha, margin, grid = 0.05, 1.25, ratios.OF_FAILURES
    states: list[tuple[Track, float]] = [(Track(*(0.0,) * 11, (0.0,) * len(grid.logs), ()), 1.0)]
    crossed = plain = 0.0
    for split, both in zip(SPLITS, (6, 4, 5, 5), strict=True):
        costs = ratios.costs(grid, margin, *split)
        part = margin * split[0] / (margin * split[0] + split[1])
        following = []
        for before, chance in states:
            more = overshoot.boost(grid, before, costs, part=part, both=both, dispersion=1.0, needed=1 / alpha)
            for canary in range(both + 1):
                found = tuple(ratios.added(grid, before.ratios, costs, canary, both))
                after = before._replace(ratios=found, boost=before.boost + more)
                weight = chance * binom.pmf(canary, both, part)
                strength = ratios.for_worse(grid, found, 1.0)
                plain += weight * (strength >= 1 / alpha)
                if strength * exp(after.boost) >= 1 / alpha - 1e-9:
                    crossed += weight
                else:
                    following.append((after, weight))
        states = following
    assert plain < crossed <= alpha


def test_a_factor_cuts_off_at_the_goal_what_the_others_get() -> None:
    """One bad request: 0.9 of the chance keeps 0.5, 0.1 has 5.5; cut off at 2 there are 3.5 * 0.1 to give away."""
    assert exp(overshoot._solved([0.5, 5.5], [0.9, 0.1], 1.0, 2.0)) == pytest.approx(0.8 / 0.45)
