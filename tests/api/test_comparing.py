"""Where a canary may be compared with its primary, and what is said where it may not."""

from typing import Any

import pytest

from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import metric_specs, rollout_spec
from metrics.judges.settings import CompareWithPrimary

COMPARED = {"name": "request-success-rate", "compareWithPrimary": {}}
LATENCY = {"name": "request-duration", "compareWithPrimary": {}}
TEMPLATE = {"name": "request-success-rate", "templateRef": {"name": "errors"}}
OWN_RATE = {"name": "request-success-rate", "query": "up"}
MATCH = [{"headers": {"x": {"exact": "1"}}}]


def refused(body: Any, **options: Any) -> str:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary(body, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        ({"match": MATCH}, "users who match are other users than the rest"),
        ({"match": MATCH, "iterations": 5}, "users who match are other users than the rest"),
        ({"testerMatch": MATCH}, "testers reach the canary whatever its weight is"),
        ({"sessionAffinity": {"cookieName": "c"}}, "users stay with the version that they met first"),
        ({"mirror": True}, "copies are no requests of users"),
        ({"iterations": 5}, "the canary gets nobody, all matching users, or everybody"),
    ],
)
def test_where_users_are_not_assigned_by_chance_a_comparison_is_refused(canary: Any, analysis: Any, why: str) -> None:
    strategy = {} if "iterations" in analysis else {"stepWeight": 10}

    said = refused(canary(analysis={**strategy, **analysis, "metrics": [COMPARED]}))

    assert "spec.analysis.metrics" in said
    assert why in said
    assert "thresholdRange" in said


def test_without_a_mesh_nothing_can_be_compared(canary: Any) -> None:
    analysis = {"metrics": [COMPARED]}

    assert "all users are moved at once" in refused(canary(provider="kubernetes", analysis=analysis))
    assert "all users are moved at once" in refused(canary(analysis=analysis), provider="kubernetes")


@pytest.mark.parametrize("metric", [{"name": "mine", "query": "up"}, {"name": "request-count"}, OWN_RATE])
@pytest.mark.parametrize("field", [{"compareWithPrimary": {}}, {"minSamples": 10}])
def test_what_is_no_share_of_counted_requests_is_refused(canary: Any, metric: Any, field: Any) -> None:
    said = refused(canary(analysis={"metrics": [{**metric, **field}]}))

    assert f"metrics[0].{next(iter(field))}" in said
    assert "request-success-rate or request-duration without query, or a MetricTemplate with counters" in said


def test_a_template_may_be_compared_and_have_its_part_of_the_false_alarms(canary: Any) -> None:
    template = {**TEMPLATE, "name": "orders", "compareWithPrimary": {}, "minSamples": 10}

    builtin, own = metric_specs(parse_canary(canary(analysis={"metrics": [COMPARED, template]})))

    assert builtin.compare == own.compare == CompareWithPrimary().part(2)
    assert (own.min_samples, own.template) == (10, "bookinfo/errors")


@pytest.mark.parametrize(
    "settings", [{"maxIncreasePercent": -1}, {"falseAlarmPercent": 0}, {"falseAlarmPercent": 51}, {"margin": 1}]
)
def test_settings_out_of_range_are_refused(canary: Any, settings: Any) -> None:
    metric = {"name": "request-success-rate", "compareWithPrimary": settings}

    assert f"compareWithPrimary.{next(iter(settings))}" in refused(canary(analysis={"metrics": [metric]}))


def test_a_comparison_has_its_part_of_the_runs_false_alarms(canary: Any) -> None:
    given = {**COMPARED, "compareWithPrimary": {"maxIncreasePercent": 50.0, "ignoreBelowPercent": 0.5}}
    shown = {**LATENCY, "dryRun": True}
    alone, both, dry = (
        parse_canary(canary(analysis={"metrics": metrics})) for metrics in ([given], [given, LATENCY], [given, shown])
    )

    settings = CompareWithPrimary(max_increase_percent=50.0, ignore_below_percent=0.5)
    assert metric_specs(alone)[0].compare == metric_specs(dry)[0].compare == settings
    assert metric_specs(both)[0].compare == settings.part(2)
    [check] = rollout_spec(alone, scrape_interval_seconds=15.0).checks
    assert check.judge == "compare 50/1/0.5"


def test_a_compared_metric_needs_no_limit_and_keeps_the_one_it_has(canary: Any) -> None:
    limited = {**LATENCY, "thresholdRange": {"max": 500}}
    bare, kept = (parse_canary(canary(analysis={"metrics": [metric]})) for metric in (LATENCY, limited))

    assert metric_specs(bare)[0].maximum is None
    assert metric_specs(kept)[0].maximum == 500
