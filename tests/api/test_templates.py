"""MetricTemplates, and the placeholders of queries: what is taken, and what is refused by name."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.api import crd
from delivery.api.parse import InvalidSpec, parse_canary, parse_metric_template
from delivery.api.templates import SERVED
from delivery.controller.application import validate
from metrics.custom import FORMS
from metrics.json_paths import compiled, values
from metrics.providers import PROVIDERS


def template(query: str = "up", **provider: Any) -> dict[str, Any]:
    return {"metadata": {"name": "errors"}, "spec": {"provider": {"type": "prometheus", **provider}, "query": query}}


WEB = {"type": "web", "address": "https://api.example.com", "jsonPath": "$.errors"}


@pytest.mark.parametrize(
    "provider",
    [
        {"address": "http://prometheus:9090"},
        {"address": "https://mimir/prometheus", "headers": {"X-Scope-OrgID": ["a", "b"]}, "insecureSkipVerify": True},
        {"address": "https://mimir", "secretRef": {"name": "s"}, "caRef": {"name": "ca", "kind": "Secret", "key": "k"}},
        {"type": "datadog", "secretRef": {"name": "s"}},
        {"type": "cloudwatch", "region": "eu-west-1"},
        {**WEB, "method": "POST"},
        {"address": ""},
    ],
)
def test_what_is_served_is_taken(provider: Any) -> None:
    assert parse_metric_template(template(**provider)).spec.provider.type in SERVED


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ({"type": "newrelic"}, "spec.provider.type: given newrelic, allowed prometheus, datadog, cloudwatch, web"),
        ({"type": "web", "jsonPath": "$"}, "spec.provider.address: given nothing for web"),
        ({"type": "cloudwatch"}, "spec.provider.region: given nothing"),
        ({"address": "prometheus:9090"}, "spec.provider.address"),
        ({"address": "http://me:secret@prometheus"}, "without user name, password"),
        ({"address": "http://prometheus/?a=b"}, "spec.provider.address"),
        ({"secretRef": {"name": "s"}}, "spec.provider.address: given nothing beside credentials"),
        ({"headers": {"X-A": ["b"]}}, "spec.provider.address: given nothing beside credentials"),
        ({**WEB, "headers": {"X-A": ["b\nc"]}}, 'spec.provider.headers: given "X-A"'),
        ({**WEB, "jsonPath": "errors"}, "spec.provider.jsonPath"),
        ({**WEB, "jsonPath": None}, "spec.provider.jsonPath: given nothing for web"),
        ({"address": "http://p", "jsonPath": "$"}, "spec.provider.jsonPath: given a value for prometheus"),
        ({"address": "http://p", "method": "GET"}, "spec.provider.method: given a value for prometheus"),
        ({"address": "https://p", "caRef": {"name": "c"}, "insecureSkipVerify": True}, "at most one of caRef"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(provider: Any, says: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_metric_template(template(**provider))

    assert says in str(caught.value)


def test_every_type_that_is_served_can_be_asked_and_the_schema_knows_flaggers_too() -> None:
    known = crd.spec_schema("MetricTemplate")["properties"]["provider"]["properties"]["type"]["enum"]

    assert set(SERVED) == set(PROVIDERS) == set(FORMS)
    assert {*SERVED, "newrelic", "graphite", "stackdriver", "influxdb", "dynatrace", "splunk", "keptn"} <= set(known)


def test_admission_says_what_is_wrong_with_a_template_a_line_a_problem() -> None:
    wrong = template("{{ workload }}", type="newrelic") | {"kind": "MetricTemplate"}

    assert [line.partition(":")[0] for line in validate(wrong)] == ["spec.provider.type"]
    assert validate(template() | {"kind": "MetricTemplate"}) == []


@pytest.mark.parametrize("query", ["{{ namespace }} {{ variables.a }} {{- interval -}}", 'x{y="{{ ingress }}"}'])
def test_a_template_may_hold_every_placeholder_and_any_variable(query: str) -> None:
    assert parse_metric_template(template(query)).spec.query == query


@pytest.mark.parametrize("query", ["{{ workload }}", "{{ target", "{% if a %}{% endif %}", "{{ variables }}"])
def test_an_unknown_placeholder_of_a_template_is_refused_with_the_known_ones(query: str) -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.query: .*allowed \{\{ interval \}\}"):
        parse_metric_template(template(query))


def metric(**fields: Any) -> Any:
    return {"metrics": [{"name": "mine", **fields}]}


def test_placeholders_of_a_canarys_own_query_are_checked_with_its_variables(canary: Any) -> None:
    query = "{{ target }} {{ variables.a }}"
    parse_canary(canary(analysis=metric(query=query, templateVariables={"a": "1"})))

    with pytest.raises(InvalidSpec, match=r"metrics\[0\]\.query: given variable 'a' has no value, allowed give it one"):
        parse_canary(canary(analysis=metric(query=query)))
    with pytest.raises(InvalidSpec, match=r"metrics\[0\]\.query: given placeholder 'workload' is not known"):
        parse_canary(canary(analysis=metric(query="{{ workload }}")))


def test_a_metric_asks_one_thing(canary: Any) -> None:
    with pytest.raises(InvalidSpec, match="at most one of query, templateRef"):
        parse_canary(canary(analysis=metric(query="up", templateRef={"name": "errors"})))


# -- where the number is

ANSWER = {"data": {"errors": 3, "series": [{"name": "a", "value": 1}, {"name": "b", "value": 2.5}]}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.data.errors", [3]),
        ("$['data']['series'][-1].value", [2.5]),
        ("$.data.series[?@.name == 'b' && @.value > 1].value", [2.5]),
        ("$..value", [1, 2.5]),
        ("$.data.series[*].value", [1, 2.5]),
        ("$.data.missing", []),
    ],
)
def test_a_path_finds_its_values(path: str, found: list[object]) -> None:
    assert values(path, ANSWER) == found


@pytest.mark.parametrize(
    "path",
    [
        "", "errors", "$.", "$[", "$.a | $.b", "$..a..b", "$[?@.a][?@.b]", "$[?match(@.a, '(a+)+$')]", "$[0,0,0]",
        "$[?@..a]", "$[?$.a == 1]", "$[?count(@.*) > 1]", "$[?@.a =~ /(a+)+$/]", "$" + "[?" * 2000,
    ],
)  # fmt: skip
def test_a_path_that_could_take_for_ever_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"\$\.data\.errors"):
        compiled(path)


@given(st.text(max_size=40))
def test_whatever_is_no_path_is_refused_in_one_way(path: str) -> None:
    with suppress(ValueError):
        compiled(path)


def test_an_answer_that_is_too_deep_is_no_answer() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(ValueError, match="cannot be followed"):
        values("$..a", deep)
