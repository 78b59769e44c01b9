"""JSON values: copied so that nothing handed out is the stored one, and compared as JSON compares."""

import marshal
from collections.abc import Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError

SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The characters of generated names (Kubernetes, apimachinery/pkg/util/rand): none that could spell a word."""

_SCALARS = (str, int, float, bool, type(None))


def copy_json(value: Any) -> Any:
    """A deep copy made of dicts, lists and scalars; BadRequestError names the path of anything else."""
    try:
        return _copy(value)
    except TypeError:
        path, culprit = next(_culprits(value, ""))
        raise BadRequestError(f"{path.lstrip('.') or 'body'}: {culprit!r} is no JSON value") from None


def clone(value: Any) -> Any:
    """A deep copy of what copy_json has made, and so is known to be JSON."""
    return marshal.loads(marshal.dumps(value))  # noqa: S302 - what was written a moment ago, by far the fastest way


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is dict:  # nearly everything is plain: the exact types first, for copies are what a store costs
        return {key: item if type(item) is str else _copy(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _copy(item) for item in value]
    if kind in _SCALARS:
        return value
    if isinstance(value, _SCALARS):
        return next(base(value) for base in (str, int, float) if isinstance(value, base))
    if isinstance(value, Mapping):
        return {str(key): _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    raise TypeError(value)


def _culprits(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything that is no JSON value, and where it stands."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _culprits(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _culprits(item, f"{path}[{index}]")
    elif not isinstance(value, _SCALARS):
        yield path, value


def equal_json(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0 but not true, and members have no order."""
    if left is right:
        return True
    if left != right:
        return False  # Python's equality is the weaker one: true equals 1
    if isinstance(left, dict) and isinstance(right, dict):
        return all(equal_json(item, right[key]) for key, item in left.items() if type(item) is not str)
    if isinstance(left, list) and isinstance(right, list):
        return all(map(equal_json, left, right))
    return isinstance(left, bool) == isinstance(right, bool)
