"""Ages as API servers print them: two units at most, and the finer the younger."""

from datetime import UTC, datetime, timedelta

UNKNOWN = "<unknown>"
INVALID = "<invalid>"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def human_duration(duration: timedelta) -> str:
    """A duration as `kubectl get` shows it (the convention of HumanDuration in k8s.io/apimachinery).

    Up to a second before zero is zero, for clocks differ; below that it is `<invalid>`.
    """
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return INVALID
    if seconds < 2 * _MINUTE:
        return f"{max(0, seconds)}s"
    if seconds < 10 * _MINUTE:
        return _two(seconds, _MINUTE, "m", 1, "s")
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 8 * _DAY:
        return _two(seconds, _DAY, "d", _HOUR, "h")
    if seconds < 2 * _YEAR:
        return f"{seconds // _DAY}d"
    return _two(seconds, _YEAR, "y", _DAY, "d") if seconds < 8 * _YEAR else f"{seconds // _YEAR}y"


def age(timestamp: object, now: datetime) -> str:
    """How long ago a timestamp of the API was: `<unknown>` without one, `<invalid>` if it is none."""
    if not timestamp:
        return UNKNOWN
    moment = parse_time(timestamp)
    return INVALID if moment is None else human_duration(now - moment)


def parse_time(timestamp: object) -> datetime | None:
    """A timestamp of the API (RFC 3339), or None if it is none."""
    try:
        moment = datetime.fromisoformat(str(timestamp))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")
