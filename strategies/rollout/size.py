"""How large a status is as JSON, without writing it out: every decision that changes something wants to know."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from metrics.verdict import Outcome
from strategies.json_names import camel
from strategies.status import Announcement, Condition, Past, Phase, Result, Stage, Status


def size(status: Status) -> int:
    """Bytes of the status as compact JSON without defaults, UTF-8."""
    return _object(status)


def _object(value: Any) -> int:
    """A value of a dataclass: braces, and name, quotes, colon and comma of each field that is not its default."""
    total, count = 1, 0
    known, values = _fields(value.__class__)
    for (length, default), each in zip(known, values(value), strict=True):
        if each is default or each == default:
            continue
        count += 1
        kind = each.__class__
        if kind is str:
            total += length + _text(each)
        else:
            total += length + _MEASURES.get(kind, _other)(each)
    return total + max(1, count)


@lru_cache(maxsize=4096)
def _text(text: str) -> int:
    return len(encode_basestring(text).encode())


def _word(word: StrEnum) -> int:
    return len(word.value) + 2


def _tuple(values: tuple[Any, ...]) -> int:
    total = 1 + max(1, len(values))
    for each in values:
        total += _MEASURES.get(each.__class__, _other)(each)
    return total


def _moment(moment: datetime) -> int:
    """Written in UTC: 2024-03-01T12:00:00Z, or with .000250 before the Z."""
    return 29 if moment.microsecond else 22


def _other(value: Any) -> int:
    return _text(str(value)) if isinstance(value, str) else _object(value)


@cache
def _fields(kind: Any) -> tuple[tuple[tuple[int, Any], ...], Callable[[Any], tuple[Any, ...]]]:
    """A dataclass's fields (bytes of the JSON name with quotes and colon, default), and how their values are read."""
    known = fields(kind)
    read: Callable[[Any], tuple[Any, ...]] = attrgetter(*(each.name for each in known))
    return tuple((len(camel(each.name)) + 3, each.default) for each in known), read


_kept = lru_cache(maxsize=1024)(_object)
"""What does not change from decision to decision is measured once."""

_MEASURES: Mapping[type, Callable[[Any], int]] = {
    str: _text,
    bool: lambda value: 4 if value else 5,
    type(None): lambda value: 4,
    int: lambda value: len(str(value)),
    float: lambda value: len(repr(value)),
    datetime: _moment,
    tuple: _tuple,
    Phase: _word,
    Stage: _word,
    Outcome: _word,
    Result: _word,
    Condition: _kept,
    Announcement: _kept,
    Past: _kept,
}
