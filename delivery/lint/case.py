"""What a rule looks at: a Canary that can be used, and what its file gives itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from delivery.api.analysis import Analysis
from delivery.api.canary import Canary
from delivery.api.metrics import Metric
from delivery.api.rollout import rollout_spec
from delivery.lint.documents import Document
from delivery.lint.finding import Mistake
from strategies.plan import Plan, plan_for
from strategies.spec import RolloutSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One Canary. `scrape_seconds` is how often Prometheus scrapes the proxies."""

    document: Document
    canary: Canary
    scrape_seconds: float

    @property
    def analysis(self) -> Analysis:
        """Its analysis."""
        return self.canary.spec.analysis

    @property
    def rollout(self) -> RolloutSpec:
        """As the state machine sees it."""
        return rollout_spec(self.canary, scrape_interval_seconds=self.scrape_seconds)

    @property
    def plan(self) -> Plan:
        """Its steps."""
        return plan_for(self.rollout)

    @property
    def metrics(self) -> tuple[tuple[int, Metric], ...]:
        """Its metrics with their places, where the file gives them itself."""
        given = self.document.has("spec", "analysis", "metrics")
        return tuple(enumerate(self.analysis.metrics)) if given else ()

    def gives(self, *path: str | int) -> bool:
        """Does the file give this field below spec?"""
        return self.document.has("spec", *path)


Rule = Callable[[Case], Iterator[Mistake]]
"""Yields what is wrong with one Canary by one rule."""
