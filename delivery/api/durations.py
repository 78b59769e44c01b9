"""Durations as texts, in the two forms that manifests use.

Our intervals are whole seconds, minutes and hours and at least one second long. Istio's durations, which are only
passed on, may also have fractions and milliseconds.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from delivery.api.model import broken_rule, cel

_SOME, _POSITIVE = "[0-9]+", "0*[1-9][0-9]*"
INTERVAL_PATTERN = (
    f"^({_POSITIVE}h({_SOME}m)?({_SOME}s)?|({_SOME}h)?{_POSITIVE}m({_SOME}s)?|({_SOME}h)?({_SOME}m)?{_POSITIVE}s)$"
)
"""One unit at least must not be zero, said without CEL so that servers of any age refuse "0s"."""

ISTIO_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"

INTERVAL_IN_WORDS = 'a duration from 1s to 8784h in h, m and s, such as "30s", "5m" or "1h30m"'
ISTIO_IN_WORDS = 'a duration such as "500ms", "2.5s" or "1m"'

MAX_SECONDS = 366 * 24 * 3600
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """The seconds in a duration such as "90s", "1m30s" or "250ms". Raises ValueError for anything else."""
    if not re.fullmatch(ISTIO_PATTERN, text):
        raise ValueError(f"given {text!r}, allowed {ISTIO_IN_WORDS}")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _not_for_ever(text: str) -> str:
    if seconds(text) > MAX_SECONDS:
        raise broken_rule(given=f'"{text}"', allowed=INTERVAL_IN_WORDS)
    return text


Interval = Annotated[
    str,
    Field(
        pattern=INTERVAL_PATTERN,
        max_length=24,
        json_schema_extra=cel(
            (
                "duration(self) >= duration('1s') && duration(self) <= duration('8784h')",
                "must be a duration from 1s to 8784h in h, m and s, such as 30s, 5m or 1h30m",
            )
        ),
    ),
    AfterValidator(_not_for_ever),
]
"""How often something is done, or the length of a window."""

IstioDuration = Annotated[str, Field(pattern=ISTIO_PATTERN, max_length=24)]
"""A duration that is passed on to Istio."""
