"""JSON values: copied so that nothing handed out is the stored one, and compared as JSON compares."""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError


def copy_json(value: Any, path: str = "") -> Any:
    """A deep copy made of dicts, lists and scalars; BadRequestError names the path of anything else."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): copy_json(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_json(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise BadRequestError(f"{path.lstrip('.') or 'body'}: {value!r} is no JSON value")


def equal_json(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0 but not true, and members have no order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal_json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal_json, left, right))
    return bool(isinstance(left, bool) == isinstance(right, bool) and left == right)
