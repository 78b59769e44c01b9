"""The weighted canary: a small share first, then more; for everybody, or for the requests that the analysis matches."""

from strategies.spec import Analysis
from strategies.step import Step
from strategies.traffic import Traffic

DEFAULT_WEIGHTS = (5, 10, 25, 50)
"""The steps when nothing is said: small first, because most bad releases show in their first requests."""


def weights(analysis: Analysis) -> tuple[int, ...]:
    """The canary's weights, rising, in percent.

    `step_weights` as given (`max_weight` does not cut them, as in Flagger); else multiples of `step_weight` up to
    `max_weight`, which is always the last; else DEFAULT_WEIGHTS.
    """
    if analysis.step_weights:
        return analysis.step_weights
    if analysis.step_weight <= 0:
        return DEFAULT_WEIGHTS
    rising = tuple(range(analysis.step_weight, analysis.max_weight, analysis.step_weight))
    return (*rising, analysis.max_weight)


def steps(analysis: Analysis) -> tuple[Step, ...]:
    """A step for each weight; before them, if asked for, one in which the canary only gets copies of requests."""
    matched = analysis.matched
    copies = (Step(Traffic.to_canary(0, mirror=analysis.mirror, matched=matched)),) if analysis.mirror else ()
    return (*copies, *(Step(Traffic.to_canary(weight, matched=matched)) for weight in weights(analysis)))
