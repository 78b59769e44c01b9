"""Stretches of time in which both workloads had requests: what a rollout looks like to Prometheus afterwards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

GAP_WINDOWS = 5
"""So many windows without requests to one of the two may lie within an episode; more end it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """`windows` windows of `seconds` from `begin` on, numbered from 0."""

    begin: datetime
    windows: int
    seconds: float

    def edge(self, number: int) -> datetime:
        """When window `number` begins."""
        return self.begin + timedelta(seconds=number * self.seconds)

    @property
    def end(self) -> datetime:
        """When the last window ends."""
        return self.edge(self.windows)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive windows of an episode, [first, until)."""

    episode: Episode
    first: int
    until: int

    def halves(self) -> tuple["Span", "Span"]:
        """The span as two; it has to have two windows at least."""
        middle = (self.first + self.until) // 2
        return Span(self.episode, self.first, middle), Span(self.episode, middle, self.until)


def found(begin: datetime, seconds: float, busy: Sequence[bool]) -> Iterator[Episode]:
    """Episodes among the windows from `begin` on, of which `busy` says whether both workloads had requests."""
    first = last = -1
    for number, both in enumerate(busy):
        if not both:
            continue
        if first >= 0 and number - last > GAP_WINDOWS + 1:
            yield _episode(begin, seconds, first, last)
            first = number
        first, last = (number if first < 0 else first), number
    if first >= 0:
        yield _episode(begin, seconds, first, last)


def _episode(begin: datetime, seconds: float, first: int, last: int) -> Episode:
    return Episode(begin + timedelta(seconds=first * seconds), last - first + 1, seconds)


def spans(episode: Episode, windows: int) -> Iterator[Span]:
    """The episode cut into spans of so many windows."""
    for first in range(0, episode.windows, windows):
        yield Span(episode, first, min(first + windows, episode.windows))


def busy(points: Iterable[tuple[float, float]], begin: datetime, seconds: float, windows: int) -> list[bool]:
    """Which windows had requests, of (time in seconds since 1970, requests in the window that ends then)."""
    out = [False] * windows
    for at, requests in points:
        number = floor((at - begin.timestamp()) / seconds + 0.5) - 1
        if 0 <= number < windows and requests > 0:
            out[number] = True
    return out
