"""A success rate with the numbers behind it: the requests and failures of both roles, counted in one question.

Percent alone tell nobody whether one request of three has failed, or forty of a thousand; nor whether the primary is as
bad, so that the cause is elsewhere.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from metrics import queries
from metrics.counting import HUNG_UP
from metrics.judges import sentences, threshold
from metrics.providers.base import Kind, QueryError, Sample, Samples
from metrics.spec import GRPC_FAILURES, MetricSpec, Subject
from metrics.verdict import Evidence, Outcome, Verdict


class Answered(NamedTuple):
    """Requests of one role in a window: all that reached it, those that ended with an answer, and the good of these.

    Code 0 is mostly a client that hung up: no answer. A failure is a 5xx or a gRPC status that says so.
    """

    reached: float
    answered: float
    good: float


def by_role(samples: Samples, subject: Subject, grpc_failures: Collection[int] = GRPC_FAILURES) -> list[Answered]:
    """The canary and the primary, from the answer to `queries.by_answer`. Raises QueryError if it holds no counts."""
    label = queries.role_label(subject)
    failures = {str(status) for status in grpc_failures}
    return [
        _answered([each for each in samples if each.labels.get(label) == name], failures)
        for name in queries.role_names(subject)
    ]


def _answered(samples: Sequence[Sample], failures: Collection[str]) -> Answered:
    reached = answered = good = 0.0
    for sample in samples:
        if not 0.0 <= sample.value < math.inf:
            raise QueryError(Kind.SHAPE, f"a count of requests came back as {sample.value}")
        code, status = (sample.labels.get(label, "") for label in ("response_code", "grpc_response_status"))
        reached += sample.value
        if code == HUNG_UP:
            continue
        answered += sample.value
        if not (len(code) == 3 and code.startswith("5")) and status not in failures:
            good += sample.value
    return Answered(reached, answered, good)


def judge(spec: MetricSpec, canary: Answered, primary: Answered | None = None) -> Verdict:
    """The verdict by limits: of a builtin rate on how many percent were good, of counters of somebody's own on how many
    failed. `primary` is None where it cannot be told.
    """
    if too_few := few(spec, canary, primary):
        return too_few
    evidence = _evidence(spec, canary, primary)
    shown = evidence.canary_bad if spec.measured is not None else canary.answered - evidence.canary_bad
    value = 100.0 * shown / canary.answered if canary.answered > 0 else None
    verdict = threshold.judge(spec, () if value is None else (Sample(value),))
    message = verdict.message
    if verdict.outcome is Outcome.FAIL:
        evidence = replace(evidence, changed_by=_fewer(spec, evidence))
        if too := sentences.primary_too(evidence):
            message = f"{message}; {too}"
    return Verdict(verdict.outcome, value=verdict.value, limit=verdict.limit, message=message, evidence=evidence)


def few(spec: MetricSpec, canary: Answered, primary: Answered | None = None) -> Verdict | None:
    """Inconclusive where the canary had requests, but fewer than the metric asks for; None where it had enough."""
    if not 0 < canary.answered < spec.min_samples:
        return None
    evidence = replace(_evidence(spec, canary, primary), missing=spec.min_samples - canary.answered)
    every = f"{canary.answered:,.0f} {evidence.noun or 'requests'} to the canary"
    message = f"{spec.name}: {every} in this window are too few to tell, minSamples is {spec.min_samples:,}"
    return Verdict(Outcome.INCONCLUSIVE, limit=spec.limit, message=message, evidence=evidence)


def _evidence(spec: MetricSpec, canary: Answered, primary: Answered | None) -> Evidence:
    return Evidence(
        canary_requests=canary.answered,
        canary_bad=_bad(canary),
        primary_requests=primary.answered if primary is not None else None,
        primary_bad=_bad(primary) if primary is not None else None,
        noun=(spec.counters.noun if spec.counters is not None else "") or None,
    )


def _fewer(spec: MetricSpec, evidence: Evidence) -> str:
    """With how many failures fewer a rate beyond its limit would have passed."""
    most = spec.maximum if spec.measured is not None else None if spec.minimum is None else 100.0 - spec.minimum
    if most is None or not 0 <= most < 100:
        return ""
    allowed = math.floor(evidence.canary_requests * most / 100.0 + 1e-9)
    fewer = math.ceil(evidence.canary_bad - allowed - 1e-9)
    return sentences.fewer_bad(fewer, 0.0) if fewer > 0 else ""


def _bad(role: Answered) -> float:
    return max(0.0, role.answered - role.good)
