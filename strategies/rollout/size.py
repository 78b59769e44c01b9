"""How large a status is as JSON, without writing it out: every decision that changes something wants to know."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache, lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from strategies.status import Announcement, Condition, Past, Status, camel


def size(status: Status) -> int:
    """Bytes of the status as compact JSON without defaults, UTF-8."""
    return _object(status)


def _object(value: Any) -> int:
    """A value of a dataclass: braces, and name, quotes, colon and comma of each field that is not its default."""
    total, count = 1, 0
    known, values = _fields(value.__class__)
    for (length, default), each in zip(known, values(value), strict=True):
        if each is not default and each != default:
            measure = _MEASURES.get(each.__class__, _other)
            total += length + measure(each)
            count += 1
    return total + max(1, count)


def _size(value: Any) -> int:
    return _MEASURES.get(value.__class__, _other)(value)


def _other(value: Any) -> int:
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, datetime):
        return len(value.isoformat()) + 2
    return _object(value)


def _text(text: str) -> int:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return len(text) + 2
    return len(encode_basestring(text).encode())


def _tuple(values: tuple[Any, ...]) -> int:
    return 1 + max(1, len(values)) + sum(map(_size, values))


def _moment(moment: datetime) -> int:
    return len(moment.isoformat()) + 2


@cache
def _fields(kind: Any) -> tuple[tuple[tuple[int, Any], ...], Callable[[Any], tuple[Any, ...]]]:
    """A dataclass's fields (bytes of the JSON name with quotes and colon, default), and how their values are read."""
    known = fields(kind)
    return tuple((len(camel(each.name)) + 3, each.default) for each in known), attrgetter(
        *(each.name for each in known)
    )


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
    Condition: _kept,
    Announcement: _kept,
    Past: _kept,
}
