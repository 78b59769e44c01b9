"""The samples of one series, in as few bytes as Python allows.

A counter of the mesh is a whole number that stands still or grows by little. So a chunk holds one value and the
distances to it, as narrow as they fit (nothing at all while the value stands still), and the times are shared by all
series of a scrape. Both are exact: what does not fit widens, at last to doubles.
"""

from array import array
from bisect import bisect_left, bisect_right
from math import copysign
from typing import Any, TypeAlias

from delivery.sandbox.promql.labels import Labels

Times: TypeAlias = "array[int]"
"""Milliseconds since 1970, rising."""

Points = tuple[list[int], list[float]]
"""Times in milliseconds and the values there, as long as each other."""

_Numbers: TypeAlias = "array[Any]"
"""Distances as b, h or i, or d for the values themselves."""

_WIDER = {"b": "h", "h": "i", "i": "d"}
_CHUNK_BYTES = 120  # an instance with its float, in CPython
_ARRAY_BYTES = 80


class Chunk:
    """Samples at consecutive entries of `times`, from index `first` on; `ended` is the time of a staleness marker."""

    __slots__ = ("_base", "_offsets", "count", "ended", "first", "times")

    def __init__(self, times: Times, first: int, value: float) -> None:
        self.times, self.first, self.count = times, first, 1
        self.ended: int | None = None
        self._base = value
        self._offsets: _Numbers | None = None

    @property
    def start(self) -> int:
        return self.times[self.first]

    @property
    def end(self) -> int:
        return self.times[self.first + self.count - 1]

    @property
    def size(self) -> int:
        """About how many bytes it takes, the shared times left out."""
        offsets = self._offsets
        return _CHUNK_BYTES + (0 if offsets is None else _ARRAY_BYTES + len(offsets) * offsets.itemsize)

    def push(self, value: float) -> None:
        """Add the value at the next time."""
        offsets, base = self._offsets, self._base
        if offsets is None:
            if value == base and (value or _same(value, base)):
                self.count += 1
                return
            offsets = self._offsets = self._at_rest()
        while offsets.typecode != "d":
            distance = value - self._base
            if not (distance.is_integer() and _same(self._base + distance, value)):
                offsets = self._as_doubles(offsets)
                break
            try:
                offsets.append(int(distance))
                self.count += 1
                return
            except OverflowError:
                offsets = self._widened(offsets)
        offsets.append(value)
        self.count += 1

    def values(self, start: int, stop: int) -> list[float]:
        """The values at indices of `times`."""
        offsets, base = self._offsets, self._base
        if offsets is None:
            return [base] * (stop - start)
        part = offsets[start - self.first : stop - self.first]
        return [base + each for each in part] if offsets.typecode != "d" else list(part)

    def _widened(self, offsets: _Numbers) -> _Numbers:
        wider = _WIDER[offsets.typecode]
        if wider == "d":
            return self._as_doubles(offsets)
        self._offsets = array(wider, offsets)
        return self._offsets

    def _as_doubles(self, offsets: _Numbers) -> _Numbers:
        doubles = array("d", [self._base + each for each in offsets])
        self._offsets, self._base = doubles, 0.0
        return doubles

    def _at_rest(self) -> _Numbers:
        """The values so far, all the same. NaN and -0 are what adding 0 does not keep."""
        if _same(self._base + 0, self._base):
            return array("b", bytes(self.count))
        doubles = array("d", [self._base] * self.count)
        self._base = 0.0
        return doubles


class Series:
    """One series: labels, and samples that can be added at the end and dropped at the start."""

    __slots__ = ("chunks", "labels", "seen")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.chunks: list[Chunk] = []
        self.seen = -1

    def add(self, times: Times, index: int, value: float) -> None:
        """Add the value at `times[index]`, the latest so far. A second value at one time is ignored."""
        last = self.chunks[-1] if self.chunks else None
        if last is not None and last.times is times and last.ended is None:
            following = last.first + last.count
            if following == index:
                last.push(value)
                return
            if index < following:
                return
        self.chunks.append(Chunk(times, index, value))

    def end(self, at: int) -> None:
        """Mark the series as gone at a time in milliseconds: from then on it has no value."""
        if self.chunks and self.chunks[-1].ended is None:
            self.chunks[-1].ended = at

    def value_at(self, moment: int, lookback: int) -> tuple[int, float] | None:
        """The latest sample up to a moment and its time, unless it is older than `lookback` or marked as gone."""
        for chunk in reversed(self.chunks):
            if chunk.start <= moment:
                if chunk.ended is not None and chunk.ended <= moment:
                    return None
                return self._last(chunk, moment, moment - lookback)
        return None

    def last_between(self, start: int, end: int) -> tuple[int, float] | None:
        """The last sample within a closed range, marks left aside."""
        for chunk in reversed(self.chunks):
            if chunk.start <= end:
                return self._last(chunk, end, start)
        return None

    def points(self, start: int, end: int) -> Points:
        """All samples within a closed range."""
        times: list[int] = []
        values: list[float] = []
        for chunk in self.chunks:
            low, high = chunk.first, chunk.first + chunk.count
            if chunk.start <= end and chunk.end >= start:
                begin = bisect_left(chunk.times, start, low, high)
                stop = bisect_right(chunk.times, end, low, high)
                times += chunk.times[begin:stop]
                values += chunk.values(begin, stop)
        return times, values

    @staticmethod
    def _last(chunk: Chunk, moment: int, earliest: int) -> tuple[int, float] | None:
        index = bisect_right(chunk.times, moment, chunk.first, chunk.first + chunk.count) - 1
        found = chunk.times[index]
        return (found, chunk.values(index, index + 1)[0]) if found >= earliest else None


def _same(one: float, other: float) -> bool:
    """Equal, with the two zeros told apart."""
    return one == other and (one != 0.0 or copysign(1.0, one) == copysign(1.0, other))
