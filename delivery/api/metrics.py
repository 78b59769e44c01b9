"""The metrics of an analysis."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.durations import Interval, seconds
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.placeholders import check_query
from delivery.api.references import ObjectRef
from metrics.spec import BUILTINS, DURATION, GRPC_FAILURES, MORE_IS_BETTER, SUCCESS_RATE

QUERY_INTERVAL_SECONDS = 60.0
"""Window of a metric that names none; Flagger's default, which it forgets for templates."""


class ThresholdRange(Piece):
    """The values that pass, both ends included."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be greater than max")
        )
    )

    min: float | None = None
    """The least value that passes."""
    max: float | None = None
    """The greatest value that passes."""

    @model_validator(mode="after")
    def _in_order(self) -> "ThresholdRange":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise broken_rule(given=f"min {self.min:g} and max {self.max:g}", allowed="min <= max")
        return self


_BUILTIN = ", ".join(BUILTINS)
_HAS_ITS_OWN = "(has(self.query) && size(self.query) > 0) || has(self.templateRef)"
_SAYS_WHAT_TO_MEASURE = f"self.name in {list(BUILTINS)!r} || {_HAS_ITS_OWN}"
_STATUSES_OF_A_RATE = f"!has(self.grpcFailureStatuses) || (self.name == '{SUCCESS_RATE}' && !({_HAS_ITS_OWN}))"
_ONLY_OF_A_RATE = f"grpcFailureStatuses is for {SUCCESS_RATE} without query and templateRef"


GrpcStatus = Annotated[int, Field(ge=1, le=16)]


class CompareWithPrimary(Piece):
    """By how much the canary may be worse than the primary, and how surely that must be known."""

    max_increase_percent: float = Field(default=25.0, ge=0.0, le=1000.0)
    """By how many percent the canary's share of bad requests may be greater than the primary's."""
    false_alarm_percent: float = Field(default=1.0, ge=0.01, le=50.0)
    """In how many of 100 runs a canary that is no worse may be rolled back, all windows and metrics of the run
    together."""
    ignore_below_percent: float = Field(default=0.1, ge=0.0, le=100.0)
    """A share of bad requests, in percent, up to which the canary passes however good the primary is."""


COUNTED = (SUCCESS_RATE, DURATION)
"""Builtin metrics that are about requests to the canary, good and bad."""
_HAS_QUERY = "(has(self.query) && size(self.query) > 0)"
_UNCOUNTED = f"!has(self.templateRef) && (!(self.name in {list(COUNTED)!r}) || {_HAS_QUERY})"
_COUNTED = f"{SUCCESS_RATE} or {DURATION} without query, or a MetricTemplate with counters"


class Metric(Piece):
    """One metric: a builtin one by its name, a query of its own, or a MetricTemplate."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                _SAYS_WHAT_TO_MEASURE,
                f"the name must be one of {_BUILTIN}, unless query or templateRef is given",
            ),
            (_STATUSES_OF_A_RATE, _ONLY_OF_A_RATE),
            (
                "!has(self.query) || size(self.query) == 0 || !has(self.templateRef)",
                "at most one of query, templateRef",
            ),
            (
                f"!({_UNCOUNTED}) || !has(self.minSamples) || self.minSamples == 0",
                f"minSamples needs a metric whose requests are counted: {_COUNTED}",
            ),
            (
                f"!({_UNCOUNTED}) || !has(self.compareWithPrimary)",
                f"compareWithPrimary needs a metric whose requests are counted: {_COUNTED}",
            ),
        )
    )

    name: str = Field(min_length=1, max_length=253)
    """request-success-rate (percent), request-duration (milliseconds, 99th percentile), request-reachability (percent),
    request-count (in the window), or a name for what query or templateRef measures."""
    interval: Interval | None = None
    """Length of a window; by default 1m, and at least the analysis' interval."""
    threshold: float | None = None
    """Older form of the limit: the greatest value, or for builtin metrics but request-duration the least."""
    threshold_range: ThresholdRange | None = None
    """The values that pass; takes precedence over threshold."""
    query: str | None = Field(default=None, max_length=65536)
    """A PromQL query that gives one number, with placeholders such as {{ target }}."""
    template_ref: ObjectRef | None = None
    """The MetricTemplate that says what is asked, of whom; instead of query."""
    template_variables: Mapping[str, str] = Field(default_factory=dict)
    """Values for the placeholders {{ variables.NAME }} of the template or query."""
    compare_with_primary: CompareWithPrimary | None = None
    """Judge the canary by the primary of the same time, over all windows of the run; the limits hold besides."""
    failure_limit: int | None = Field(default=None, ge=0, le=100000)
    """How many windows of this metric may fail in a run; one more rolls back. They do not count toward
    analysis.threshold then."""
    consecutive_failures: int | None = Field(default=None, ge=1, le=100000)
    """How many failed windows of this metric in a row roll back. They do not count toward analysis.threshold then."""
    error_limit: int | None = Field(default=None, ge=0, le=100000)
    """How many windows in a row may be impossible to measure; one more rolls back. By default the run is held without
    limit."""
    min_samples: int = Field(default=0, ge=0, le=1000000000)
    """With fewer requests to the canary in a window, the window is inconclusive."""
    on_no_data: Literal["hold", "proceed", "rollback"] = "hold"
    """What becomes of a step in whose last window there was nothing to measure."""
    dry_run: bool = False
    """Judge and show it, and let it decide nothing."""
    initial_delay_seconds: int = Field(default=0, ge=0, le=86400)
    """How much later than the run's first step the metric's first window opens, in seconds."""
    warmup_seconds: int = Field(default=120, ge=0, le=86400)
    """For how long after a pod of the canary became ready windows are left out, in seconds."""

    grpc_failure_statuses: tuple[GrpcStatus, ...] | None = Field(default=None, max_length=16)
    """Of request-success-rate: the gRPC statuses that are failures; by default 2, 4, 13, 14 and 15."""

    @model_validator(mode="after")
    def _says_what_to_measure(self) -> "Metric":
        if self.name not in BUILTINS and not self.has_its_own:
            allowed = f"{_BUILTIN}, or any name together with query or templateRef"
            raise broken_rule(given=f'"{self.name}" alone', allowed=allowed, field="name")
        return self

    @model_validator(mode="after")
    def _statuses_of_a_rate(self) -> "Metric":
        if self.grpc_failure_statuses is not None and (self.name != SUCCESS_RATE or self.has_its_own):
            raise broken_rule(given=f'with "{self.name}"', allowed=_ONLY_OF_A_RATE, field="grpcFailureStatuses")
        return self

    @property
    def has_its_own(self) -> bool:
        """Does a query or a template say what is measured, instead of the name?"""
        return bool(self.query) or self.template_ref is not None

    @property
    def grpc_failures(self) -> tuple[int, ...]:
        """The gRPC statuses that are failures, in rising order."""
        given = self.grpc_failure_statuses
        return GRPC_FAILURES if given is None else tuple(sorted(set(given)))

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "Metric":
        if self.query and self.template_ref is not None:
            raise broken_rule(given="query and templateRef", allowed="at most one of query, templateRef")
        if self.query:
            check_query(self.query, self.template_variables)
        return self

    @model_validator(mode="after")
    def _is_counted(self) -> "Metric":
        given = {"minSamples": self.min_samples > 0, "compareWithPrimary": self.compare_with_primary is not None}
        counted = self.template_ref is not None or (self.name in COUNTED and not self.has_its_own)
        for name in (name for name, there in given.items() if there and not counted):
            raise broken_rule(
                given=f'with "{self.name}", of which nobody counts good and bad requests',
                allowed=f"a metric whose requests are counted: {_COUNTED}",
                field=name,
                drop=(name,),
            )
        return self

    def interval_seconds(self, *, check_interval_seconds: float | None = None) -> float:
        """Length of the metric's window in seconds, before it is raised to that of the analysis."""
        if self.interval:
            return seconds(self.interval)
        return QUERY_INTERVAL_SECONDS if check_interval_seconds is None else check_interval_seconds

    def limits(self) -> tuple[float | None, float | None]:
        """(minimum, maximum) of the values that pass, the older threshold translated.

        Without any limit a builtin metric of which more is better always passes and every other metric fails above 0,
        as with Flagger, which goes by the name for a success rate with a query too; but one that is compared with the
        primary needs no limit.
        """
        if self.threshold_range is not None:
            return self.threshold_range.min, self.threshold_range.max
        if self.name == SUCCESS_RATE or (self.name in MORE_IS_BETTER and not self.has_its_own):
            return self.threshold, None
        if self.threshold is None and self.compare_with_primary is not None:
            return None, None
        return None, self.threshold if self.threshold is not None else 0.0
