"""Placeholders in a query that somebody wrote."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.spec import Subject, Window
from metrics.templates import TemplateError, check, collapse, render


def test_placeholders_are_filled(subject: Subject, window: Window) -> None:
    query = (
        'x{ns="{{ namespace }}", w="{{target}}", p="{{ primary }}", s="{{ service }}", c="{{ name }}"}[{{ interval }}]'
    )
    assert render(query, subject, window) == (
        'x{ns="shop", w="reviews", p="reviews-primary", s="reviews", c="reviews"}[60s]'
    )


def test_lines_become_one_without_their_comments_and_strings_stay(subject: Subject, window: Window) -> None:
    query = """
      sum(  # of all pods, "quoted
        rate(x{path="/a  b # no comment", other='#  c', raw=`# d`}[1m])
      )
    """
    assert render(query, subject, window) == (
        """sum( rate(x{path="/a  b # no comment", other='#  c', raw=`# d`}[1m]) )"""
    )


def test_an_unknown_placeholder_is_named_with_the_known_ones(subject: Subject, window: Window) -> None:
    with pytest.raises(TemplateError, match=r"'workload' is not known; allowed are \{\{ interval \}\}.*target"):
        render("sum(x{w='{{ workload }}'})", subject, window)


@pytest.mark.parametrize(
    "query",
    [
        "{{ target.__class__ }}",
        "{{ namespace | upper }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ cycler() }}",
        "{% if true %}x{% endif %}",
        "{{ target",
    ],
)
def test_a_template_is_nothing_but_names(query: str, subject: Subject, window: Window) -> None:
    with pytest.raises(TemplateError, match="allowed are"):
        render(query, subject, window)


FLAGGERS = """
    100 - sum(rate(istio_requests_total{
            reporter="destination", destination_workload_namespace="{{ namespace }}",
            destination_workload="{{ target }}", response_code!="{{ variables.code }}"
        }[{{ interval }}])) /
    sum(rate(istio_requests_total{job=~"{{ service }}|{{ ingress }}|{{- route -}}"}[{{interval}}]))
"""


def test_a_template_of_flaggers_is_taken_as_it_is(subject: Subject, window: Window) -> None:
    assert render(FLAGGERS, subject, window, {"code": "404"}) == (
        '100 - sum(rate(istio_requests_total{ reporter="destination", destination_workload_namespace="shop", '
        'destination_workload="reviews", response_code!="404" }[60s])) / '
        'sum(rate(istio_requests_total{job=~"reviews|reviews|reviews"}[60s]))'
    )


def test_the_names_of_ingress_and_route_are_those_of_the_canary(subject: Subject, window: Window) -> None:
    named = replace(subject, ingress="front", route="api")
    assert render("{{ ingress }} {{ route }}", named, window) == "front api"


@pytest.mark.parametrize(
    "query",
    ['{{ variables.items }}{{ variables["a-b"] }}', '{{variables.items}}{{ index variables "a-b" }}'],
)
def test_variables_are_their_names_alone_whatever_they_are_called(query: str, subject: Subject, window: Window) -> None:
    assert render(query, subject, window, {"items": "x", "a-b": 'app="{{ y }}"'}) == 'xapp="{{ y }}"'


def test_a_variable_without_a_value_is_named(subject: Subject, window: Window) -> None:
    with pytest.raises(TemplateError, match=r"'direction' has no value.*templateVariables"):
        render("{{ variables.direction }}", subject, window, {"other": "1"})


@pytest.mark.parametrize(
    "query",
    [
        "{{ variables }}",
        "{{ variables.a.b }}",
        "{{ variables[target] }}",
        "{{ variables['a']['b'] }}",
        "{{ target.a }}",
    ],
)
def test_variables_are_no_way_to_anything_else(query: str, subject: Subject, window: Window) -> None:
    with pytest.raises(TemplateError, match="allowed are"):
        render(query, subject, window, {"a": "1"})


def test_a_template_is_checked_before_anybody_gives_it_variables() -> None:
    check("{{ variables.anything }}")
    with pytest.raises(TemplateError, match="'workload' is not known"):
        check("{{ variables.anything }} {{ workload }}")


@given(st.text(alphabet=" \t\n#\"'`\\ab{}"))
def test_collapsing_twice_is_collapsing_once(query: str) -> None:
    assert collapse(collapse(query)) == collapse(query)
