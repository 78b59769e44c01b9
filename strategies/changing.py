"""Changed copies of frozen values, cheap enough for a decision that makes a dozen of them."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")


def changed(value: Value, changes: dict[str, Any]) -> Value:
    """The same as dataclasses.replace() for values with slots and without checks of their own (no __post_init__).

    A change to what is there already is none: then it is `value` itself. Raises TypeError for an unknown field.
    """
    for name, new in changes.items():
        if getattr(value, name, _NOTHING) != new:
            return _copy(value, changes)
    return value


def _copy(value: Value, changes: dict[str, Any]) -> Value:
    kind: Any = value.__class__
    names, setters, values_of = _of(kind)
    made: Value = object.__new__(kind)
    for put, each in zip(setters, values_of(value), strict=True):
        put(made, each)
    for name, new in changes.items():
        if name not in names:
            raise TypeError(f"{value.__class__.__name__} has no field {name!r}")
        names[name](made, new)
    return made


_NOTHING = object()
_Setter = Callable[[Any, Any], None]


@cache
def _of(kind: Any) -> tuple[dict[str, _Setter], tuple[_Setter, ...], Callable[[Any], tuple[Any, ...]]]:
    """How the fields of a kind are set (a frozen class refuses to, its slots do not) and read."""
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} checks its values, use dataclasses.replace()")
    names = {each.name: getattr(kind, each.name).__set__ for each in fields(kind)}
    return names, tuple(names.values()), attrgetter(*names)
