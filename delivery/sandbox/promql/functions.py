"""The functions of instant vectors and scalars, and the list of all functions that can be answered."""

import math
from collections.abc import Callable

from delivery.sandbox.promql.operators import divided
from delivery.sandbox.promql.range_functions import RANGE_FUNCTIONS


def rounded(value: float, nearest: float = 1.0) -> float:
    """The nearest multiple of `nearest`, halves upwards (as Prometheus 2.42 reckons it)."""
    inverse = divided(1.0, nearest)
    return divided(_floor(value * inverse + 0.5), inverse)


def _floor(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def _ceil(value: float) -> float:
    return math.copysign(float(math.ceil(value)), value) if math.isfinite(value) else value


def at_least(value: float, bound: float) -> float:
    """The greater; NaN if one of them is."""
    return math.nan if math.isnan(value) or math.isnan(bound) else max(value, bound)


def at_most(value: float, bound: float) -> float:
    """The lesser; NaN if one of them is."""
    return math.nan if math.isnan(value) or math.isnan(bound) else min(value, bound)


def clamped(value: float, low: float, high: float) -> float | None:
    """The value moved into low..high; none if there is nothing in between."""
    return None if high < low else at_least(at_most(value, high), low)


def _sign(value: float) -> float:
    return math.copysign(1.0, value) if value > 0 or value < 0 else value


def _root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _exponential(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _logarithm(logarithm: Callable[[float], float]) -> Callable[[float], float]:
    def function(value: float) -> float:
        if value > 0:
            return logarithm(value)
        return -math.inf if value == 0 else math.nan

    return function


ELEMENTWISE: dict[str, Callable[..., float | None]] = {
    "abs": abs,
    "ceil": _ceil,
    "floor": _floor,
    "round": rounded,
    "clamp": clamped,
    "clamp_min": at_least,
    "clamp_max": at_most,
    "sgn": _sign,
    "sqrt": _root,
    "exp": _exponential,
    "ln": _logarithm(math.log),
    "log2": _logarithm(math.log2),
    "log10": _logarithm(math.log10),
}
"""Of each sample's value and the other arguments, which are scalars; None takes the sample out."""

FUNCTIONS: dict[str, str] = {
    **dict.fromkeys((*RANGE_FUNCTIONS, *ELEMENTWISE), "instant vector"),
    **dict.fromkeys(("histogram_quantile", "absent", "absent_over_time", "vector", "timestamp"), "instant vector"),
    **dict.fromkeys(("sort", "sort_desc", "label_replace"), "instant vector"),
    **dict.fromkeys(("scalar", "time"), "scalar"),
}
"""All functions that can be answered, and what they give."""
