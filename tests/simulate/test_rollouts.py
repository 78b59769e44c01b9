"""A simulated rollout ends as the controller's own state machine would end it."""

from pathlib import Path
from typing import Any

import pytest

from delivery.simulate.reading import Policy, UnusableError, check_together
from delivery.simulate.rollout import NoRestError, Trace, rest, roll_out
from tests.simulate.scenes import calm, played, policy, releases

COMPARED = {"name": "request-success-rate", "interval": "30s", "compareWithPrimary": {}}
HALF_MINUTES = {"interval": "5m", "checkIntervalSeconds": 30}
SLOWNESS = {**COMPARED, "name": "request-duration", "thresholdRange": {"max": 60000}}


def test_a_healthy_release_goes_through_all_steps_and_is_promoted(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path)
    outcome, trace = played(policy(tmp_path), calm(scenario))

    assert (outcome.result, outcome.reason, outcome.hit) == ("promoted", "Promoted", 0)
    assert [weight for _, weight in trace.weights] == [5, 25, 50, 0]
    # Three steps of settle, a minute and a scrape; before them pods and what proxies need to know them.
    starts = [at for at, _ in trace.weights]
    assert starts[0] == pytest.approx(31)
    assert [starts[1] - starts[0], starts[2] - starts[1]] == pytest.approx([85, 85])
    assert outcome.held_seconds == 0


def test_a_release_that_fails_is_rolled_back_at_the_threshold(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, {"name": "bad", "fault": {"errorPercent": 30}})
    outcome, trace = played(policy(tmp_path), calm(scenario))

    assert (outcome.result, outcome.reason, outcome.weight) == ("rolled_back", "CheckFailed", 5)
    assert [weight for _, weight in trace.weights] == [5, 0]
    assert [said for _, name, said, _ in trace.verdicts if name == "request-success-rate"] == ["fail", "fail"]
    # 5 requests a second for two windows, their settling and scrape, and until proxies know of the way back.
    assert outcome.users == pytest.approx(5 * 147, rel=0.15)
    assert outcome.hit == pytest.approx(0.3 * outcome.users, rel=0.2)
    assert outcome.held_seconds == pytest.approx(60)


@pytest.mark.parametrize(
    ("fault", "reached"),
    [
        ({"errorPercent": 30, "aboveWeight": 30}, 50),
        ({"errorPercent": 30, "startsAfterSeconds": 120}, 25),
        ({"errorRatio": 100}, 5),
    ],
)
def test_a_fault_shows_when_it_begins(tmp_path: Path, fault: dict[str, Any], reached: int) -> None:
    [scenario] = releases(tmp_path, {"name": "bad", "fault": fault}, errors={"percent": 0.3})
    outcome, _ = played(policy(tmp_path), scenario)

    assert outcome.result == "rolled_back"
    assert outcome.weight == reached
    assert outcome.hit > 0


def test_a_slow_version_is_found_by_its_99th_percentile(tmp_path: Path) -> None:
    duration = {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": 500}}
    given = policy(tmp_path, analysis={"metrics": [duration]})
    healthy, slow = releases(
        tmp_path, {"name": "healthy"}, {"name": "slow", "fault": {"slow": {"percent": 5, "factor": 50}}}
    )

    assert played(given, healthy)[0].result == "promoted"
    outcome, trace = played(given, slow)
    assert outcome.result == "rolled_back"
    assert outcome.hit == pytest.approx(0.05 * outcome.users, rel=0.5)
    assert any("request-duration" in message and "above" in message for *_, message in trace.verdicts)


def test_a_version_that_nobody_reaches_is_named_unreachable(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, {"name": "deaf", "fault": {"noTraffic": True}})
    outcome, _ = played(policy(tmp_path), calm(scenario))

    assert (outcome.result, outcome.reason) == ("rolled_back", "CanaryUnreachable")
    assert outcome.hit == outcome.users > 0


def test_without_prometheus_the_rollout_is_held_and_then_goes_on(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, prometheus={"away": [{"fromSeconds": 60, "toSeconds": 1860}]})
    outcome, trace = played(policy(tmp_path), calm(scenario))

    assert outcome.result == "promoted"
    assert outcome.held_seconds == pytest.approx(1800, abs=120)
    assert {said for at, _, said, _ in trace.verdicts if at < 1800} == {"error"}


def test_without_requests_a_rollout_is_held_until_the_time_limit(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, requests={"perSecond": 0})
    outcome, _ = played(policy(tmp_path), calm(scenario), hours=2)

    assert (outcome.result, outcome.reason, outcome.weight) == ("undecided", "NoData", 5)
    assert outcome.seconds == 7200
    assert outcome.held_seconds > 6000


def test_pods_that_take_too_long_are_given_up_at_the_deadline(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, {"name": "stuck", "healthy": False})
    outcome, trace = played(policy(tmp_path, progressDeadlineSeconds=300), calm(scenario, start_up=900.0))

    # The primary, made by the same policy before, has no deadline; the canary has one.
    assert (outcome.result, outcome.reason) == ("rolled_back", "ProgressDeadlineExceeded")
    assert trace.weights == []


def test_an_autoscaled_canary_gets_its_pods_before_its_share(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, pods={"primary": 10, "canary": 1, "startUpSeconds": 60})
    outcome, trace = played(policy(tmp_path), calm(scenario))

    assert outcome.result == "promoted"
    assert outcome.held_seconds == 0  # the pods for a share are brought while the one before it is judged
    assert [weight for _, weight in trace.weights] == [5, 25, 50, 0]


def test_mirrored_requests_are_measured_and_hit_nobody(tmp_path: Path) -> None:
    given = policy(tmp_path, analysis={"mirror": True, "mirrorWeight": 50, "stepWeights": [50]})
    [scenario] = releases(tmp_path, {"name": "bad", "fault": {"errorPercent": 50}})
    outcome, _ = played(given, calm(scenario))

    assert outcome.result == "rolled_back"
    assert (outcome.users, outcome.hit) == (0, 0)


def test_new_pods_that_warm_up_look_worse_for_a_while(tmp_path: Path) -> None:
    warm_up = {"seconds": 120, "errorPercent": 20}
    [scenario] = releases(tmp_path, {"name": "cold"}, pods={"startUpSeconds": 20, "warmUp": warm_up})
    outcome, trace = played(policy(tmp_path, analysis={"threshold": 5}), calm(scenario))

    said = [outcome for _, name, outcome, _ in trace.verdicts if name == "request-success-rate"]
    assert outcome.result == "promoted"
    assert said[:2] == ["fail", "fail"]
    assert set(said[3:]) == {"pass"}


def test_a_metric_of_one_s_own_has_the_values_that_the_file_says(tmp_path: Path) -> None:
    own = {"name": "queue", "interval": "1m", "query": "sum(queue)", "thresholdRange": {"max": 10}}
    given = policy(tmp_path, analysis={"metrics": [own]})
    healthy, bad = releases(
        tmp_path,
        {"name": "healthy"},
        {"name": "bad", "fault": {"metrics": {"queue": {"mean": 30}}}},
        metrics={"queue": {"mean": 3, "deviation": 1}},
    )

    assert played(given, healthy)[0].result == "promoted"
    assert played(given, bad)[0].reason == "CheckFailed"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"analysis": {"iterations": 4, "match": [{"headers": {"x-user": {"exact": "a"}}}]}},
        {"analysis": {"stepWeight": 20, "maxWeight": 60, "stepWeightPromotion": 20}},
        {"analysis": {"mirror": True, "stepWeights": [20, 50]}},
        {"promotion": {"bakeSeconds": 180}},
        {"skipAnalysis": True},
        {"analysis": {"interval": "3m", "checkIntervalSeconds": 30, "metrics": [COMPARED, SLOWNESS]}},
        {"targetRef": {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "reviews"}},
        {"analysis": {"canaryReadyThreshold": 50, "primaryReadyThreshold": 70, "stepWeights": [10, 60]}},
        {"analysis": {"interval": "30s", "iterations": 30, "match": [{"headers": {"x-user": {"exact": "a"}}}]}},
        {"analysis": {"interval": "5m", "checkIntervalSeconds": 30, "stepWeights": [1, 50], "maxDurationSeconds": 400}},
        {
            "analysis": {
                "interval": "4m",
                "checkIntervalSeconds": 30,
                "onInconclusive": "rollback",
                "metrics": [COMPARED],
            }
        },
    ],
    ids=[
        *("weights", "a-b", "steps-back", "mirror", "bake", "skip", "comparison", "daemonset"),
        *("some-pods", "many-windows", "too-long", "undecided"),
    ],
)
def test_looking_again_after_every_change_makes_no_difference(tmp_path: Path, changes: dict[str, Any]) -> None:
    given = policy(tmp_path, **changes)
    scenarios = releases(
        tmp_path,
        {"name": "healthy"},
        {"name": "bad", "fault": {"errorPercent": 1.2}},
        requests={"perSecond": 40, "dailySwingPercent": 80, "matchPercent": 10},
        errors={"percent": 0.5, "clustering": 0.01},
        prometheus={"away": [{"fromSeconds": 200, "toSeconds": 290}]},
    )
    for scenario in scenarios:
        start = rest(given, scenario)
        for number in range(8):
            seed = f"thorough {number}"
            seen, looked = Trace(), Trace()
            quick = roll_out(given, scenario, start, seed=seed, trace=seen)
            assert quick == roll_out(given, scenario, start, seed=seed, trace=looked, thorough=True)
            assert seen.weights == looked.weights
            assert dict.fromkeys(seen.verdicts) == dict.fromkeys(looked.verdicts)
            assert quick == roll_out(given, scenario, start, seed=seed)


def test_a_policy_that_never_comes_to_rest_is_refused(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path, pods={"startUpSeconds": 604800})

    with pytest.raises(NoRestError, match=r"canary.yaml: PrimaryNotReady: 0 of 4 pods"):
        rest(policy(tmp_path), scenario)


def compared(folder: Path, metric: dict[str, Any], **changes: Any) -> Policy:
    """Four steps of ten windows, in which a metric is held against the primary."""
    analysis = {"interval": "5m", "checkIntervalSeconds": 30, "stepWeights": [5, 10, 25, 50], "metrics": [metric]}
    return policy(folder, analysis={**analysis, **changes})


def test_a_release_that_fails_more_than_its_primary_is_taken_back_with_the_evidence(tmp_path: Path) -> None:
    given = compared(tmp_path, COMPARED)
    healthy, worse = releases(
        tmp_path, {"name": "healthy"}, {"name": "worse", "fault": {"errorRatio": 5}}, errors={"percent": 0.2}
    )
    for scenario, ends in ((healthy, "promoted"), (worse, "rolled_back")):
        start = rest(given, scenario)
        results = [roll_out(given, scenario, start, seed=f"compared {number}") for number in range(12)]
        assert [each.result for each in results] == [ends] * 12

    # No limit is broken: 99 of 100 requests succeed, as the primary would be allowed to.
    _, trace = played(given, worse)
    failed = [message for _, name, said, message in trace.verdicts if said == "fail" and name == "request-success-rate"]
    assert len(failed) == 1
    assert "on the primary" in failed[0]


def test_a_release_whose_tail_is_slower_than_its_primary_s_is_taken_back(tmp_path: Path) -> None:
    given = compared(tmp_path, SLOWNESS, stepWeights=[50])
    healthy, slower = releases(
        tmp_path, {"name": "healthy"}, {"name": "slower", "fault": {"slow": {"percent": 5, "factor": 20}}}
    )

    assert played(given, healthy)[0].result == "promoted"
    outcome, trace = played(given, slower)
    assert (outcome.result, outcome.reason) == ("rolled_back", "CheckFailed")
    assert any("on the primary" in message for _, _, said, message in trace.verdicts if said == "fail")


def test_pods_with_little_to_do_are_judged_by_limits_alone_and_hold_nothing_for_ever(tmp_path: Path) -> None:
    [scenario] = releases(tmp_path)
    outcome, trace = played(compared(tmp_path, SLOWNESS, stepWeights=[5]), scenario)

    assert outcome.result == "promoted"
    assert any("which may cause a difference" in message for *_, message in trace.verdicts)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="compareWithPrimary"):
        check_together(compared(tmp_path, {**COMPARED, "name": "request-count"}), releases(tmp_path))
