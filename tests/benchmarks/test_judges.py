"""The judges' benchmark, on fewer runs: figures whose bounds contradict the promised ones are a fault of the judge."""

import pytest

from benchmarks import judges
from benchmarks.judge_traffic import EXTRA, SCENARIOS, Scenario, made

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS + EXTRA}
KEYS = {
    "judge",
    "scenario",
    "rps",
    "runs",
    "rollback_share",
    "rollback_share_low",
    "rollback_share_high",
    "median_window",
    "bad_requests",
}


def sequential(name: str, rps: float, runs: int) -> dict:
    return cells(name, rps, runs, "sequential")["sequential"]


def cells(name: str, rps: float, runs: int, *names: str) -> dict[str, dict]:
    return {each["judge"]: each for each in judges.measure(BY_NAME[name], rps=rps, runs=runs, names=names)}


@pytest.mark.parametrize(
    ("scenario", "rps", "promised"),
    [
        ("healthy", 10, 0.01),
        ("healthy", 100, 0.01),
        ("healthy", 1000, 0.01),
        ("healthy-drift", 100, 0.01),
        ("healthy-drift", 1000, 0.01),
        ("errors-at-margin", 100, 0.01),
        ("healthy-clustered", 100, 0.03),
        ("healthy-clustered", 1000, 0.03),
        ("latency-healthy", 100, 0.01),
    ],
)
def test_false_rollbacks_keep_their_promise(scenario: str, rps: float, promised: float) -> None:
    found = sequential(scenario, rps, 40 if scenario.startswith("latency") else 200)
    assert found["rollback_share_low"] <= promised


@pytest.mark.parametrize(("rps", "window"), [(100, 8), (1000, 1)])
def test_five_times_the_failures_are_found_in_time(rps: float, window: float) -> None:
    found = sequential("errors-5x", rps, 200)
    assert found["rollback_share_high"] >= 0.995
    assert found["rollback_share"] > 0.98
    assert found["median_window"] <= window


@pytest.mark.parametrize(("rps", "part"), [(100, 0.55), (1000, 0.2)])
def test_much_fewer_users_meet_a_fault_than_with_five_strikes(rps: float, part: float) -> None:
    """Half at 100 requests/s, on 3,000 runs; so few runs as here say that to a tenth of it."""
    found = cells("errors-5x", rps, 200, "sequential", "threshold-5")
    assert found["sequential"]["bad_requests"] <= part * found["threshold-5"]["bad_requests"]


def test_a_test_that_peeks_raises_far_more_alarms_than_it_says() -> None:
    assert cells("healthy", 100, 200, "peeking-z")["peeking-z"]["rollback_share_low"] > 0.05


def test_the_same_arguments_give_the_same_cells() -> None:
    first = judges.measure(BY_NAME["errors-3x"], rps=100, runs=20, seed=7)
    assert first == judges.measure(BY_NAME["errors-3x"], rps=100, runs=20, seed=7)
    assert first != judges.measure(BY_NAME["errors-3x"], rps=100, runs=20, seed=8)
    assert [set(each) for each in first] == [KEYS] * len(judges.JUDGES)
    assert [each["judge"] for each in first] == [
        "sequential",
        "threshold-1",
        "threshold-5",
        "peeking-z",
        "mann-whitney",
    ]


@pytest.mark.parametrize("scenario", [scenario for scenario in SCENARIOS if not scenario.slower], ids=lambda s: s.name)
def test_the_traffic_is_what_it_says(scenario: Scenario) -> None:
    (traffic,) = made(scenario, rps=100, runs=50, pods=20, seed=1)
    rates = [
        float(bad.sum() / requests.sum())
        for requests, bad in ((traffic.primary, traffic.primary_bad), (traffic.canary, traffic.canary_bad))
    ]
    assert traffic.canary[:, :10].sum() / (traffic.canary + traffic.primary)[:, :10].sum() == pytest.approx(
        0.05, rel=0.02
    )
    assert rates[0] == pytest.approx(0.002, rel=0.15)
    assert rates[1] == pytest.approx(0.002 * scenario.ratio, rel=0.15)
