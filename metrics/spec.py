"""What is asked, as values: a metric with its limits, whose traffic is meant, and over which piece of time.

These are the words that the rest of the application hands to this room; nothing here knows where the numbers come
from or what is done with the answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from types import MappingProxyType

from metrics.counters import Counters
from metrics.judges.settings import CompareWithPrimary
from metrics.matchers import Matchers
from metrics.source import Source

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"
REACHABILITY = "request-reachability"
COUNT = "request-count"

BUILTINS = MappingProxyType({SUCCESS_RATE: "%", DURATION: "ms", REACHABILITY: "%", COUNT: "requests"})
"""The metrics that need no query of their own, with the unit of their values."""

MORE_IS_BETTER = frozenset({SUCCESS_RATE, REACHABILITY, COUNT})
"""The builtin metrics whose limit is a minimum, unless it is said otherwise."""

GRPC_FAILURES = (2, 4, 13, 14, 15)
"""gRPC statuses that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS."""


def number(value: float, *, against: float | None = None) -> str:
    """A number for people: two decimals, or as many as are needed to tell it from `against`."""
    if not math.isfinite(value) or abs(value) >= 1e15:
        return repr(value)
    for digits in (2, 4, 8):
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
        shown = float(text)
        if shown == value or (shown != 0 and shown != against):
            return text
    return repr(value)


@lru_cache(maxsize=1024)
def _limit(minimum: float | None, maximum: float | None, unit: str) -> str:
    if minimum is None and maximum is None:
        return ""
    if maximum is None:
        return f"min {number(minimum or 0.0)}{unit}"
    if minimum is None:
        return f"max {number(maximum)}{unit}"
    return f"{number(minimum)}..{number(maximum)}{unit}"


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from the fields is found out once
class MetricSpec:
    """One metric of an analysis. A value within [minimum, maximum], both inclusive, passes.

    `interval_seconds` is the shortest window that the metric may be judged over. With an empty `query` the name must
    be one of `BUILTINS`, unless it is asked by a `template` ("namespace/name"), which gives it a query and a `source`;
    with a `source` that is asked instead of the Prometheus of the Canary. `variables` are for placeholders. Limits are
    in the metric's own unit (percent of requests, milliseconds, or what the query returns). Without any limit every
    value passes. `grpc_failures` are the gRPC statuses (1..16) that a builtin success rate counts as failures.
    With fewer than `min_samples` requests in a window nothing is said. `compare`: the canary is held against the
    primary too. Both need a builtin metric, or a template with `counters`, which may come instead of a query: then the
    value is how many percent of what is counted failed, or the 99th percentile in milliseconds of what buckets count.
    """

    name: str
    interval_seconds: float = 60.0
    minimum: float | None = None
    maximum: float | None = None
    query: str = ""
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: Source | None = None
    grpc_failures: tuple[int, ...] = GRPC_FAILURES
    min_samples: int = 0
    compare: CompareWithPrimary | None = None
    counters: Counters | None = None

    @cached_property
    def unit(self) -> str:
        """The unit of the values: "%", "ms", "requests", or "" for a query of one's own."""
        if self.measured is not None:
            return "ms" if self.measured.buckets else "%"
        return "" if self.is_own else BUILTINS.get(self.name, "")

    @cached_property
    def measured(self) -> Counters | None:
        """The counters that the limits are about; None where they are about a query's value, or a builtin metric's."""
        return None if self.query.strip() else self.counters

    @cached_property
    def is_own(self) -> bool:
        """Is it asked by a query of somebody's own, and not a builtin one?"""
        return bool(self.query.strip() or self.template)

    @cached_property
    def limit(self) -> str:
        """The limits in words: "min 99", "max 500 ms", "99..100", or "" without limits."""
        return _limit(self.minimum, self.maximum, " ms" if self.unit == "ms" else "")

    @cached_property
    def problem(self) -> str:
        """Why this metric can never be judged, in one sentence; "" if it can."""
        if not self.is_own and self.name not in BUILTINS:
            return (
                f"metric {self.name!r} has no query and is not built in; "
                f"give it a query or use one of {', '.join(sorted(BUILTINS))}"
            )
        for name, limit in (("minimum", self.minimum), ("maximum", self.maximum)):
            if limit is not None and not math.isfinite(limit):
                return f"metric {self.name!r}: {name} is {limit}, it must be a finite number"
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            return (
                f"metric {self.name!r}: minimum {number(self.minimum)} is above maximum {number(self.maximum)}, "
                "so no value could pass; the minimum must not be above the maximum"
            )
        return ""


class Counted(StrEnum):
    """Who counts the requests that the builtin questions are about."""

    BY_PROXIES = "by proxies"  # of Istio: also what never arrived, and who sent it
    BY_APPLICATION = "by application"  # what reached it, whoever sent it


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose traffic is meant.

    `target` and `primary` are names of workloads, the services names of Kubernetes Services, all in `namespace`.
    `name` is the Canary's own. `by_service`: the roles are told by their services alone, because whose the pods behind
    them are is nobody's business. `target_pods` is a regular expression (RE2) for the whole names of the target's pods
    and of no others, `primary_pods` one for those of the primary; "" when they cannot be told from others.
    """

    namespace: str
    name: str
    target: str
    primary: str
    apex_service: str
    primary_service: str
    canary_service: str
    by_service: bool = False
    by_subset: bool = False
    counted: Counted = Counted.BY_PROXIES
    target_pods: str = ""
    primary_pods: str = ""
    matchers: Matchers = ()
    ingress: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of time, [start, end], and the moment `at` that questions about it are evaluated for.

    `at` lies one scrape after `end`, because Prometheus sees a request one scrape late; it is fixed so that asking
    again after a crash gives the same answer. `later_ms` is how many milliseconds after `at` a query about it is
    evaluated, when several are asked about in one; the answer is the same. Raises ValueError for naive or unordered
    times.
    """

    start: datetime
    end: datetime
    at: datetime
    later_ms: int = 0

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end), ("at", self.at)):
            if moment.tzinfo is None:
                raise ValueError(f"window.{name}: given {moment.isoformat()} without a time zone, needs one")
        if not self.start < self.end <= self.at:
            raise ValueError(
                "window: start < end <= at is needed, given "
                f"{self.start.isoformat()}, {self.end.isoformat()}, {self.at.isoformat()}"
            )

    @property
    def seconds(self) -> float:
        """The window's length in seconds, above 0."""
        return (self.end - self.start).total_seconds()
