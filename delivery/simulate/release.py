"""What a releases file may say: the traffic that a service has, and what its new versions are like.

Everything is in the units that people see it in (percent, milliseconds, requests per second). A section that a release
names replaces the file's section of that name for this release, whole.
"""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from delivery.api.model import Piece, broken_rule

Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=604800)]
Milliseconds = Annotated[float, Field(ge=0.001, le=3600000)]
Factor = Annotated[float, Field(ge=0.001, le=10000)]
ReleaseName = Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]


class Requests(Piece):
    """How many requests the service gets."""

    per_second: float = Field(default=100.0, ge=0, le=100000)
    """Requests per second, the mean of a day."""
    daily_swing_percent: Percent = 0.0
    """How far the busiest hour is above the mean, and the quietest below it."""
    peak_hour: float = Field(default=15.0, ge=0, le=24)
    """The busiest hour of the day. Each rollout begins at another time of it, drawn evenly, unless startHour is set."""
    match_percent: Percent | None = None
    """What part of the requests meets analysis.match; needed for a policy that has it."""


class Errors(Piece):
    """How requests fail without any fault, on both versions alike."""

    percent: Percent = 0.1
    """Failing requests, of 100."""
    clustering: float = Field(default=0.0, ge=0, le=0.5)
    """How much failures come together: the intra-class correlation among the requests that one pod answers within the
    same minute. 0 is independent, 0.002 is much."""


class Latency(Piece):
    """How long requests take without any fault: a lognormal distribution."""

    median_ms: Milliseconds = 40.0
    """Half of the requests take at most so long."""
    p99_ms: Milliseconds = 250.0
    """99 of 100 requests take at most so long."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.p99_ms < self.median_ms:
            raise broken_rule(
                given=f"p99Ms {self.p99_ms:g} and medianMs {self.median_ms:g}", allowed="medianMs <= p99Ms"
            )
        return self


class WarmUp(Piece):
    """What the new version's pods are like while they are new; the primary's have been there for long."""

    seconds: Seconds = 60.0
    """How long after it became ready a pod is like this."""
    slow_factor: Factor = 1.0
    """How many times as long its requests take."""
    error_percent: Percent = 0.0
    """How many of its requests fail besides, of 100."""


class Pods(Piece):
    """The pods of both versions."""

    primary: int = Field(default=4, ge=1, le=1000)
    """Pods of the primary when the run begins."""
    canary: int | None = Field(default=None, ge=1, le=1000)
    """Pods that the canary begins with under an autoscaler, which brings more as the share rises; without it the canary
    begins with as many pods as the primary has."""
    start_up_seconds: Seconds = 20.0
    """From a pod's creation until it is ready, at least."""
    start_up_spread_seconds: Seconds = 10.0
    """Each pod takes up to so many seconds longer, drawn evenly."""
    warm_up: WarmUp | None = None
    """What new pods are like; nothing special by default."""


class Distribution(Piece):
    """Values of a metric that has a query of its own: normal, one value drawn for each window."""

    mean: float
    """The mean."""
    deviation: float = Field(default=0.0, ge=0)
    """The standard deviation; 0 for always the same value."""


class Span(Piece):
    """A time in which Prometheus does not answer, in seconds after the release."""

    from_seconds: Seconds = 0.0
    """When it begins."""
    to_seconds: Seconds
    """When it ends."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_seconds <= self.from_seconds:
            given = f"fromSeconds {self.from_seconds:g} and toSeconds {self.to_seconds:g}"
            raise broken_rule(given=given, allowed="fromSeconds < toSeconds")
        return self


class Prometheus(Piece):
    """When measurements are missing."""

    away: tuple[Span, ...] = Field(default=(), max_length=20)
    """Times without an answer."""


class Proxies(Piece):
    """How the mesh follows."""

    update_seconds: Seconds = 2.0
    """How long after a route was written requests follow it."""


class Slow(Piece):
    """Requests that take longer than they should."""

    percent: Percent = 100.0
    """How many requests are slow, of 100; 1 is a slow tail, 100 all of them."""
    factor: Factor = 10.0
    """How many times as long they take."""


class Fault(Piece):
    """What is wrong with a new version. Several things may be wrong at once."""

    error_percent: Percent | None = None
    """Failing requests of the new version, of 100, instead of errors.percent."""
    error_ratio: float | None = Field(default=None, ge=0, le=1000)
    """How many times as many of its requests fail as errors.percent says."""
    slow: Slow | None = None
    """Requests that take longer."""
    metrics: Mapping[str, Distribution] = Field(default_factory=dict)
    """Values of metrics with a query of their own while the fault shows."""
    starts_after_seconds: Seconds = 0.0
    """The fault shows so long after the first request to the new version."""
    above_weight: int = Field(default=0, ge=0, le=99)
    """The fault shows only while the new version gets more than this percent of the requests."""
    no_traffic: bool = False
    """No request reaches the new version's pods, whatever the routes say; who is sent there gets an error."""

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if self.error_percent is not None and self.error_ratio is not None:
            raise broken_rule(given="errorPercent and errorRatio", allowed="at most one of them", drop=("errorRatio",))
        return self


class Release(Piece):
    """One new version, and the circumstances of its rollout."""

    name: ReleaseName
    """Its name in tables and checks."""
    fault: Fault | None = None
    """What is wrong with it; nothing by default."""
    healthy: bool | None = None
    """Whether it ought to be promoted; by default a version without a fault ought to."""
    requests: Requests | None = None
    """Instead of the file's requests."""
    errors: Errors | None = None
    """Instead of the file's errors."""
    latency: Latency | None = None
    """Instead of the file's latency."""
    pods: Pods | None = None
    """Instead of the file's pods."""
    prometheus: Prometheus | None = None
    """Instead of the file's prometheus."""


class Releases(Piece):
    """A releases file."""

    requests: Requests = Requests()
    """How many requests the service gets."""
    errors: Errors = Errors()
    """How they fail without any fault."""
    latency: Latency = Latency()
    """How long they take without any fault."""
    pods: Pods = Pods()
    """The pods of both versions."""
    prometheus: Prometheus = Prometheus()
    """When measurements are missing."""
    proxies: Proxies = Proxies()
    """How the mesh follows."""
    metrics: Mapping[str, Distribution] = Field(default_factory=dict)
    """Values of metrics with a query of their own, by the metric's name."""
    start_hour: float | None = Field(default=None, ge=0, le=24)
    """The hour of the day at which every rollout begins; drawn anew for each by default."""
    releases: tuple[Release, ...] = Field(min_length=1, max_length=50)
    """The new versions that are rolled out."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [each.name for each in self.releases]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise broken_rule(given=f'"{twice}" twice', allowed="names that differ", field="releases")
        return self
