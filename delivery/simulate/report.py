"""What many rollouts of one release show together, as numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from delivery.simulate.bounds import clopper_pearson, quantile
from delivery.simulate.rollout import Outcome, Trace
from delivery.simulate.scenario import Scenario

RESULTS = ("rolled_back", "promoted", "undecided")


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was seen, 0..1, and Clopper and Pearson's 95 % bounds of its probability."""

    seen: int
    of: int

    @property
    def value(self) -> float:
        """The share."""
        return self.seen / self.of if self.of else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds of the probability."""
        return clopper_pearson(self.seen, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rollouts of one release by one policy. `trace` shows one whose end and length are typical of them."""

    policy: str
    release: str
    healthy: bool
    outcomes: tuple[Outcome, ...]
    trace: Trace
    example: int = 0

    def share(self, result: str) -> Share:
        """How often the rollouts ended so."""
        return Share(sum(each.result == result for each in self.outcomes), len(self.outcomes))

    def seconds(self, result: str) -> list[float]:
        """How long the rollouts that ended so took."""
        return [each.seconds for each in self.outcomes if each.result == result]

    def reasons(self) -> Mapping[str, int]:
        """The reasons of the ends, most frequent first."""
        return dict(Counter(each.reason for each in self.outcomes).most_common())


def typical(outcomes: Sequence[Outcome]) -> int:
    """The index of a rollout with the most frequent result and the median length among those."""
    result = Counter(each.result for each in outcomes).most_common(1)[0][0]
    those = sorted((each.seconds, index) for index, each in enumerate(outcomes) if each.result == result)
    return those[(len(those) - 1) // 2][1]


def measures(report: Report) -> Mapping[str, float | None]:
    """Everything that a check can ask of one release; None where no rollout ended so."""
    outcomes = report.outcomes
    values: dict[str, float | None] = {}
    for result in RESULTS:
        share = report.share(result)
        values[result] = share.value
        values[f"{result}_low"], values[f"{result}_high"] = share.bounds
    for name, seconds in (
        ("rollback_seconds", report.seconds("rolled_back")),
        ("promotion_seconds", report.seconds("promoted")),
        ("hit", [float(each.hit) for each in outcomes]),
        ("held_seconds", [each.held_seconds for each in outcomes]),
    ):
        values[f"{name}_median"], values[f"{name}_p95"] = quantile(seconds, 0.5), quantile(seconds, 0.95)
    return MappingProxyType(values)


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON: measures, reasons and the example."""
    numbers = {name: None if value is None else round(value, 6) for name, value in measures(report).items()}
    return {
        "policy": report.policy,
        "release": report.release,
        "healthy": report.healthy,
        "runs": len(report.outcomes),
        **numbers,
        "reasons": dict(report.reasons()),
        "windows_median": quantile([each.windows for each in report.outcomes], 0.5),
        "example": {
            "run": report.example,
            "weights": [{"seconds": round(at, 3), "percent": weight} for at, weight in report.trace.weights],
            "verdicts": [
                {"seconds": round(at, 3), "check": name, "outcome": outcome, "message": message}
                for at, name, outcome, message in report.trace.verdicts
            ],
        },
    }


def reported(policy: str, scenario: Scenario, outcomes: Sequence[Outcome], trace: Trace, example: int) -> Report:
    """The report of a release."""
    return Report(
        policy=policy,
        release=scenario.name,
        healthy=scenario.healthy,
        outcomes=tuple(outcomes),
        trace=trace,
        example=example,
    )
