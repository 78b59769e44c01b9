"""What the counts of a window say for and against ratios between the canary's and the primary's bad requests.

Given how many requests of a window were bad in all, each of them is the canary's with a probability that depends only
on the split of requests and on how many times worse the canary is; the rate itself, the weight and their changes from
window to window cancel (Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data", 2022). So windows are
compared by likelihood ratios of binomials, against a canary that is just at the margin, and their logarithms add up.
"""

from dataclasses import dataclass
from math import exp, log

from metrics.judges.counts import WindowCounts

MOST = 700.0  # exp of more overflows


@dataclass(frozen=True, slots=True)
class Ratios:
    """Alternatives to a canary just at the margin, as multiples of it, with their weights, which add up to 1."""

    worse: tuple[float, ...]
    weights: tuple[float, ...]
    fine: tuple[float, ...]

    @property
    def logs(self) -> tuple[float, ...]:
        """The logarithms of all, in the order in which a track keeps them."""
        return tuple(log(each) for each in self.worse + self.fine)


OF_FAILURES = Ratios(
    worse=(1.25, 1.6, 2.2, 3.0, 4.5, 7.0, 12.0, 30.0),
    weights=(0.05, 0.08, 0.14, 0.22, 0.22, 0.15, 0.09, 0.05),
    fine=(0.8, 0.5, 0.2),
)
"""Most weight where most faults are: three to seven times as many failures."""

OF_LATENCY = Ratios(worse=(1.25, 1.6, 2.5, 6.0), weights=(0.25, 0.25, 0.25, 0.25), fine=(0.8, 0.5))
"""Fewer, because there are as many again for each edge, and a slower release shifts shares less than it breaks them."""

_LOGS = {ratios: ratios.logs for ratios in (OF_FAILURES, OF_LATENCY)}


def of(counts: WindowCounts) -> Ratios:
    """The alternatives for this kind of counts."""
    return OF_LATENCY if counts.edges else OF_FAILURES


def normalisers(ratios: Ratios, margin: float, canary: float, primary: float) -> list[float]:
    """What one bad request of either role costs each alternative, by the window's split of requests."""
    at_margin = margin * canary + primary
    exposed = margin * canary
    return [log((each * exposed + primary) / at_margin) for each in ratios.worse + ratios.fine]


def added(ratios: Ratios, before: tuple[float, ...], costs: list[float], canary: float, both: float) -> list[float]:
    """The log-likelihood ratios after `canary` bad requests of the canary among `both`."""
    return [sum_ + canary * gain - both * cost for sum_, gain, cost in zip(before, _LOGS[ratios], costs, strict=True)]


def for_worse(ratios: Ratios, sums: tuple[float, ...], dispersion: float) -> float:
    """The E-value against "within the margin": the weighted mean over the ratios above it."""
    return sum(weight * exp(min(each / dispersion, MOST)) for weight, each in zip(ratios.weights, sums, strict=False))


def for_fine(ratios: Ratios, sums: tuple[float, ...], dispersion: float) -> float:
    """The E-value against "worse than the margin": the mean over the ratios below it."""
    fine = sums[len(ratios.worse) :]
    return sum(exp(min(each / dispersion, MOST)) for each in fine) / len(fine)


ABOVE = (1.5, 3.0, 8.0, 20.0)
BELOW = (0.6, 0.3, 0.05)
"""Alternatives to a share of bad requests just at the floor, as multiples of it."""


def above_floor(bad: float, requests: float, floor: float, dispersion: float) -> float:
    """The E-value against "at most `floor` (0..1) of the canary's requests are bad"; 0 is always exceeded."""
    if floor <= 0:
        return exp(MOST)
    return _against(ABOVE, bad, requests, floor, dispersion)


def below_floor(bad: float, requests: float, floor: float, dispersion: float) -> float:
    """The E-value against "more than `floor` (0..1) of the canary's requests are bad"."""
    return _against(BELOW, bad, requests, floor, dispersion) if floor > 0 else 0.0


def _against(multiples: tuple[float, ...], bad: float, requests: float, floor: float, dispersion: float) -> float:
    """Likelihood ratios of Poisson counts, which are at most those of coins under the hypothesis: 1 + x <= exp(x)."""
    total = 0.0
    for multiple in multiples:
        total += exp(min((bad * log(multiple) - requests * floor * (multiple - 1.0)) / dispersion, MOST))
    return total / len(multiples)
