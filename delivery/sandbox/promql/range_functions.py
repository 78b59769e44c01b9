"""Functions of a series' samples within a range: rate() and its kin, and *_over_time().

Sources: Prometheus' documentation ("Query functions") and the behaviour of Prometheus 2.42, which the tests compare
with. Two things changed later: since 3.0 a range leaves its first instant out (here it is in), and since 2.5x the
extrapolation to zero of a counter is tried after the limit of 1.1 scrape intervals, not before.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from delivery.sandbox.promql.series import Points

REACH = 1.1
"""rate() extrapolates to the edge of the range if that is nearer than so many average distances of samples."""


@dataclass(frozen=True, slots=True)
class Window:
    """A closed range of time in milliseconds."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000


RangeFunction = Callable[[Points, Window], float | None]
"""One value of at least one sample, or None: no value."""


def extrapolated(*, counter: bool, per_second: bool) -> RangeFunction:
    """increase(), rate() and delta(): the difference of last and first, stretched to the whole range.

    A counter that falls was reset and begins at 0. It is stretched back no further than to where it was 0.
    """

    def function(points: Points, window: Window) -> float | None:
        times, values = points
        if len(times) < 2:
            return None
        grown = values[-1] - values[0]
        if counter:
            grown += _lost_to_resets(values)
        sampled = (times[-1] - times[0]) / 1000
        average = sampled / (len(times) - 1)
        before, after = (times[0] - window.start) / 1000, (window.end - times[-1]) / 1000
        if counter and grown > 0 and values[0] >= 0:
            before = min(before, sampled * (values[0] / grown))
        stretched = sampled
        for edge in (before, after):
            stretched += edge if edge < average * REACH else average / 2
        factor = stretched / sampled
        if per_second:
            factor = factor / window.seconds if window.seconds else math.inf
        return grown * factor

    return function


def _lost_to_resets(values: Sequence[float]) -> float:
    lost, last = 0.0, 0.0
    for value in values:
        if value < last:
            lost += last
        last = value
    return lost


def instantaneous(*, counter: bool, per_second: bool) -> RangeFunction:
    """irate() and idelta(): of the last two samples only."""

    def function(points: Points, _window: Window) -> float | None:
        times, values = points
        if len(times) < 2 or times[-1] == times[-2]:
            return None
        reset = counter and values[-1] < values[-2]
        grown = values[-1] if reset else values[-1] - values[-2]
        return grown / ((times[-1] - times[-2]) / 1000) if per_second else grown

    return function


def resets(points: Points, _window: Window) -> float:
    """How often a value was lower than the one before it."""
    values = points[1]
    return float(sum(later < earlier for earlier, later in pairwise(values)))


def changes(points: Points, _window: Window) -> float:
    """How often a value differed from the one before it; NaN does not differ from NaN."""
    values = points[1]
    return float(
        sum(later != earlier and not (math.isnan(later) and math.isnan(earlier)) for earlier, later in pairwise(values))
    )


def total(points: Points, _window: Window) -> float:
    """sum_over_time(), with the error of each addition carried along (Kahan, Neumaier)."""
    sum_, carried = 0.0, 0.0
    for value in points[1]:
        sum_, carried = _added(value, sum_, carried)
    return sum_ if math.isinf(sum_) else sum_ + carried


def average(points: Points, _window: Window) -> float:
    """avg_over_time(), as a running mean, which does not overflow; an infinity stays one."""
    mean, carried = 0.0, 0.0
    for count, value in enumerate(points[1], 1):
        if math.isinf(mean) and _keeps_infinite(mean, value):
            continue
        mean, carried = _added(value / count - mean / count, mean, carried)
    return mean if math.isinf(mean) else mean + carried


def _keeps_infinite(mean: float, value: float) -> bool:
    return value == mean if math.isinf(value) else not math.isnan(value)


def _added(value: float, sum_: float, carried: float) -> tuple[float, float]:
    result = sum_ + value
    if abs(sum_) >= abs(value):
        return result, carried + ((sum_ - result) + value)
    return result, carried + ((value - result) + sum_)


def greatest(points: Points, _window: Window) -> float:
    """max_over_time(); NaN only if all are."""
    result = points[1][0]
    for value in points[1]:
        if value > result or math.isnan(result):
            result = value
    return result


def least(points: Points, _window: Window) -> float:
    """min_over_time(); NaN only if all are."""
    result = points[1][0]
    for value in points[1]:
        if value < result or math.isnan(result):
            result = value
    return result


RANGE_FUNCTIONS: dict[str, RangeFunction] = {
    "rate": extrapolated(counter=True, per_second=True),
    "increase": extrapolated(counter=True, per_second=False),
    "delta": extrapolated(counter=False, per_second=False),
    "irate": instantaneous(counter=True, per_second=True),
    "idelta": instantaneous(counter=False, per_second=False),
    "resets": resets,
    "changes": changes,
    "sum_over_time": total,
    "avg_over_time": average,
    "max_over_time": greatest,
    "min_over_time": least,
    "count_over_time": lambda points, _window: float(len(points[1])),
    "last_over_time": lambda points, _window: points[1][-1],
    "present_over_time": lambda _points, _window: 1.0,
}

KEEPS_NAME = frozenset({"last_over_time"})
"""What gives a sample back as it was, and so the metric's name as well."""
