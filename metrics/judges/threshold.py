"""Judges a metric by fixed limits, both inclusive.

Only one finite number can pass or fail. No series, NaN and infinity mean that nothing was measured (a ratio of
nothing to nothing), and several series mean that the query does not say which one counts: taking any of them would
be a guess.
"""

import math
from collections.abc import Sequence

from metrics.providers.base import Sample
from metrics.spec import MetricSpec, number
from metrics.verdict import Outcome, Verdict


def judge(spec: MetricSpec, samples: Sequence[Sample]) -> Verdict:
    """The verdict on what a metric's query selected. `Verdict.value` is None unless it is a finite number."""
    if spec.problem:
        return Verdict(Outcome.ERROR, limit=spec.limit, message=spec.problem)
    if not samples:
        return _unknown(spec, "has no data in this window")
    if len(samples) > 1:
        return Verdict(
            Outcome.ERROR,
            limit=spec.limit,
            message=f"{spec.name} returned {len(samples)} series, it must return one; aggregate them, as with sum(...)",
        )
    value = samples[0].value
    if math.isnan(value):
        return _unknown(spec, "has no value in this window (NaN)")
    if math.isinf(value):
        return _unknown(spec, "is infinite in this window (a division by zero)")
    return _compare(spec, value)


def _unknown(spec: MetricSpec, why: str) -> Verdict:
    return Verdict(Outcome.INCONCLUSIVE, limit=spec.limit, message=f"{spec.name} {why}")


def _compare(spec: MetricSpec, value: float) -> Verdict:
    for limit, crossed, words in (
        (spec.minimum, spec.minimum is not None and value < spec.minimum, "below the minimum"),
        (spec.maximum, spec.maximum is not None and value > spec.maximum, "above the maximum"),
    ):
        if limit is not None and crossed:
            unit = f" {spec.unit}" if spec.unit else ""
            message = f"{spec.name} {number(value, against=limit)}{unit} is {words} of {number(limit)}{unit}"
            return Verdict(Outcome.FAIL, value=value, limit=spec.limit, message=message)
    return Verdict(Outcome.PASS, value=value, limit=spec.limit)
