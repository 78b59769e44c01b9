"""Fixed limits: when does a number pass, and when is it no number at all."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.judges.threshold import judge
from metrics.providers import Sample
from metrics.spec import MetricSpec
from metrics.verdict import Outcome

RATE = MetricSpec(name="request-success-rate", minimum=99)
TIME = MetricSpec(name="request-duration", maximum=500)

limits = st.one_of(st.none(), st.floats(-1e6, 1e6))
values = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize("value", [99.0, 99.0001, 100.0])
def test_a_limit_is_inclusive(value: float) -> None:
    verdict = judge(RATE, (Sample(value),))
    assert (verdict.outcome, verdict.value, verdict.limit, verdict.message) == (Outcome.PASS, value, "min 99", "")


def test_too_low_a_rate_fails_and_says_how_low() -> None:
    verdict = judge(RATE, (Sample(93.1),))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.message == "request-success-rate 93.1 % is below the minimum of 99 %"


def test_too_long_a_duration_fails_and_says_how_long() -> None:
    verdict = judge(TIME, (Sample(612.4),))
    assert (verdict.outcome, verdict.limit) == (Outcome.FAIL, "max 500 ms")
    assert verdict.message == "request-duration 612.4 ms is above the maximum of 500 ms"


def test_a_metric_of_ones_own_has_no_unit() -> None:
    verdict = judge(MetricSpec(name="errors", query="x", maximum=0), (Sample(3),))
    assert verdict.message == "errors 3 is above the maximum of 0"


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ((), "no data"),
        ((Sample(math.nan),), "NaN"),
        ((Sample(math.inf),), "infinite"),
        ((Sample(-math.inf),), "infinite"),
    ],
)
def test_nothing_measured_is_neither_good_nor_bad(samples: tuple[Sample, ...], words: str) -> None:
    verdict = judge(RATE, samples)
    assert (verdict.outcome, verdict.value) == (Outcome.INCONCLUSIVE, None)
    assert words in verdict.message


def test_several_series_are_an_error_whatever_the_last_one_says() -> None:
    verdict = judge(RATE, (Sample(10, {"pod": "a"}), Sample(20, {"pod": "b"}), Sample(100, {"pod": "c"})))
    assert (verdict.outcome, verdict.value) == (Outcome.ERROR, None)
    assert "3 series" in verdict.message


def test_a_metric_that_is_not_known_is_an_error_that_names_what_is() -> None:
    verdict = judge(MetricSpec(name="succes-rate", minimum=99), (Sample(100),))
    assert verdict.outcome is Outcome.ERROR
    assert "succes-rate" in verdict.message
    assert "request-success-rate" in verdict.message


@given(limits, limits, st.lists(values, max_size=3))
def test_only_one_finite_number_decides_and_exactly_by_its_limits(
    minimum: float | None, maximum: float | None, given_values: list[float]
) -> None:
    spec = MetricSpec(name="mine", query="q", minimum=minimum, maximum=maximum)
    verdict = judge(spec, tuple(Sample(value) for value in given_values))
    inside = [
        (minimum is None or value >= minimum) and (maximum is None or value <= maximum)
        for value in given_values
        if math.isfinite(value)
    ]
    if (minimum is not None and maximum is not None and minimum > maximum) or len(given_values) > 1:
        assert verdict.outcome is Outcome.ERROR
    elif not inside:
        assert verdict.outcome is Outcome.INCONCLUSIVE
    else:
        assert verdict.outcome is (Outcome.PASS if inside[0] else Outcome.FAIL)
    assert (verdict.message == "") == (verdict.outcome is Outcome.PASS)


@given(st.lists(values, max_size=2))
def test_a_verdict_can_always_be_written_as_json(given_values: list[float]) -> None:
    verdict = judge(RATE, tuple(Sample(value) for value in given_values))
    written = json.loads(json.dumps(verdict._asdict(), allow_nan=False))
    assert (written["outcome"], written["value"]) == (verdict.outcome, verdict.value)
