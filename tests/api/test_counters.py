"""The counters of a MetricTemplate: what is taken, and what is refused with the field's name."""

import re
from itertools import combinations
from typing import Any

import pytest

from delivery.api import crd
from delivery.api.parse import InvalidSpec, parse_metric_template
from delivery.controller.application import validate
from metrics import counters

ORDERS, FAILED = 'orders_total{app="{{ workload }}"}', 'orders_failed_total{app="{{ workload }}"}'
BOTH = {"requests": ORDERS, "failures": FAILED}


def template(given: Any, query: str | None = None, **provider: Any) -> dict[str, Any]:
    spec = {"provider": {"type": "prometheus", **provider}, "counters": given}
    return {"metadata": {"name": "errors"}, "spec": spec if query is None else {**spec, "query": query}}


def refused(body: Any) -> str:
    with pytest.raises(InvalidSpec) as caught:
        parse_metric_template(body)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (BOTH, counters.Counters(requests=ORDERS, failures=FAILED)),
        (
            {"requests": ORDERS, "successes": FAILED, "podLabel": "kubernetes_pod", "noun": "orders"},
            counters.Counters(requests=ORDERS, successes=FAILED, pod_label="kubernetes_pod", noun="orders"),
        ),
        ({"buckets": ORDERS}, counters.Counters(buckets=ORDERS, bucket_ms=1000.0)),
        ({"buckets": ORDERS, "bucketUnit": "milliseconds"}, counters.Counters(buckets=ORDERS, bucket_ms=1.0)),
    ],
)
@pytest.mark.parametrize("query", [None, "up"])
def test_counters_stand_beside_a_query_or_alone(given: Any, value: counters.Counters, query: str | None) -> None:
    spec = parse_metric_template(template(given, query)).spec

    assert spec.counters is not None
    assert (spec.counters.value, spec.query) == (value, query)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "spec.counters: given none, allowed requests with one of failures and successes, or buckets alone"),
        ({"requests": ORDERS}, "spec.counters: given requests, allowed requests with one of"),
        ({**BOTH, "buckets": ORDERS}, "spec.counters: given requests and failures and buckets, allowed"),
        ({**BOTH, "successes": ORDERS}, "spec.counters: given requests and failures and successes, allowed"),
        ({**BOTH, "bucketUnit": "seconds"}, "spec.counters.bucketUnit: given a value without buckets"),
        ({**BOTH, "failures": f"rate({FAILED}[1m])"}, "spec.counters.failures: given 'rate("),
        ({**BOTH, "requests": "orders_total"}, "spec.counters.requests: given 'orders_total', which counts both"),
        ({"buckets": "a{app='{{ nobody }}'}"}, "spec.counters.buckets: given placeholder 'nobody' is not known"),
        ({**BOTH, "noun": "orders; ok"}, "spec.counters.noun"),
        ({**BOTH, "podLabel": "a-b"}, "spec.counters.podLabel"),
        ({**BOTH, "percent": "up"}, "spec.counters.percent"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(given: Any, says: str) -> None:
    body = template(given)

    assert says in refused(body)
    assert any(says in line for line in validate(body | {"kind": "MetricTemplate"}))


@pytest.mark.parametrize(
    "provider",
    [{"type": "datadog", "secretRef": {"name": "s"}}, {"type": "web", "address": "https://a.b", "jsonPath": "$.a"}],
)
def test_services_that_tell_numbers_and_not_what_was_scraped_are_refused(provider: Any) -> None:
    said = refused(template(BOTH, "up", **provider))

    assert f"spec.counters: given provider type {provider['type']}" in said
    assert "allowed provider type prometheus" in said


def test_a_template_asks_something() -> None:
    body = template(BOTH)
    del body["spec"]["counters"]

    assert "spec: given neither, allowed at least one of query, counters" in refused(body)


@pytest.mark.parametrize("given", [set(each) for size in range(5) for each in combinations(counters.Part, size)])
def test_the_server_takes_the_choices_that_the_model_takes(given: set[counters.Part]) -> None:
    """Given any choice of selectors, then the rule for the API server says of it what the model says."""
    schema = crd.spec_schema("MetricTemplate")["properties"]["counters"]
    rule = next(each["rule"] for each in schema["x-kubernetes-validations"] if "needed are" in each["message"])
    for part in counters.Part:
        rule = rule.replace(f"(has(self.{part}) && size(self.{part}) > 0)", str(part in given))
    python = rule.replace("!=", "<>").replace("!", " not ").replace("<>", "!=").replace("&&", "and").replace("||", "or")

    assert set(re.findall(r"\w+", python)) <= {"True", "False", "not", "and", "or"}
    assert eval(python) == (counters.chosen_wrongly(given) == "")
