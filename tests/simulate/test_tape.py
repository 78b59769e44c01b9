"""What really happened is one story: windows add up, whoever looks and when."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from delivery.simulate.draws import Draws
from delivery.simulate.scenario import Scenario
from delivery.simulate.tape import Share, Tape

PLAIN = Scenario(name="plain", update_seconds=0.0)


def tape(scenario: Scenario = PLAIN, *, canary: float = 0.2, hour: float = 0.0, latency: bool = False) -> Tape:
    """A tape with pods, and a share for the canary from the first moment on."""
    made = Tape(scenario, Draws("tape"), hour=hour, with_latency=latency)
    made.pods(0, canary=[-1.0] * 3, primary=[-1.0] * 3)
    made.route(0, Share(canary=canary))
    return made


def test_requests_come_at_their_rate_and_are_split_by_weight() -> None:
    piece = tape().between(0, 10000)

    assert piece.canary == pytest.approx(200000, rel=0.02)
    assert piece.primary == pytest.approx(800000, rel=0.01)


@pytest.mark.parametrize(("hour", "rate"), [(15.0, 150.0), (3.0, 50.0), (9.0, 100.0)])
def test_the_rate_follows_the_day(hour: float, rate: float) -> None:
    piece = tape(replace(PLAIN, swing=0.5, peak_hour=15.5), hour=hour).between(0, 3600)

    assert (piece.canary + piece.primary) / 3600 == pytest.approx(rate, rel=0.03)


def test_disjoint_windows_add_up_and_asking_again_gives_the_same() -> None:
    made = tape(replace(PLAIN, error=0.1), latency=True)
    whole = made.between(0, 100)
    parts = [made.between(begin, begin + 20) for begin in range(0, 100, 20)]

    assert made.between(0, 100) == whole
    for count in ("canary", "failed", "primary", "primary_failed"):
        assert sum(getattr(part, count) for part in parts) == getattr(whole, count)
    assert [sum(column) for column in zip(*(part.buckets or [] for part in parts), strict=True)] == whole.buckets
    assert sum(whole.buckets or []) == whole.canary


def test_a_route_is_followed_when_the_proxies_know_it() -> None:
    made = tape(replace(PLAIN, update_seconds=10.0), canary=1.0)

    assert made.between(0, 10).canary == 0
    assert made.between(10, 20).primary == 0


@pytest.mark.parametrize(
    ("changes", "hit_before", "hit_after"),
    [
        ({"failing": 0.5, "starts_after": 50.0}, 0, 500),
        ({"failing": 0.5}, 500, 500),
        ({"slow": (0.5, 10.0), "starts_after": 50.0}, 0, 500),
        ({"failing": 0.5, "above": 0.2}, 0, 0),
        ({"failing": 0.5, "above": 0.19}, 500, 500),
        ({"no_traffic": True}, 1000, 1000),
        ({"failing": 0.0005}, 0, 0),
    ],
)
def test_hits_are_what_the_fault_spoilt(changes: dict[str, object], hit_before: int, hit_after: int) -> None:
    made = tape(replace(PLAIN, **changes))  # type: ignore[arg-type]
    made.until(50)
    before = made.hit
    made.until(100)

    assert before == pytest.approx(hit_before, rel=0.15)
    assert made.hit - before == pytest.approx(hit_after, rel=0.15)


def test_failures_come_together_in_a_pod_s_minute_and_keep_their_mean() -> None:
    def of(make: Callable[[], Tape]) -> tuple[float, float]:
        made = make()
        failed = [made.between(begin, begin + 60).failed for begin in range(0, 60 * 400, 60)]
        mean = sum(failed) / len(failed)
        return mean, sum((each - mean) ** 2 for each in failed) / len(failed) / mean

    apart = of(lambda: tape(replace(PLAIN, error=0.01)))
    together = of(lambda: tape(replace(PLAIN, error=0.01, clustering=0.01)))

    assert apart == pytest.approx((12.0, 1.0), rel=0.15)
    assert together[0] == pytest.approx(12.0, rel=0.15)
    # Each of three pods answers 400 requests a minute: dispersion 1 + 399 x 0.01.
    assert together[1] == pytest.approx(5.0, rel=0.25)


def test_a_canary_without_ready_pods_loses_its_requests() -> None:
    made = tape()
    made.pods(50, canary=[], primary=[-1.0])
    before = made.hit
    piece = made.between(50, 100)

    assert piece.canary == 0
    assert piece.lost == made.hit - before == pytest.approx(1000, rel=0.15)
