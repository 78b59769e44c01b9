"""The metrics: Flagger's families, read the way Prometheus reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from delivery.observability.exporter import Exporter
from metrics.verdict import Outcome
from strategies.status import Check, Past, Phase, Result, Status

NOW = datetime(2030, 1, 1, tzinfo=UTC)
P = "progressive_delivery_"


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def read(exporter: Exporter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = exporter.render().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(exporter: Exporter, name: str, /, **labels: str) -> float | None:
    return read(exporter).get((P + name, frozenset(labels.items())))


def past(number: int, result: Result = Result.PROMOTED, minutes: int = 7) -> Past:
    return Past(
        id=f"run-{number}",
        revision="abc",
        started=NOW,
        ended=NOW + timedelta(minutes=minutes),
        result=result,
        reason="",
    )


def check(name: str, measured: float | None) -> Check:
    return Check(name=name, window=1, end=NOW, outcome=Outcome.PASS, value=measured)


def tell(exporter: Exporter, name: str = "reviews", target: str = "reviews", **fields: Any) -> None:
    exporter.observe_status("shop", name, target, Status(**fields))


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.PROGRESSING, 0),
        (Phase.FAILED, 2),
        (Phase.SUCCEEDED, 1),
        (Phase.WAITING, 1),
        (Phase.PROMOTING, 1),
        (Phase.NONE, 1),
    ],
)
def test_status_has_flaggers_three_values(exporter: Exporter, phase: Phase, expected: float) -> None:
    tell(exporter, phase=phase)
    assert value(exporter, "canary_status", name="reviews", namespace="shop") == expected


def test_the_phase_is_one_hot(exporter: Exporter) -> None:
    tell(exporter, phase=Phase.PROGRESSING)
    tell(exporter, phase=Phase.PROMOTING)
    phases = {
        dict(labels)["phase"]: is_it
        for (name, labels), is_it in read(exporter).items()
        if name == P + "canary_phase"
    }
    assert phases.pop("Promoting") == 1
    assert set(phases.values()) == {0}
    assert len(phases) == len(Phase) - 2


def test_weights_of_target_and_primary(exporter: Exporter) -> None:
    tell(exporter, phase=Phase.INITIALIZING)
    assert value(exporter, "canary_weight", workload="reviews-primary", namespace="shop") is None
    tell(exporter, phase=Phase.PROGRESSING, canary_weight=25)
    assert value(exporter, "canary_weight", workload="reviews", namespace="shop") == 25
    assert value(exporter, "canary_weight", workload="reviews-primary", namespace="shop") == 75


def test_values_of_metrics_come_and_go_with_the_checks(exporter: Exporter) -> None:
    labels = {"name": "reviews", "namespace": "shop"}
    tell(exporter, checks=(check("request-success-rate", 99.5), check("request-duration", None)))
    assert value(exporter, "canary_metric_analysis", metric="request-success-rate", **labels) == 99.5
    assert value(exporter, "canary_metric_analysis", metric="request-duration", **labels) is None
    tell(exporter, checks=(check("request-duration", 120.0),))
    assert value(exporter, "canary_metric_analysis", metric="request-success-rate", **labels) is None
    assert value(exporter, "canary_metric_analysis", metric="request-duration", **labels) == 120


def test_ended_runs_are_counted_once_and_old_ones_not_at_all(exporter: Exporter) -> None:
    ended = {
        "name": "reviews",
        "namespace": "shop",
        "deployment_strategy": "canary",
        "analysis_status": "completed",
    }
    tell(exporter, history=(past(1),))
    assert value(exporter, "canary_successes_total", **ended) is None
    for _ in range(3):
        tell(exporter, history=(past(1), past(2), past(3, Result.ROLLED_BACK)))
    tell(exporter, history=(past(2), past(3, Result.ROLLED_BACK), past(4, Result.CANCELLED)))
    assert value(exporter, "canary_successes_total", **ended) == 1
    assert value(exporter, "canary_failures_total", **ended) == 1
    duration = {"namespace": "shop", "result": "Promoted"}
    assert value(exporter, "rollout_duration_seconds_sum", **duration) == 420


def test_a_run_without_analysis_is_counted_as_skipped(exporter: Exporter) -> None:
    tell(exporter)
    exporter.observe_status("shop", "reviews", "reviews", Status(history=(past(1),)), skipped=True)
    labels = {"name": "reviews", "namespace": "shop", "deployment_strategy": "canary"}
    assert value(exporter, "canary_successes_total", analysis_status="skipped", **labels) == 1


def test_all_series_of_a_canary_go_with_it_and_no_others(exporter: Exporter) -> None:
    before = read(exporter)
    for name in ("reviews", "ratings"):
        tell(exporter, name, name, phase=Phase.PROGRESSING, checks=(check("request-duration", 1.0),))
        tell(exporter, name, name, phase=Phase.SUCCEEDED, history=(past(1),))
        exporter.observe_tick("shop", name, 0.01)
    assert value(exporter, "canary_total", namespace="shop") == 2
    exporter.remove("shop", "reviews")
    exporter.remove("shop", "reviews")
    left = read(exporter)
    assert not [labels for _, labels in left if any("reviews" in text for _, text in labels)]
    assert value(exporter, "canary_total", namespace="shop") == 1
    assert value(exporter, "canary_status", name="ratings", namespace="shop") == 1
    exporter.remove("shop", "ratings")
    rollouts = {key for key in read(exporter) if key[0].startswith(P + "rollout_duration")}
    assert set(read(exporter)) - rollouts == set(before)


def test_a_second_canary_on_one_target_does_not_overwrite_the_first(exporter: Exporter) -> None:
    tell(exporter, "reviews", phase=Phase.PROGRESSING)
    tell(exporter, "copycat", "reviews", phase=Phase.FAILED)
    assert value(exporter, "canary_status", name="reviews", namespace="shop") == 0
    exporter.remove("shop", "copycat")
    assert value(exporter, "canary_status", name="reviews", namespace="shop") == 0


def test_a_canary_that_turns_to_another_target_takes_its_series_along(exporter: Exporter) -> None:
    tell(exporter, "reviews", "reviews", phase=Phase.PROGRESSING)
    tell(exporter, "reviews", "ratings", phase=Phase.PROGRESSING)
    assert value(exporter, "canary_status", name="reviews", namespace="shop") is None
    assert value(exporter, "canary_status", name="ratings", namespace="shop") == 0
    assert value(exporter, "canary_total", namespace="shop") == 1


def test_requests_queue_leader_and_restarts(exporter: Exporter) -> None:
    depth = [3.0]
    exporter.watch_queue(depth=lambda: depth[0], oldest_seconds=lambda: 1.5)
    exporter.watch_restarts("doorbell", lambda: 2.0)
    exporter.count_request("patch", "VirtualService", "conflict")
    assert value(exporter, "api_requests_total", verb="patch", kind="VirtualService", outcome="conflict") == 1
    assert value(exporter, "leader") == 0
    exporter.set_leader(True)
    assert value(exporter, "leader") == 1
    assert value(exporter, "queue_depth") == 3
    depth[0] = 0
    assert value(exporter, "queue_depth") == 0
    assert value(exporter, "queue_oldest_seconds") == 1.5
    assert value(exporter, "doorbell_restarts") == 2


def test_two_exporters_in_one_process_share_nothing() -> None:
    first, second = Exporter(), Exporter()
    tell(first, phase=Phase.PROGRESSING)
    assert value(second, "canary_status", name="reviews", namespace="shop") is None
    assert b'mesh_provider="istio"' in second.render()
