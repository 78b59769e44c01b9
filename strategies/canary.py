"""The weighted canary as a list of weights."""

from strategies.spec import Analysis

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
