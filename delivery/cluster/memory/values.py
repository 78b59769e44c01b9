"""JSON values: copied so that nothing handed out is the stored one, and compared as JSON compares."""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError

_SCALARS = (str, int, float, bool, type(None))


def copy_json(value: Any) -> Any:
    """A deep copy made of dicts, lists and scalars; BadRequestError names the path of anything else."""
    try:
        return _copy(value)
    except TypeError:
        path, culprit = next(_culprits(value, ""))
        raise BadRequestError(f"{path.lstrip('.') or 'body'}: {culprit!r} is no JSON value") from None


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is dict:  # nearly everything is plain: the exact types first, for copies are what a store costs
        return {key: item if type(item) is str else _copy(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _copy(item) for item in value]
    if kind in _SCALARS or isinstance(value, _SCALARS):
        return value
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
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal_json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal_json, left, right))
    return bool(isinstance(left, bool) == isinstance(right, bool) and left == right)
