"""One window of a canary held against its primary, beside the metric's own limits.

Limits are for what no release may do, whatever the primary does; the comparison is for what this release makes worse.
Either can fail the window. To pass it both have to.
"""

from dataclasses import replace

from metrics import counting
from metrics.counters import Counters, Part
from metrics.judges import sentences
from metrics.judges.counts import WindowCounts
from metrics.raw_queries import What
from metrics.scraped import Scraped, ScrapedParts
from metrics.spec import DURATION, SUCCESS_RATE, Counted, MetricSpec, Subject, Window
from metrics.verdict import Outcome, Verdict


def problem(spec: MetricSpec, subject: Subject) -> str:
    """Why this metric of this subject cannot be compared, in one sentence; "" if it can."""
    if spec.counters is None and (spec.is_own or spec.name not in (SUCCESS_RATE, DURATION)):
        return uncounted(spec)
    if subject.counted is not Counted.BY_PROXIES:
        return f"metric {spec.name!r} can be compared in a mesh only, whose proxies count both versions' requests"
    return ""


def uncounted(spec: MetricSpec) -> str:
    """What is said where requests have to be counted and nobody knows by which counters."""
    return (
        f"metric {spec.name!r} is one number, with no requests to count behind it; use its limits alone, or a "
        "MetricTemplate with counters"
    )


def what_of(spec: MetricSpec) -> What:
    """What is counted for a metric."""
    return What.DURATIONS if spec.name == DURATION else What.REQUESTS


def counts_of(spec: MetricSpec, number: int, window: Window, found: Scraped) -> WindowCounts:
    """The counts of window `number` of the run. Raises ValueError, with a sentence, where nothing can be compared."""
    if what_of(spec) is What.DURATIONS:
        return counting.slow(
            number, window, primary=found.primary, canary=found.canary, looking_since=found.looking_since
        )
    return counting.failures(
        number,
        window,
        primary=found.primary,
        canary=found.canary,
        looking_since=found.looking_since,
        grpc_failures=frozenset(map(str, spec.grpc_failures)),
    )


def counts_of_parts(counters: Counters, number: int, window: Window, found: ScrapedParts) -> WindowCounts:
    """What counters of somebody's own say of window `number`; all else as `counts_of`."""
    if Part.BUCKETS not in found.canary:
        counts = counting.of_parts(
            number,
            window,
            primary=found.primary,
            canary=found.canary,
            looking_since=found.looking_since,
            pod_label=counters.pod_label,
        )
    else:
        counts = counting.slow(
            number,
            window,
            primary=found.primary[Part.BUCKETS],
            canary=found.canary[Part.BUCKETS],
            looking_since=found.looking_since,
            left_out=(),
            pod_label=counters.pod_label,
            edge_ms=counters.bucket_ms,
        )
    return replace(counts, noun=counters.noun)


def together(limits: Verdict, compared: Verdict) -> Verdict:
    """Both verdicts of one window as one, with the comparison's memory.

    A failed comparison comes first, because it needs no other window to agree with it. An error is no excuse for a
    limit that was broken.
    """
    shown = limits.value if limits.value is not None else compared.value
    whole = compared._replace(value=shown, limit=_limit(limits, compared))
    if compared.outcome is Outcome.FAIL:
        return whole
    if limits.outcome is Outcome.FAIL:
        too = sentences.primary_too(compared.evidence) if compared.evidence is not None else ""
        words = limits.message if not too or too in limits.message else f"{limits.message}; {too}"
        evidence = limits.evidence or compared.evidence
        return whole._replace(outcome=Outcome.FAIL, message=words, evidence=evidence)
    for outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE):
        for each in (compared, limits):
            if each.outcome is outcome:
                return whole._replace(outcome=outcome, message=each.message, evidence=each.evidence or whole.evidence)
    return whole


def _limit(limits: Verdict, compared: Verdict) -> str:
    return ", ".join(filter(None, (limits.limit, compared.limit)))
