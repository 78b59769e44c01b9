"""What a comparison counts are the requests that really happened, pod by pod."""

from dataclasses import replace

import pytest

from delivery.simulate.counted import failures, slow
from delivery.simulate.draws import Draws
from delivery.simulate.scenario import Scenario
from delivery.simulate.tape import Share, Tape
from metrics.quantiles import ISTIO_EDGES_MS


def tape(scenario: Scenario) -> Tape:
    made = Tape(scenario, Draws("counted"), with_latency=True)
    made.pods(0, canary=[-1.0] * 2, primary=[-1.0] * 3)
    made.route(0, Share(canary=0.2))
    return made


PLAIN = Scenario(name="plain", update_seconds=0.0, error=0.05, log_median=3.7, log_sigma=0.8)


@pytest.mark.parametrize("clustering", [0.0, 0.01])
def test_failures_of_all_pods_add_up_to_what_happened(clustering: float) -> None:
    made = tape(replace(PLAIN, clustering=clustering))
    piece = made.between(0, 120)
    counts = failures(7, piece, made)

    assert counts.number == 7
    assert (counts.canary.requests, counts.canary.bad) == (piece.canary, (piece.failed,))
    assert (counts.primary.requests, counts.primary.bad) == (piece.primary, (piece.primary_failed,))
    assert [len(role.pods) for role in (counts.canary, counts.primary)] == [2, 3]
    assert all(0 < pod.bad[0] < pod.requests for role in (counts.canary, counts.primary) for pod in role.pods)
    assert counts.load == pytest.approx((piece.canary / 2) / (piece.primary / 3))


def test_slow_requests_are_those_above_each_edge() -> None:
    made = tape(PLAIN)
    piece = made.between(0, 120)
    counts = slow(1, piece, made)

    assert counts.edges == ISTIO_EDGES_MS
    assert (counts.canary.requests, counts.primary.requests) == (piece.canary, piece.primary)
    assert piece.buckets is not None
    for index in range(len(ISTIO_EDGES_MS)):
        assert counts.canary.bad[index] == sum(piece.buckets[index + 1 :])
    assert list(counts.primary.bad) == sorted(counts.primary.bad, reverse=True)
    slow_share = [role.bad[6] / role.requests for role in (counts.canary, counts.primary)]
    assert slow_share[0] == pytest.approx(slow_share[1], rel=0.2)


def test_a_role_without_requests_has_no_pods() -> None:
    made = tape(replace(PLAIN, no_traffic=True))
    counts = failures(1, made.between(0, 60), made)

    assert (counts.canary.requests, counts.canary.bad, counts.canary.pods) == (0, (0.0,), ())
    assert slow(1, made.between(0, 60), made).canary.requests == 0
