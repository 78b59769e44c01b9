"""Placeholders in a query that somebody wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.spec import Subject, Window
from metrics.templates import TemplateError, collapse, render


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


@given(st.text(alphabet=" \t\n#\"'`\\ab{}"))
def test_collapsing_twice_is_collapsing_once(query: str) -> None:
    assert collapse(collapse(query)) == collapse(query)
