"""Roles whose pods have very different loads are not compared by latency, and that is no lack of data."""

from metrics.judges.comparison import compare
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Outcome

EDGES = (100.0, 1000.0)


def role(name: str, *, pods: int, requests: float) -> RoleCounts:
    return RoleCounts.of([PodCounts(f"{name}-{pod}", requests, (0.1 * requests, 0.0)) for pod in range(pods)], kinds=2)


def test_a_canary_whose_pods_have_little_to_do_is_undecided_and_not_without_data() -> None:
    counts = WindowCounts(1, role("primary", pods=4, requests=950.0), role("canary", pods=4, requests=50.0), EDGES)
    verdict = compare(counts, "", CompareWithPrimary())

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.undecided  # so that onInconclusive decides; without it the run would wait for data for ever
    assert verdict.evidence is not None
    assert (verdict.evidence.canary_requests, verdict.evidence.primary_requests) == (200.0, 3800.0)
    assert "a primary pod gets 19" in verdict.message
