"""The metrics of an analysis."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from delivery.api.durations import Interval, seconds
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.placeholders import check_query
from delivery.api.references import ObjectRef
from metrics.spec import BUILTINS, GRPC_FAILURES, MORE_IS_BETTER, SUCCESS_RATE

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

    def interval_seconds(self) -> float:
        """Length of the metric's window in seconds, before it is raised to the analysis' interval."""
        return seconds(self.interval) if self.interval else QUERY_INTERVAL_SECONDS

    def limits(self) -> tuple[float | None, float | None]:
        """(minimum, maximum) of the values that pass, the older threshold translated.

        Without any limit a builtin metric of which more is better always passes and every other metric fails above 0,
        as with Flagger, which goes by the name for a success rate with a query too.
        """
        if self.threshold_range is not None:
            return self.threshold_range.min, self.threshold_range.max
        if self.name == SUCCESS_RATE or (self.name in MORE_IS_BETTER and not self.has_its_own):
            return self.threshold, None
        return None, self.threshold if self.threshold is not None else 0.0
