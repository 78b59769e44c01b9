"""sum, avg, topk and the others that make few samples of many. Source: Prometheus, "Aggregation operators"."""

import math
from collections.abc import Callable, Sequence

from delivery.sandbox.promql.errors import execution
from delivery.sandbox.promql.labels import NAME, Labels, only, without

Vector = list[tuple[Labels, float]]


def aggregate(name: str, vector: Vector, *, keeps: bool, labels: Sequence[str], parameter: float) -> Vector:
    """`vector` aggregated into groups of equal labels: those named (`keeps`), or all but those.

    `parameter` is the number of topk and bottomk and the quantile of quantile. Raises QueryFailedError (execution).
    """
    groups: dict[Labels, Vector] = {}
    dropped = (*labels, NAME)
    for sample in vector:
        group = only(sample[0], labels) if keeps else without(sample[0], dropped)
        groups.setdefault(group, []).append(sample)
    if name in SELECTIONS:
        return _selected(name, groups, parameter)
    if name == "quantile":
        return [(group, quantile(parameter, _values(samples))) for group, samples in groups.items()]
    reduce = REDUCTIONS[name]
    return [(group, reduce(_values(samples))) for group, samples in groups.items()]


def _values(samples: Vector) -> list[float]:
    return [value for _, value in samples]


def _selected(name: str, groups: dict[Labels, Vector], parameter: float) -> Vector:
    """The samples with the greatest (least) values of each group, NaN last, with all their labels."""
    if math.isnan(parameter) or not -(2**63) <= parameter < 2**63:
        raise execution(f"Scalar value {parameter:g} overflows int64")
    number, sign = max(0, int(parameter)), -1 if name == "topk" else 1
    result: Vector = []
    for samples in groups.values():
        ordered = sorted(samples, key=lambda sample: (math.isnan(sample[1]), sign * sample[1]))
        result += ordered[:number]
    return result


def mean(values: Sequence[float]) -> float:
    """The running mean, which does not overflow; an infinity stays one."""
    result = values[0]
    for count, value in enumerate(values[1:], 2):
        if math.isinf(result) and (value == result if math.isinf(value) else not math.isnan(value)):
            continue
        result += value / count - result / count
    return result


def total(values: Sequence[float]) -> float:
    """The sum in the order of the samples."""
    result = values[0]
    for value in values[1:]:
        result += value
    return result


def greatest(values: Sequence[float]) -> float:
    """The greatest; NaN only if all are."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def least(values: Sequence[float]) -> float:
    """The least; NaN only if all are."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def variance(values: Sequence[float]) -> float:
    """The population variance (Welford)."""
    middle, squares = values[0], 0.0
    for count, value in enumerate(values[1:], 2):
        distance = value - middle
        middle += distance / count
        squares += distance * (value - middle)
    return squares / len(values)


def quantile(share: float, values: Sequence[float]) -> float:
    """The quantile `share`, 0..1, interpolated between neighbours; outside it the infinities."""
    if math.isnan(share) or not values:
        return math.nan
    if not 0 <= share <= 1:
        return math.copysign(math.inf, share)
    ordered = sorted(values, key=lambda value: (not math.isnan(value), value))
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    weight = rank - low
    return ordered[low] * (1 - weight) + ordered[high] * weight


REDUCTIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": total,
    "avg": mean,
    "min": least,
    "max": greatest,
    "count": lambda values: float(len(values)),
    "group": lambda _values: 1.0,
    "stdvar": variance,
    "stddev": lambda values: math.sqrt(variance(values)),
}
SELECTIONS = frozenset({"topk", "bottomk"})
WITH_PARAMETER = SELECTIONS | {"quantile"}
AGGREGATIONS = frozenset(REDUCTIONS) | WITH_PARAMETER
