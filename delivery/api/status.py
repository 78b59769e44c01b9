"""A Canary's status between the state machine's values and the JSON that the API server keeps.

Status is the write-ahead log: what comes back must be exactly what was written, and what a newer program wrote must
not be written over by an older one.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from strategies.status import STATUS_VERSION, Status

_ALWAYS = ("version", "phase", "canaryWeight", "failedChecks", "iterations")
"""Written even when they are at their defaults: the version says how to read the rest, the others are printed."""

_ADAPTER = TypeAdapter(Status)


class UnreadableStatus(ValueError):  # noqa: N818 - the name says what the status is
    """A status that no program of ours wrote. The text names the fields."""


def load(mapping: Mapping[str, Any] | None) -> Status:
    """The status from its JSON; fields that we do not know are passed over, none at all is an empty status.

    Of a status that is too new everything that can be read is read; it is for looking at only (see too_new). Raises
    UnreadableStatus for one of a known version that breaks its schema.
    """
    try:
        return _ADAPTER.validate_python(dict(mapping or {}))
    except ValidationError as error:
        readable = _without(mapping or {}, {detail["loc"][0] for detail in error.errors() if detail["loc"]})
        if too_new(mapping) and len(readable) < len(mapping or {}):
            return load(readable)
        lines = (f"status.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
        raise UnreadableStatus("\n".join(lines)) from error


def dump(status: Status) -> dict[str, Any]:
    """The status as JSON: camelCase, times in UTC with their microseconds, nothing that is at its default."""
    full = _ADAPTER.dump_python(status, by_alias=True)
    kept = _ADAPTER.dump_python(status, by_alias=True, exclude_defaults=True)
    always = {name: full[name] for name in _ALWAYS if full[name] != ""}
    body: dict[str, Any] = _as_json(always | kept)
    return body


def too_new(mapping: Mapping[str, Any] | None) -> bool:
    """Whether a later program wrote this status, so that writing ours would lose what it knows."""
    version = (mapping or {}).get("version", STATUS_VERSION)
    return isinstance(version, int) and version > STATUS_VERSION


def _without(mapping: Mapping[str, Any], names: set[Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in names}


def _as_json(value: Any) -> Any:
    """Python values as JSON; numbers that JSON cannot say are left out with what is None."""
    if isinstance(value, dict):
        inner = {key: _as_json(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, str) else value
