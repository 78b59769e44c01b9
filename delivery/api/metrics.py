"""The metrics of an analysis."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field, model_validator

from delivery.api.durations import Interval, seconds
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.references import ObjectRef

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"
BUILTIN = (SUCCESS_RATE, DURATION)
QUERY_INTERVAL_SECONDS = 60.0
"""Window of a builtin metric or an inline query that names none; Flagger's default."""


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


_SAYS_WHAT_TO_MEASURE = (
    f"self.name in ['{SUCCESS_RATE}', '{DURATION}'] || (has(self.query) && size(self.query) > 0)"
    " || has(self.templateRef)"
)


class Metric(Piece):
    """One metric: a builtin one by its name, a query of its own, or a MetricTemplate."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                _SAYS_WHAT_TO_MEASURE,
                f"the name must be {SUCCESS_RATE} or {DURATION}, unless query or templateRef is given",
            )
        )
    )

    name: str = Field(min_length=1, max_length=253)
    """request-success-rate (percent), request-duration (milliseconds, 99th percentile), or a name for what query or
    templateRef measures."""
    interval: Interval | None = None
    """Length of a window; by default 1m, for a template the analysis' interval."""
    threshold: float | None = None
    """Older form of the limit: the least value for request-success-rate, the greatest for all others."""
    threshold_range: ThresholdRange | None = None
    """The values that pass; takes precedence over threshold."""
    query: str | None = Field(default=None, max_length=65536)
    """A PromQL query that gives one number."""
    template_ref: ObjectRef | None = None
    """The MetricTemplate that says what is asked."""
    template_variables: Mapping[str, str] = Field(default_factory=dict)
    """Variables for the template."""

    @model_validator(mode="after")
    def _says_what_to_measure(self) -> "Metric":
        if self.name not in BUILTIN and not self.query and self.template_ref is None:
            allowed = f"{SUCCESS_RATE}, {DURATION}, or any name together with query or templateRef"
            raise broken_rule(given=f'"{self.name}" alone', allowed=allowed, field="name")
        return self

    def interval_seconds(self, analysis_interval_seconds: float) -> float:
        """Length of the metric's window in seconds, before it is raised to the analysis' interval."""
        if self.interval:
            return seconds(self.interval)
        return analysis_interval_seconds if self.template_ref else QUERY_INTERVAL_SECONDS

    def limits(self) -> tuple[float | None, float | None]:
        """(minimum, maximum) of the values that pass, the older threshold translated.

        Without any limit a success rate always passes and every other metric fails above 0, as with Flagger.
        """
        if self.threshold_range is not None:
            return self.threshold_range.min, self.threshold_range.max
        if self.name == SUCCESS_RATE:
            return self.threshold, None
        return None, self.threshold if self.threshold is not None else 0.0
