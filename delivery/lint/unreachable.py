"""Settings that can have no effect, or whose effect can never come: written for nothing, or by mistake."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from delivery.gates.calendar import problem as never_opens
from delivery.lint.case import Case, Rule
from delivery.lint.finding import Mistake, Severity
from delivery.routing.preflight import name_too_long
from delivery.workloads.names import Names
from metrics.spec import REACHABILITY, SUCCESS_RATE

_PERCENT = (SUCCESS_RATE, REACHABILITY)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253


def _without_effect(case: Case) -> Iterator[Mistake]:
    """Fields that need another one, which is not given."""
    analysis, spec = case.analysis, case.canary.spec
    for path, needed, words in (
        (("analysis", "maxWeight"), bool(analysis.step_weight), "analysis.stepWeight is given"),
        (("analysis", "mirrorWeight"), analysis.mirror, "analysis.mirror is true"),
        (("analysis", "stepWeightPromotion"), not analysis.iterations, "traffic moves by weights, without iterations"),
        (("promotion", "keepPreviousSeconds"), spec.promotion.method == "switch", "promotion.method is switch"),
        (("analysis", "threshold"), _counts_together(case), "some metric counts toward it: each has limits of its own"),
    ):
        if case.gives(*path) and not needed:
            yield Mistake(
                rule="no-effect", path=("spec", *path), message=f"has no effect: it is read only where {words}"
            )


def _counts_together(case: Case) -> bool:
    each_for_itself = (
        metric.dry_run or metric.failure_limit is not None or metric.consecutive_failures is not None
        for _, metric in case.metrics
    )
    return not case.metrics or bool(case.analysis.webhooks) or not all(each_for_itself)


def _skipped(case: Case) -> Iterator[Mistake]:
    """An analysis that is never made."""
    if not case.canary.spec.skip_analysis:
        return
    for name in ("metrics", "stepWeights", "stepWeight", "iterations"):
        if case.gives("analysis", name):
            yield Mistake(
                rule="skipped-analysis",
                path=("spec", "analysis", name),
                message="has no effect: spec.skipAnalysis is true, and every version is promoted unmeasured",
            )


def _weights(case: Case) -> Iterator[Mistake]:
    """A first step beyond the last."""
    analysis = case.analysis
    if analysis.step_weight > analysis.max_weight:
        yield Mistake(
            rule="step-above-max",
            path=("spec", "analysis", "stepWeight"),
            message=f"given {analysis.step_weight}, above maxWeight {analysis.max_weight}: the only step is maxWeight",
        )


def _limits(case: Case) -> Iterator[Mistake]:
    """Limits that no value, or every value, keeps."""
    for index, metric in case.metrics:
        low, high = metric.limits()
        path = ("spec", "analysis", "metrics", index, "thresholdRange" if metric.threshold_range else "threshold")
        percent = metric.name in _PERCENT and not metric.has_its_own
        if percent and low is not None and low > 100:
            yield _never(path, f"min {low:g}, and no more than 100 % of requests can succeed")
        elif high is not None and high < 0 and not metric.has_its_own:
            yield _never(path, f"max {high:g}, and {metric.name} is never below 0")
        elif metric.compare_with_primary is None and _is_open(low, high, percent=percent):
            yield Mistake(
                rule="always-passes",
                path=path if case.document.has(*path) else path[:-1],
                message=f"{metric.name} has no limit that a value could break, so that it passes whatever is measured",
            )


def _is_open(low: float | None, high: float | None, *, percent: bool) -> bool:
    nothing_below = low is None or (percent and low <= 0)
    nothing_above = high is None or (percent and high >= 100)
    return nothing_below and nothing_above


def _never(path: tuple[str | int, ...], given: str) -> Mistake:
    return Mistake(rule="never-passes", path=path, message=f"given {given}", severity=Severity.ERROR)


def _duration(case: Case) -> Iterator[Mistake]:
    """Less time than the steps need when all goes well."""
    longest, plan = case.analysis.max_duration_seconds, case.plan
    planned = sum(step.checks for step in plan.steps) * case.analysis.interval_seconds
    if longest is not None and longest < planned:
        yield Mistake(
            rule="max-duration-too-short",
            path=("spec", "analysis", "maxDurationSeconds"),
            message=f"given {longest}, but {len(plan)} steps measure for {planned:.0f} s: every release is rolled back",
            severity=Severity.ERROR,
        )


def _windows(case: Case) -> Iterator[Mistake]:
    """Windows within a step that no metric uses."""
    analysis = case.analysis
    shortest = min((check.window_seconds for check in case.rollout.checks), default=0.0)
    if analysis.check_interval_seconds is not None and shortest >= analysis.interval_seconds:
        yield Mistake(
            rule="no-effect",
            path=("spec", "analysis", "checkIntervalSeconds"),
            message=f"has no effect: no metric has a window shorter than the interval, the shortest is {shortest:g} s",
        )


def _openings(case: Case) -> Iterator[Mistake]:
    """A rollout window that never opens."""
    windows = case.canary.spec.rollout_windows
    problem = never_opens(windows, datetime.now(UTC)) if windows is not None else None
    if problem is not None:
        words = problem.message.partition(": ")[2]
        yield Mistake(rule="never-opens", path=("spec", "rolloutWindows"), message=words, severity=Severity.ERROR)


def _unserved(case: Case) -> Iterator[Mistake]:
    """What only other providers' routers read. Where it decides who meets a version, no run begins with it."""
    rollout = case.rollout
    for words in rollout.misplaced:
        place, _, message = words.partition(": ")
        blocks = words in rollout.misplaced_blocking
        yield Mistake(
            rule="not-served" if blocks else "no-effect",
            path=tuple(place.split(".")),
            message=message,
            severity=Severity.ERROR if blocks else Severity.WARNING,
        )


def _named(case: Case) -> Iterator[Mistake]:
    """Names that the API server would refuse: the Canary's own, and those of the Services of both roles."""
    name = case.canary.metadata.name
    if not _SUBDOMAIN.fullmatch(name) or len(name) > _LONGEST_NAME:
        allowed = f"at most {_LONGEST_NAME} lower case letters, digits, - and ., with a letter or digit at both ends"
        message = f'given "{name}", allowed {allowed}'
        yield Mistake(rule="invalid", path=("metadata", "name"), message=message, severity=Severity.ERROR)
    problem = name_too_long(Names.of(case.canary))
    if problem is not None:
        place = ("service", "name") if case.gives("service", "name") else ("targetRef", "name")
        yield Mistake(rule="name-too-long", path=("spec", *place), message=problem.message, severity=Severity.ERROR)


RULES: tuple[Rule, ...] = (
    *(_without_effect, _skipped, _weights, _limits, _duration, _windows, _openings),
    *(_unserved, _named),
)
