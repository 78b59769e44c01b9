"""How a new version is tried before it serves everybody."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from delivery.api.affinity import SessionAffinity
from delivery.api.durations import Interval, seconds
from delivery.api.gates import Gates
from delivery.api.hooks import Alert, Webhook
from delivery.api.matches import AnalysisMatch
from delivery.api.metrics import Metric
from delivery.api.model import Piece, broken_rule, cel, no_schema_default

STRATEGIES = ("iterations", "stepWeight", "stepWeights")
"""The fields of which at most one says how traffic moves; zero and empty say nothing."""

Weight = Annotated[int, Field(ge=0, le=100)]
"""Percent of requests."""


def _rising(weights: tuple[int, ...]) -> tuple[int, ...]:
    if any(after <= before for before, after in pairwise(weights)):
        raise broken_rule(given=str(list(weights)), allowed="weights that rise strictly, such as [5, 10, 25, 50]")
    return weights


def _named_once(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise broken_rule(given=f"{', '.join(twice)} more than once", allowed="each name once")
    return metrics


Weights = Annotated[
    tuple[Weight, ...],
    Field(
        max_length=101,
        json_schema_extra=cel(
            (
                "self.isSorted() && self.all(weight, self.exists_one(other, other == weight))",
                "weights must rise strictly",
            )
        ),
    ),
    AfterValidator(_rising),
]
Metrics = Annotated[
    tuple[Metric, ...],
    # A map by name: the server refuses a name given twice, and several tools can each apply their own metric.
    Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    AfterValidator(_named_once),
]


_WITHIN_INTERVAL = (
    "!has(self.checkIntervalSeconds) || !has(self.interval) || "
    "duration(string(self.checkIntervalSeconds) + 's') <= duration(self.interval)"
)
_ONE_STRATEGY = (
    "[has(self.iterations) && self.iterations > 0, has(self.stepWeight) && self.stepWeight > 0, "
    "has(self.stepWeights) && size(self.stepWeights) > 0].filter(given, given).size() <= 1"
)


class Analysis(Piece):
    """How a new version is tried. Empty means: every 60s 5, 10, 25, 50 percent, success rate at least 99 percent."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (_ONE_STRATEGY, "at most one of iterations, stepWeight, stepWeights"),
            (
                _WITHIN_INTERVAL,
                "checkIntervalSeconds must not be longer than interval",
            ),
        )
    )

    interval: Interval = "60s"
    """How often the canary is checked, and the least length of a window."""
    check_interval_seconds: int | None = Field(default=None, ge=1, le=86400)
    """Length of the windows within a step, in seconds: the sooner a bad release is seen. By default the interval."""
    on_inconclusive: Literal["threshold", "hold", "proceed", "rollback"] = "threshold"
    """What becomes of a step at whose end a metric had too few requests to tell; threshold: the metric's limits decide,
    over the whole step."""
    max_duration_seconds: int | None = Field(default=None, ge=60, le=31622400)
    """How long a run may be measured without an end before it is rolled back, in seconds; by default a day, or twice
    the time of all steps if that is longer. Windows without data take nothing from it."""
    threshold: int = Field(default=1, json_schema_extra=no_schema_default)
    """Failed checks before the roll-back, 1 if 0 or less. By default 1, or 5 if no strategy is given."""
    iterations: int = Field(default=0, ge=0)
    """Number of checks of an A/B test or a blue/green rollout."""
    max_weight: Weight = 100
    """The weight after which the canary is promoted; with stepWeight."""
    step_weight: Weight = 0
    """By how much the canary's weight rises."""
    step_weights: Weights = ()
    """The canary's weights, one after the other; they rise strictly."""
    step_weight_promotion: Weight = 0
    """By how much the primary's weight rises again after the promotion; 0 is all at once."""
    mirror: bool = False
    """Copy requests to the canary before any weight."""
    mirror_weight: Weight | None = None
    """Percent of requests that are copied."""
    primary_ready_threshold: Weight = 100
    """Percent of the primary's pods that must be ready."""
    canary_ready_threshold: Weight = 100
    """Percent of the canary's pods that must be ready."""
    match: tuple[AnalysisMatch, ...] = Field(default=(), max_length=64)
    """Who may meet the canary; one of the entries must hold."""
    tester_match: tuple[AnalysisMatch, ...] = Field(default=(), max_length=64)
    """Who always meets the canary during a run, from weight 0 on; one of the entries must hold."""
    metrics: Metrics = ()
    """What is measured."""
    webhooks: tuple[Webhook, ...] = Field(default=(), max_length=64)
    """Who is asked."""
    gates: Gates = ()
    """Where a person is waited for."""
    alerts: tuple[Alert, ...] = Field(default=(), max_length=64)
    """Who is told."""
    session_affinity: SessionAffinity | None = None
    """Keep users with the version that served them."""

    @property
    def interval_seconds(self) -> float:
        """The interval in seconds."""
        return seconds(self.interval)

    @model_validator(mode="after")
    def _windows_within_steps(self) -> "Analysis":
        if self.check_interval_seconds is not None and self.check_interval_seconds > self.interval_seconds:
            raise broken_rule(
                given=f"{self.check_interval_seconds}, with interval {self.interval}",
                allowed="at most the interval",
                field="checkIntervalSeconds",
                drop=("checkIntervalSeconds",),
            )
        return self

    @model_validator(mode="after")
    def _one_strategy(self) -> "Analysis":
        values = (self.iterations, self.step_weight, self.step_weights)
        given = [name for name, value in zip(STRATEGIES, values, strict=True) if value]
        if len(given) > 1:
            raise broken_rule(given=" and ".join(given), allowed=f"at most one of {', '.join(STRATEGIES)}", drop=given)
        return self
