"""The parameters of Prometheus' HTTP API: times, durations and what is said when they are not."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from delivery.sandbox.promql.errors import bad_data

MOST_POINTS = 11_000
"""A range query may ask for so many moments, as in Prometheus."""

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_FARTHEST = 2**53


def moment(parameters: Mapping[str, str], name: str, default: int | None = None) -> int:
    """A time in milliseconds, from seconds since 1970 or RFC 3339. Raises QueryFailedError (bad_data)."""
    text = parameters.get(name, "")
    if not text and default is not None:
        return default
    found = _seconds(text)
    if found is None:
        found = _rfc3339(text)
    if found is None:
        what = "Invalid time value for 'time': " if name == "time" else ""  # Prometheus' own words
        raise bad_data(f'invalid parameter "{name}": {what}cannot parse "{text}" to a valid timestamp')
    return found


def duration(parameters: Mapping[str, str], name: str, default: int | None = None) -> int:
    """A duration in milliseconds, from seconds or Prometheus' own form (1h30m). Raises QueryFailedError (bad_data)."""
    text = parameters.get(name, "")
    if not text and default is not None:
        return default
    found = _seconds(text)
    if found is None and text and (match := _DURATION.fullmatch(text)):
        found = sum(int(each) * unit for each, unit in zip(match.groups(), _UNITS.values(), strict=True) if each)
    if found is None:
        raise bad_data(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration')
    return found


def steps(parameters: Mapping[str, str]) -> range:
    """The moments of a range query, in milliseconds. Raises QueryFailedError (bad_data)."""
    start, end = moment(parameters, "start"), moment(parameters, "end")
    if end < start:
        raise bad_data('invalid parameter "end": end timestamp must not be before start time')
    step = duration(parameters, "step")
    if step <= 0:
        raise bad_data(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    if (end - start) // step > MOST_POINTS:
        raise bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return range(start, end + 1, step)


def _seconds(text: str) -> int | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    milliseconds = seconds * 1000
    return round(milliseconds) if math.isfinite(milliseconds) and abs(milliseconds) < _FARTHEST else None


def _rfc3339(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    return round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
