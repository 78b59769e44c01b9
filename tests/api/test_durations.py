"""Intervals: whole seconds, minutes and hours, from one second, and nothing that only begins like one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.api.durations import INTERVAL_PATTERN, seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1), ("90s", 90), ("1m30s", 90), ("2h", 7200), ("1h0m5s", 3605), ("0m7s", 7)]
)
def test_an_interval_in_seconds(text: str, expected: float) -> None:
    assert re.fullmatch(INTERVAL_PATTERN, text)
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0s", "0h0m0s", "30", "s", "1d", "10ms", "-5s", "1.5s", "1s1m", "5m ", "5mins"])
def test_what_is_no_interval(text: str) -> None:
    assert not re.fullmatch(INTERVAL_PATTERN, text)


@given(hours=st.integers(0, 99), minutes=st.integers(0, 999), rest=st.integers(0, 999))
def test_a_pattern_alone_tells_zero_from_more(hours: int, minutes: int, rest: int) -> None:
    total = hours * 3600 + minutes * 60 + rest

    matches = re.fullmatch(INTERVAL_PATTERN, f"{hours}h{minutes}m{rest}s")

    assert bool(matches) == (total > 0)
    assert seconds(f"{hours}h{minutes}m{rest}s") == total


def test_istios_durations_have_fractions_too() -> None:
    assert (seconds("250ms"), seconds("2.5s"), seconds("1m0.5s")) == (0.25, 2.5, 60.5)


def test_a_text_that_is_no_duration_is_named() -> None:
    with pytest.raises(ValueError, match="given 'soon', allowed a duration such as"):
        seconds("soon")
