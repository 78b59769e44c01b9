"""Runs decided by the rules of their metrics, told with the unmodified controller: proxies are late, processes die in
the middle, and no user meets a role without a ready pod.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Evidence, Outcome, Verdict
from tests.simulation import bookinfo
from tests.simulation.scenes import events, initialised, recovers, served, version
from tests.simulation.simulation import Simulation

Answer = Callable[[Window], Verdict | None]
BAD = Verdict(Outcome.FAIL, value=90.0, message="90 % is below the minimum of 99 %")
NUMBERS = Evidence(canary_requests=1204, canary_bad=57, primary_requests=4790, primary_bad=11)


@pytest.fixture(params=[41, 42])
def sim(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    with Simulation(request.param) as world:
        yield world


def metric(**rules: Any) -> dict[str, Any]:
    return {**bookinfo.SUCCESS_RATE, **rules}


def answering(sim: Simulation, answer: Answer, name: str = "request-success-rate") -> list[Window]:
    """From now on a metric is answered so, or as ever where that says nothing; the windows that are asked about."""
    usual, windows = sim.analyst.metric, []

    async def judged(spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        said = await usual(spec, subject, window, server=server)
        if spec.name != name:
            return said
        windows.append(window)
        return answer(window) or said

    sim.analyst.metric = judged  # type: ignore[method-assign]
    return windows


def first(count: int, verdict: Verdict = BAD) -> Answer:
    """The first so many windows turn out so; asked again after a crash, they do again."""
    seen: list[Any] = []

    def answer(window: Window) -> Verdict | None:
        if window.end not in seen:
            seen.append(window.end)
        return verdict if seen.index(window.end) < count else None

    return answer


def release(sim: Simulation, *metrics: dict[str, Any], version: str = "v2", quality: str = "good", **analysis: Any):
    """A run of another version, whose controllers are killed again and again."""
    initialised(sim, metrics=list(metrics), **analysis)
    sim.release(version, quality=quality)

    def strike() -> None:
        for name in sim.alive:
            sim.kill(name)
        sim.loop.call_later(sim.rng.uniform(20.0, 60.0), strike, context=sim.loop.world)

    sim.loop.call_later(sim.rng.uniform(5.0, 30.0), strike, context=sim.loop.world)


def fails(sim: Simulation, reason: str, seconds: float = 600.0) -> str:
    """The run is rolled back for that reason and users are served; what is told of it."""
    sim.until_phase("Failed", seconds=seconds)
    assert version(sim) == "v1"
    assert sim.status.history[-1].reason == reason
    sim.until(lambda: bool(events(sim, "RolledBack")), seconds=120, what="the Event")
    served(sim)
    return events(sim, "RolledBack")[-1]


def test_a_version_that_is_bad_while_its_pods_are_young_is_promoted(sim: Simulation) -> None:
    windows = answering(sim, lambda window: None)
    release(sim, metric(warmupSeconds=120))
    released = sim.clock.now()
    recovers(sim)

    assert min(window.start for window in windows) >= released + timedelta(seconds=120)


def test_a_metric_may_fail_as_often_as_its_limit_says(sim: Simulation) -> None:
    answering(sim, first(2))
    release(sim, metric(failureLimit=2), threshold=1)
    recovers(sim)


def test_one_failed_window_more_than_the_limit_rolls_back(sim: Simulation) -> None:
    release(sim, metric(failureLimit=2), threshold=1, quality="bad")

    assert "3 failed windows of request-success-rate, 2 allowed" in fails(sim, "CheckFailed")


def test_failures_in_a_row_roll_back(sim: Simulation) -> None:
    release(sim, metric(consecutiveFailures=3), threshold=1, quality="bad")

    assert "3 of 3 in a row" in fails(sim, "CheckFailed")


def test_errors_roll_back_where_that_is_asked_for(sim: Simulation) -> None:
    answering(sim, lambda window: Verdict(Outcome.ERROR, message="Prometheus is away"))
    release(sim, metric(errorLimit=2))

    assert "3 windows in a row, 2 allowed" in fails(sim, "MetricsUnavailable")


@pytest.mark.parametrize("policy", ["proceed", "rollback"])
def test_without_data_the_policy_decides(sim: Simulation, policy: str) -> None:
    release(sim, metric(onNoData=policy), quality="good")
    sim.analyst.quiet = True
    if policy == "proceed":
        recovers(sim)
    else:
        assert "nothing was measured" in fails(sim, "NoData")


def test_a_dry_run_that_fails_is_told_and_the_version_promoted(sim: Simulation) -> None:
    shown = {"name": "request-duration", "interval": "10s", "warmupSeconds": 0, "dryRun": True}
    answering(sim, lambda window: BAD, name="request-duration")
    release(sim, metric(), shown, threshold=1)
    recovers(sim)

    assert events(sim, "DryRunFailed")


def few(window: Window) -> Verdict | None:
    """Only in 25 seconds together are there enough requests to tell."""
    if window.seconds >= 25:
        return None
    evidence = Evidence(canary_requests=12, canary_bad=0)
    return Verdict(Outcome.INCONCLUSIVE, message="12 requests are too few to tell", evidence=evidence)


@pytest.mark.parametrize("quality", ["good", "bad"])
def test_windows_with_too_few_requests_are_judged_together(sim: Simulation, quality: str) -> None:
    windows = answering(sim, few)
    release(sim, metric(minSamples=50), threshold=1, quality=quality)
    if quality == "good":
        recovers(sim)
    else:
        fails(sim, "CheckFailed")

    assert any(window.seconds >= 25 for window in windows)


def test_a_run_that_never_knows_enough_ends_by_its_longest_duration(sim: Simulation) -> None:
    answering(
        sim, lambda window: few(Window(start=window.start, end=window.start + timedelta(seconds=1), at=window.at))
    )
    release(sim, metric(), onInconclusive="hold", maxDurationSeconds=60)

    assert "maxDurationSeconds" in fails(sim, "MaxDurationExceeded")


def test_a_bad_version_leaves_before_its_step_ends(sim: Simulation) -> None:
    release(sim, metric(interval="5s"), interval="2m", checkIntervalSeconds=5, quality="bad")
    sim.until(lambda: sim.weight == 10, seconds=200, what="weight 10")
    stepped = sim.loop.time()
    fails(sim, "CheckFailed")

    assert sim.loop.time() - stepped < 120


def test_a_rollback_is_told_in_numbers(sim: Simulation) -> None:
    answering(sim, lambda window: Verdict(Outcome.FAIL, message=BAD.message, evidence=NUMBERS))
    release(sim, metric(), threshold=1)

    said = fails(sim, "CheckFailed")

    assert said.startswith(f"Rolled back at 10 %: {NUMBERS.sentence}; {BAD.message}")
    assert sim.status.checks[0].evidence == NUMBERS
    assert NUMBERS.sentence in sim.status.message
