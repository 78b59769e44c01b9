"""A Canary made invalid in the middle of a run: what can be read goes on being read, and nothing gets stricter."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.salvage import salvage_canary


def salvaged(body: Any) -> Any:
    with pytest.raises(InvalidSpec):
        parse_canary(body)
    return salvage_canary(body)


def test_a_valid_canary_is_read_as_ever(canary: Any) -> None:
    assert salvage_canary(canary()) == parse_canary(canary())


def test_only_the_wrong_piece_is_left_out(canary: Any) -> None:
    body = canary(paused=True, analysis={"stepWeight": 20, "interval": "soon", "threshold": 4, "metrics": []})

    spec = salvaged(body).spec

    assert (spec.analysis.step_weight, spec.analysis.threshold, spec.paused) == (20, 4, True)
    assert spec.analysis.interval == "60s"


def test_a_wrong_weight_takes_all_weights_along_but_invents_no_metric(canary: Any) -> None:
    analysis = salvaged(canary(analysis={"stepWeights": [5, 10, 150], "threshold": 7})).spec.analysis

    assert analysis.step_weights == (5, 10, 25, 50)
    assert (analysis.threshold, analysis.metrics) == (7, ())


def test_a_metric_with_an_unreadable_limit_is_no_metric(canary: Any) -> None:
    metrics = [
        {"name": "request-duration", "thresholdRange": {"max": "fast"}},
        {"name": "request-success-rate", "thresholdRange": {"min": 98}},
        {"name": "errors"},
    ]

    analysis = salvaged(canary(analysis={"stepWeight": 5, "metrics": metrics})).spec.analysis

    assert [(metric.name, metric.limits()) for metric in analysis.metrics] == [("request-success-rate", (98, None))]


@pytest.mark.parametrize("analysis", ["all of it", {"threshold": "many"}])
def test_a_threshold_that_cannot_be_read_fails_nobody(canary: Any, analysis: Any) -> None:
    assert salvaged(canary(analysis=analysis)).spec.analysis.threshold > 1_000_000


def test_a_missing_analysis_is_an_empty_one_without_metrics(canary: Any) -> None:
    body = canary()
    del body["spec"]["analysis"]

    assert salvaged(body).spec.analysis.metrics == ()


def test_rules_across_fields_cost_the_fields_that_break_them(canary: Any) -> None:
    body = canary(
        analysis={"stepWeight": 5, "iterations": 3, "mirror": True},
        service={"port": 80, "appProtocol": "tcp", "delegation": True, "hosts": ["a"]},
        traffic={"drainSeconds": 500},
    )

    spec = salvaged(body).spec

    assert (spec.analysis.step_weight, spec.analysis.iterations, spec.analysis.mirror) == (0, 0, False)
    assert (spec.service.app_protocol, spec.service.delegation, spec.service.hosts) == ("tcp", False, ("a",))
    assert spec.traffic.drain_seconds == 30


@pytest.mark.parametrize(
    "spec",
    [
        {"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a"}},
        {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment"}},
        {"targetRef": "reviews"},
        {"service": {"port": 70000}},
        {"service": {}},
        {"service": None},
    ],
)
def test_without_target_or_port_nothing_can_be_read(canary: Any, spec: Any) -> None:
    assert salvaged(canary(**spec)) is None


@pytest.mark.parametrize("body", [{}, {"spec": []}, {"metadata": {"name": "a"}, "spec": None}, []])
def test_what_is_no_canary_at_all_is_none(body: Any) -> None:
    assert salvaged(body) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.sampled_from(["", "5s", "istio", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "metrics", "stepWeights", "match", "headers", "uri", "exact", "mirror", "hosts", "threshold"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(analysis=_json, service=_json, traffic=_json, provider=_json)
def test_whatever_is_edited_the_target_stays_readable(analysis: Any, service: Any, traffic: Any, provider: Any) -> None:
    body = {
        "metadata": {"name": "reviews"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "service": {**(service if isinstance(service, dict) else {"hosts": service}), "port": 80},
            "analysis": analysis,
            "traffic": traffic,
            "provider": provider,
        },
    }

    read = salvage_canary(body)

    assert read is not None
    assert (read.spec.target_ref.name, read.spec.service.port) == ("reviews", 80)
