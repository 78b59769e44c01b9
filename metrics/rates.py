"""A success rate with the numbers behind it: the requests and failures of both roles, counted in one question.

Percent alone tell nobody whether one request of three has failed, or forty of a thousand; nor whether the primary is as
bad, so that the cause is elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from metrics import application, queries
from metrics.batching import Builder
from metrics.judges import sentences, threshold
from metrics.providers.base import Sample
from metrics.spec import Counted, MetricSpec, Subject
from metrics.verdict import Evidence, Outcome, Verdict


def questions(spec: MetricSpec, subject: Subject) -> list[Builder]:
    """What to ask: requests with an answer and the good ones among them, of the canary and, where it can be told, of
    the primary.
    """
    if subject.counted is Counted.BY_APPLICATION:
        return [partial(application.answered, subject), partial(application.good, subject)]
    return [
        question
        for workload in (subject.target, subject.primary)
        for question in (
            partial(queries.answered, subject, workload),
            partial(queries.good, subject, workload, grpc_failures=spec.grpc_failures),
        )
    ]


def judge(spec: MetricSpec, counts: Sequence[float]) -> Verdict:
    """The verdict by limits on the answers to `questions`, in their order."""
    canary, primary = counts[:2], counts[2:]
    evidence = Evidence(canary_requests=canary[0], canary_bad=_bad(canary))
    if primary:
        evidence = replace(evidence, primary_requests=primary[0], primary_bad=_bad(primary))
    value = 100.0 * (canary[0] - evidence.canary_bad) / canary[0] if canary[0] > 0 else None
    verdict = threshold.judge(spec, () if value is None else (Sample(value),))
    if verdict.outcome is Outcome.FAIL and (too := sentences.primary_too(evidence)):
        verdict = replace(verdict, message=f"{verdict.message}; {too}")
    return replace(verdict, evidence=evidence)


def _bad(counts: Sequence[float]) -> float:
    answered, good = counts
    return max(0.0, answered - good)
