"""The seam between a question and whoever holds the numbers.

A provider answers many queries at once, so that it may batch them, and never raises for a query that could not be
answered: one query's failure is that query's answer and does not take the others with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

Query = str
"""A query in the provider's own language."""


class Kind(StrEnum):
    """Why a query got no answer, by what somebody has to do about it."""

    UNREACHABLE = "unreachable"  # nobody answers at the address, or it cannot serve now
    TIMEOUT = "timeout"  # no answer in time
    REFUSED = "refused"  # understood and declined: a wrong query, missing credentials
    NOT_PROMETHEUS = "not_prometheus"  # something answers there, but not the API that was expected
    SHAPE = "shape"  # an answer, but not one that holds what was asked for
    FAULT = "fault"  # our own mistake


class QueryError(Exception):
    """A query that got no answer; `message` is one clause for people, without credentials. Returned, not raised,
    by providers.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class RateLimitedError(QueryError):
    """A service that wants to be left alone for some `seconds`."""

    def __init__(self, seconds: float, message: str) -> None:
        super().__init__(Kind.UNREACHABLE, message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment. `value` may be NaN or infinite."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Samples = tuple[Sample, ...]
"""What a query selected at one moment: no series, one, or several."""


class Point(NamedTuple):
    """One scraped value: when, in seconds since 1970, and what, which may be NaN or infinite."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series over a piece of time. `points` are in the order of time, each as it was scraped; at least one."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]


Matrix = tuple[Series, ...]
"""What was scraped of the series that a range selector names: only those with a point in the range."""


class Provider(Protocol):
    """Answers queries as of a given moment."""

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """The answer to each of `queries` as of `at`, asked concurrently. `timeout` is in seconds and covers all of
        it, waiting for a free thread included. Raises nothing but asyncio.CancelledError.
        """


@runtime_checkable
class RawProvider(Provider, Protocol):
    """A provider that keeps what was scraped, and tells it as it was."""

    async def raw(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Matrix | QueryError]:
        """What each of `queries`, range selectors as `metric{...}[5m]`, selects as of `at`; all else as `query`.

        A range that ends before `at` is written with an offset. Nothing is interpolated or thinned out.
        """


class ClosableProvider(Provider, Protocol):
    """A provider that holds connections."""

    def close(self) -> None:
        """Give up the connections, without waiting for questions that are under way."""


@runtime_checkable
class PeriodProvider(Protocol):
    """A provider whose queries do not say themselves which time they are about, so that it is asked for."""

    async def over(
        self, queries: Sequence[Query], *, start: datetime, end: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """The latest value of each series that each of `queries` selects in [start, end]; else as `Provider.query`."""

    def close(self) -> None:
        """Give up the connections, without waiting for questions that are under way."""
