"""Where a comparison with the primary would compare other things than two versions.

Its false alarms are known only if chance alone decides which version a request meets, and if the primary gets requests
at the same time. Where that is not so, it is refused with the reason. How much of the run's budget for false alarms
each comparison has is said here too.
"""

from typing import TYPE_CHECKING

from delivery.api.combinations import is_given
from delivery.api.metrics import Metric
from delivery.api.model import broken_rule
from metrics.judges.settings import CompareWithPrimary

if TYPE_CHECKING:
    from delivery.api.analysis import Analysis
    from delivery.api.canary import CanarySpec

_NOT_BY_CHANCE = {
    "analysis.match": "users who match are other users than the rest",
    "analysis.testerMatch": "testers reach the canary whatever its weight is",
    "analysis.sessionAffinity": "users stay with the version that they met first",
    "analysis.mirror": "copies are no requests of users",
    "analysis.iterations": "the canary gets nobody, all matching users, or everybody",
}
"""Fields below spec with which the roles get different users, and why."""

_GIVEN = {
    "analysis.match": "has(self.analysis.match) && size(self.analysis.match) > 0",
    "analysis.testerMatch": "has(self.analysis.testerMatch) && size(self.analysis.testerMatch) > 0",
    "analysis.sessionAffinity": "has(self.analysis.sessionAffinity)",
    "analysis.mirror": "has(self.analysis.mirror) && self.analysis.mirror",
    "analysis.iterations": "has(self.analysis.iterations) && self.analysis.iterations > 0",
}
_FIELDS = ", ".join(path.removeprefix("analysis.") for path in _GIVEN)
_COMPARED = "has(self.analysis.metrics) && self.analysis.metrics.exists(m, has(m.compareWithPrimary))"

RULES: tuple[tuple[str, str], ...] = (
    (
        f"!({_COMPARED}) || !({' || '.join(f'({rule})' for rule in _GIVEN.values())})",
        f"compareWithPrimary needs requests that meet either version by chance: not with {_FIELDS}",
    ),
    (
        f"!({_COMPARED}) || !(has(self.provider) && self.provider == 'kubernetes')",
        "compareWithPrimary needs a mesh that splits requests; provider kubernetes moves all users at once",
    ),
)
"""The same rules for the API server, as far as CEL can say them at a bearable cost."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    if all(metric.compare_with_primary is None for metric in spec.analysis.metrics):
        return
    if not spec.has_mesh:
        _refuse("compareWithPrimary without a mesh: all users are moved at once", "provider kubernetes")
    for path, why in _NOT_BY_CHANCE.items():
        if is_given(spec, path):
            _refuse(f"compareWithPrimary together with {path.removeprefix('analysis.')}: {why}", path)


def _refuse(given: str, what: str) -> None:
    raise broken_rule(
        given=given,
        allowed=f"requests that meet either version by chance; limits alone (thresholdRange) work with {what}",
        field="analysis.metrics",
        drop=("analysis.metrics",),
    )


def settings(metric: Metric, analysis: "Analysis") -> CompareWithPrimary | None:
    """A metric's comparison with its part of the run's false alarms; None if it is not compared.

    The parts are even; what decides nothing takes none of them from the others.
    """
    given = metric.compare_with_primary
    if given is None:
        return None
    deciding = sum(each.compare_with_primary is not None and not each.dry_run for each in analysis.metrics)
    return CompareWithPrimary(
        max_increase_percent=given.max_increase_percent,
        false_alarm_percent=given.false_alarm_percent,
        ignore_below_percent=given.ignore_below_percent,
        share=1.0 / max(1, deciding),
    )


def named(compare: CompareWithPrimary | None) -> str:
    """A comparison and its settings in few words, as the status names what a memory belongs to; "" for none."""
    if compare is None:
        return ""
    alarms = compare.false_alarm_percent * compare.share
    return f"compare {compare.max_increase_percent:g}/{alarms:.4g}/{compare.ignore_below_percent:g}"
