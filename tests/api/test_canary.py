"""What a user may write in a Canary, what it means, and what is said when it is wrong."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin

import jsonschema
import pytest
from pydantic import BaseModel

from delivery.api import crd
from delivery.api.canary import Canary, CanarySpec
from delivery.api.parse import InvalidSpec, parse_alert_provider, parse_canary, parse_metric_template
from tests.api.everything import EVERYTHING


def test_ten_lines_are_enough(canary: Any) -> None:
    spec = parse_canary(canary()).spec

    assert (spec.analysis.interval, spec.analysis.threshold) == ("60s", 5)
    assert spec.analysis.step_weights == (5, 10, 25, 50)
    assert [(metric.name, metric.limits()) for metric in spec.analysis.metrics] == [
        ("request-success-rate", (99, None))
    ]
    assert (spec.service.port, spec.service.port_name, spec.progress_deadline_seconds) == (9080, "http", 600)
    assert (spec.traffic.settle_seconds, spec.traffic.drain_seconds, spec.traffic.drain_max_seconds) == (10, 30, 300)
    assert spec.traffic.capacity_check is True


def test_only_what_is_absent_is_filled_in(canary: Any) -> None:
    given = {"interval": "5s", "threshold": 2, "metrics": [{"name": "request-duration"}]}

    analysis = parse_canary(canary(analysis=given)).spec.analysis

    assert (analysis.interval, analysis.threshold, analysis.step_weights) == ("5s", 2, (5, 10, 25, 50))
    assert [metric.name for metric in analysis.metrics] == ["request-duration"]


def test_no_metrics_at_all_can_be_asked_for(canary: Any) -> None:
    assert parse_canary(canary(analysis={"metrics": []})).spec.analysis.metrics == ()


@pytest.mark.parametrize("strategy", [{"stepWeight": 20}, {"stepWeights": [1, 100]}, {"iterations": 3}])
def test_with_a_strategy_nothing_is_invented_and_one_failed_check_is_enough(canary: Any, strategy: Any) -> None:
    analysis = parse_canary(canary(analysis=strategy)).spec.analysis

    assert (analysis.threshold, analysis.metrics) == (1, ())
    assert analysis.step_weights == tuple(strategy.get("stepWeights", ()))


@pytest.mark.parametrize("threshold", [0, -4])
def test_a_threshold_of_nothing_is_one(canary: Any, threshold: int) -> None:
    assert parse_canary(canary(analysis={"threshold": threshold})).spec.analysis.threshold == 1


def test_null_is_the_same_as_absent(canary: Any) -> None:
    body = canary(provider=None, analysis={"stepWeights": None, "metrics": None, "match": None})

    assert parse_canary(body) == parse_canary(canary())


def test_every_field_is_read_under_its_name_and_nothing_is_lost(canary: Any) -> None:
    body = canary(**EVERYTHING)

    read = parse_canary(body).spec.as_json()

    assert read == EVERYTHING
    jsonschema.validate(body, crd.object_schema(crd.RESOURCES[0]))


def test_the_example_of_every_field_leaves_none_out() -> None:
    assert sorted(_absent(CanarySpec, EVERYTHING, "spec")) == [
        # of metrics whose requests are counted, which have no query
        "spec.analysis.metrics.compareWithPrimary",
        "spec.analysis.metrics.grpcFailureStatuses",
        "spec.analysis.metrics.minSamples",
        # a template says what is asked
        "spec.analysis.metrics.query",
        # an authority is given instead
        "spec.analysis.webhooks.disableTLS",
        # routes and subsets of the user leave no room for what a managed route needs
        "spec.routeRefs",
        # at most one of these can be given
        "spec.service.trafficPolicy.loadBalancer.consistentHash.httpHeaderName",
        "spec.service.trafficPolicy.loadBalancer.consistentHash.httpQueryParameterName",
        "spec.service.trafficPolicy.loadBalancer.consistentHash.useSourceIp",
        "spec.service.trafficPolicy.loadBalancer.simple",
        "spec.subsetRef",
    ]


def _absent(model: type[BaseModel], given: Any, path: str) -> Any:
    """The fields of `model`, at any depth, that `given` has no value for. Ways to compare a text are not counted."""
    for field in model.model_fields.values():
        where = f"{path}.{field.alias}"
        if field.alias in ("exact", "prefix", "regex") or ".portLevelSettings." in where:
            continue
        if field.alias not in given:
            yield where
            continue
        value = given[field.alias]
        for inner in _models(field.annotation):
            for each in value if isinstance(value, list) else [value]:
                yield from _absent(inner, each, where)


def _models(annotation: Any) -> Any:
    """The models in an annotation, except those that a map's values have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    if get_origin(annotation) is not Mapping:
        for argument in get_args(annotation):
            yield from _models(argument)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"apiVersion": "flagger.app/v1beta1"},
            'apiVersion: given "flagger.app/v1beta1", allowed progressive.delivery',
        ),
        ({"kind": "Rollout"}, 'kind: given "Rollout", allowed Canary'),
        ({"metadata": {}}, "metadata.name: given nothing, allowed a value"),
        ({"spec": {}}, "spec.targetRef: given nothing, allowed an object with apiVersion, kind, name"),
    ],
)
def test_other_objects_are_not_taken_for_a_canary(canary: Any, body: Any, says: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary({**canary(), **body})

    assert says in str(caught.value)


def test_the_servers_own_metadata_is_no_error(canary: Any) -> None:
    body = canary()
    body["metadata"] |= {
        "uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-02T03:04:05Z", "selfLink": "/x",
        "managedFields": [{"manager": "kubectl"}], "finalizers": ["f"], "labels": {"a": "b"},
    }  # fmt: skip
    body["status"] = {"phase": "Initialized"}

    metadata = parse_canary(body).metadata

    assert (metadata.uid, metadata.resource_version, metadata.generation) == ("u", "7", 3)
    assert metadata.creation_timestamp is not None
    assert metadata.creation_timestamp.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (metadata.finalizers, metadata.labels, metadata.deletion_timestamp) == (("f",), {"a": "b"}, None)


def test_the_apex_is_named_after_the_service_else_after_the_target(canary: Any) -> None:
    def apex(service: Any) -> str:
        return parse_canary(canary(service=service)).apex

    assert (apex({"port": 80}), apex({"port": 80, "name": "front"})) == ("reviews", "front")


def test_nothing_of_a_canary_can_be_changed(canary: Any) -> None:
    read: Canary = parse_canary(canary())

    with pytest.raises(ValueError, match="frozen"):
        read.spec.service.port = 81  # type: ignore[misc]


def test_a_metric_template_is_read_and_a_wrong_one_named() -> None:
    body = {"metadata": {"name": "errors"}, "spec": {"provider": {"type": "prometheus"}, "query": "up"}}

    assert parse_metric_template(body).spec.provider.type == "prometheus"
    with pytest.raises(InvalidSpec, match=r'spec\.provider\.type: given "promtheus", allowed prometheus, influxdb'):
        parse_metric_template({**body, "spec": {"provider": {"type": "promtheus"}, "query": "up"}})


def test_an_alert_provider_needs_exactly_one_address() -> None:
    def provider(**spec: Any) -> Any:
        return {"metadata": {"name": "us"}, "spec": {"type": "slack", **spec}}

    assert parse_alert_provider(provider(address="https://hooks.example.com")).spec.channel == "general"
    assert parse_alert_provider(provider(secretRef={"name": "s"})).spec.secret_ref is not None
    for wrong, given in ({}, "neither"), ({"address": "https://x", "secretRef": {"name": "s"}}, "both"):
        with pytest.raises(InvalidSpec, match=f"spec: given {given}, allowed exactly one of address, secretRef"):
            parse_alert_provider(provider(**wrong))  # type: ignore[arg-type]
