"""What the counts of a window say for and against ratios between the canary's and the primary's bad requests.

Given how many requests of a window were bad in all, each of them is the canary's with a probability that depends only
on the split of requests and on how many times worse the canary is; the rate itself, the weight and their changes from
window to window cancel (Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data", 2022). So windows are
compared by likelihood ratios of binomials, against a canary that is just at the margin, and their logarithms add up.
"""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from metrics.judges.counts import WindowCounts

MOST = 600.0  # as a logarithm: evidence beyond it is no stronger, and a factor more does not overflow
LEAST = -30.0  # exp of less does not matter


class Ratios(NamedTuple):
    """Alternatives to a canary just at the margin, as multiples of it, with their weights, which add up to 1.

    `logs` are the logarithms of all, in the order in which a track keeps them: those that are worse come first.
    """

    worse: tuple[float, ...]
    weights: tuple[float, ...]
    fine: tuple[float, ...]
    logs: tuple[float, ...]

    @classmethod
    def of(cls, worse: dict[float, float], *fine: float) -> "Ratios":
        """From the weights by ratio of those above 1, and those below it, which weigh the same."""
        return cls(tuple(worse), tuple(worse.values()), fine, tuple(map(log, (*worse, *fine))))


OF_FAILURES = Ratios.of(
    {1.25: 0.005, 1.7: 0.01, 2.4: 0.035, 3.1: 0.33, 4.1: 0.43, 6.0: 0.15, 11.0: 0.03, 30.0: 0.01}, 0.8, 0.5, 0.2
)
"""Most weight on faults that matter and are not plain at once: three to eight times as many failures."""

OF_LATENCY = Ratios.of({1.25: 0.25, 1.6: 0.25, 2.5: 0.25, 6.0: 0.25}, 0.8, 0.5)
"""Fewer, because there are as many again for each edge, and a slower release shifts shares less than it breaks them."""


def of(counts: WindowCounts) -> Ratios:
    """The alternatives for this kind of counts."""
    return OF_LATENCY if counts.edges else OF_FAILURES


def costs(ratios: Ratios, margin: float, canary: float, primary: float) -> list[float]:
    """What a bad request of either role takes off each alternative's log-likelihood ratio, by the split of requests."""
    at_margin = margin * canary + primary
    part, rest = margin * canary / at_margin, primary / at_margin
    return [log(each * part + rest) for each in ratios.worse + ratios.fine]


def added(ratios: Ratios, before: Sequence[float], costs: list[float], canary: float, both: float) -> list[float]:
    """The log-likelihood ratios after `canary` bad requests of the canary among `both`."""
    return [known + canary * gain - both * cost for known, gain, cost in zip(before, ratios.logs, costs, strict=True)]


def for_worse(ratios: Ratios, sums: Sequence[float], dispersion: float) -> float:
    """The E-value against "within the margin": the weighted mean over the ratios above it."""
    total = 0.0
    for weight, each in zip(ratios.weights, sums, strict=False):
        tempered = each / dispersion
        if tempered > LEAST:
            total += weight * exp(min(MOST, tempered))
    return total


def for_fine(ratios: Ratios, sums: Sequence[float], dispersion: float) -> float:
    """The E-value against "worse than the margin": the mean over the ratios below it."""
    fine = sums[len(ratios.worse) :]
    return sum([exp(min(each / dispersion, MOST)) for each in fine]) / len(fine)


ABOVE = tuple((log(each), each - 1.0) for each in (1.5, 3.0, 8.0, 20.0))
BELOW = tuple((log(each), each - 1.0) for each in (0.6, 0.3, 0.05))
"""Alternatives to a share of bad requests just at the floor: the logarithms of multiples of it, and these less 1."""


def above_floor(bad: float, requests: float, floor: float, dispersion: float) -> float:
    """The E-value against "at most `floor` (0..1) of the canary's requests are bad"; 0 is always exceeded."""
    if floor <= 0:
        return exp(MOST)
    return _against(ABOVE, bad, requests * floor, dispersion)


def below_floor(bad: float, requests: float, floor: float, dispersion: float) -> float:
    """The E-value against "more than `floor` (0..1) of the canary's requests are bad"."""
    return _against(BELOW, bad, requests * floor, dispersion) if floor > 0 else 0.0


def _against(multiples: tuple[tuple[float, float], ...], bad: float, allowed: float, dispersion: float) -> float:
    """Likelihood ratios of Poisson counts, which are at most those of coins under the hypothesis: 1 + x <= exp(x)."""
    total = 0.0
    for gain, beyond in multiples:
        tempered = (bad * gain - allowed * beyond) / dispersion
        if tempered > LEAST:
            total += exp(min(MOST, tempered))
    return total / len(multiples)
