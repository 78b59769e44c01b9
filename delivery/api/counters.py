"""The counters of a MetricTemplate: what a comparison with the primary and minSamples count."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, broken_rule, cel
from metrics import counters as values
from metrics import selectors
from metrics.counters import ALLOWED, Part

_MS = {"milliseconds": 1.0, "seconds": 1000.0}


def _there(name: str) -> str:
    return f"(has(self.{name}) && size(self.{name}) > 0)"


_REQUESTS, _FAILURES, _SUCCESSES, _BUCKETS = map(_there, Part)
_CHOSEN = (
    f"({_BUCKETS} && !({_REQUESTS} || {_FAILURES} || {_SUCCESSES})) || "
    f"(!{_BUCKETS} && {_REQUESTS} && {_FAILURES} != {_SUCCESSES})"
)


class Counters(Piece):
    """Counters of both versions' requests, as PromQL selectors: requests with failures or successes, or buckets."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (_CHOSEN, f"needed are {ALLOWED}"),
            ("!has(self.bucketUnit) || has(self.buckets)", "bucketUnit is for buckets"),
        )
    )

    requests: str | None = Field(default=None, min_length=1, max_length=4096)
    """Selector of the counters of all requests, such as orders_total{app="{{ workload }}"}; it has {{ workload }},
    {{ pods }} or {{ role_service }} where the workload, the pods (a regular expression) or the Service of a version are
    named, and no functions, ranges or arithmetic."""
    failures: str | None = Field(default=None, min_length=1, max_length=4096)
    """Selector of the counters of those requests that failed."""
    successes: str | None = Field(default=None, min_length=1, max_length=4096)
    """Selector of the counters of those requests that did not fail; instead of failures."""
    buckets: str | None = Field(default=None, min_length=1, max_length=4096)
    """Selector of the cumulative buckets of a histogram of durations; instead of requests."""
    bucket_unit: Literal["seconds", "milliseconds"] | None = None
    """What the label le of the buckets counts; seconds by default."""
    pod_label: str | None = Field(default=None, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=128)
    """Label that names a series' pod; by default the first that is there of pod, kubernetes_pod_name, pod_name and
    instance."""
    noun: str | None = Field(default=None, pattern="^[A-Za-z][A-Za-z -]*$", max_length=24)
    """What is counted, in the plural, as verdicts call it; requests by default."""

    @model_validator(mode="after")
    def _countable(self) -> "Counters":
        given = {part for part in Part if getattr(self, part.value)}
        if wrong := values.chosen_wrongly(given):
            words, _, allowed = wrong.removeprefix("given ").partition(", allowed ")
            raise broken_rule(given=words, allowed=allowed)
        if self.bucket_unit is not None and not self.buckets:
            raise broken_rule(given="a value without buckets", allowed="a value for buckets alone", field="bucketUnit")
        try:
            selectors.check(self.value)
        except selectors.SelectorError as error:
            raise broken_rule(given=error.given, allowed=error.allowed, field=error.field) from None
        return self

    @property
    def value(self) -> values.Counters:
        """The same for who asks."""
        return values.Counters(
            requests=self.requests or "",
            failures=self.failures or "",
            successes=self.successes or "",
            buckets=self.buckets or "",
            bucket_ms=_MS[self.bucket_unit or "seconds"],
            pod_label=self.pod_label or "",
            noun=self.noun or "",
        )
