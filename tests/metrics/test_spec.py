"""What is asked, as values."""

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.spec import MetricSpec, Window, number
from tests.metrics.conftest import NOON


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (MetricSpec(name="request-success-rate", minimum=99), "min 99"),
        (MetricSpec(name="request-duration", maximum=500), "max 500 ms"),
        (MetricSpec(name="request-success-rate", minimum=99, maximum=100), "99..100"),
        (MetricSpec(name="queue", query="sum(queue)", minimum=0.25), "min 0.25"),
        (MetricSpec(name="request-duration", query="my_own", maximum=0.5), "max 0.5"),
        (MetricSpec(name="request-success-rate"), ""),
        (MetricSpec(name="request-success-rate", minimum=0), "min 0"),
    ],
)
def test_limits_are_said_in_words(spec: MetricSpec, words: str) -> None:
    assert spec.limit == words


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (MetricSpec(name="latency", maximum=1), ("latency", "request-duration", "request-success-rate")),
        (MetricSpec(name="latency", query="  \n ", maximum=1), ("latency", "no query")),
        (MetricSpec(name="request-duration", minimum=5, maximum=3), ("minimum 5", "maximum 3")),
        (MetricSpec(name="request-duration", maximum=math.nan), ("maximum", "nan", "finite")),
    ],
)
def test_what_can_never_be_judged_says_why(spec: MetricSpec, named: tuple[str, ...]) -> None:
    assert all(words in spec.problem for words in named), spec.problem


def test_a_sound_metric_has_no_problem() -> None:
    assert MetricSpec(name="request-duration", maximum=500).problem == ""
    assert MetricSpec(name="mine", query="vector(1)", maximum=500).problem == ""


def test_a_value_just_below_its_limit_is_never_shown_as_the_limit() -> None:
    assert number(98.9999, against=99) == "98.9999"
    assert number(93.1000001, against=99) == "93.1"


@given(st.floats(), st.floats())
def test_a_number_for_people_differs_from_the_limit_when_the_value_does(value: float, limit: float) -> None:
    shown = float(number(value, against=limit))
    assert (shown != limit) or (value == limit)
    assert len(number(value, against=limit)) < 40


@pytest.mark.parametrize(
    ("start", "end", "at"),
    [
        (NOON, NOON, NOON),
        (NOON + timedelta(seconds=1), NOON, NOON),
        (NOON - timedelta(seconds=1), NOON, NOON - timedelta(milliseconds=1)),
        (NOON.replace(tzinfo=None), NOON, NOON),
    ],
)
def test_a_window_has_ordered_times_with_a_zone(start: datetime, end: datetime, at: datetime) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(start=start, end=end, at=at)
