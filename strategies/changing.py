"""Changed copies of frozen values, cheap enough for a decision that makes a dozen of them.

The members of a value without slots are a dictionary, which is copied ten times faster than fields are set one by one.
"""

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

Value = TypeVar("Value")


def changed(value: Value, changes: dict[str, Any]) -> Value:
    """The same as dataclasses.replace() for values without slots and without checks of their own (no __post_init__).

    A change to what is there already is none: then it is `value` itself. Raises TypeError for an unknown field.
    """
    for name, new in changes.items():
        if getattr(value, name, _NOTHING) != new:
            return altered(value, changes)
    return value


def altered(value: Value, changes: dict[str, Any]) -> Value:
    """The same as `changed` where it is known that something differs: comparing large fields would cost more."""
    kind: Any = value.__class__
    number = _number_of_fields(kind)
    made: Value = object.__new__(kind)
    members = value.__dict__ | changes
    if len(members) != number:
        raise TypeError(f"{kind.__name__} has no field {min(members.keys() - value.__dict__.keys())!r}")
    object.__setattr__(made, "__dict__", members)
    return made


_NOTHING = object()


@cache
def _number_of_fields(kind: Any) -> int:
    """Raises TypeError for a class whose values cannot be copied like this."""
    if hasattr(kind, "__post_init__") or hasattr(kind, "__slots__"):
        raise TypeError(f"{kind.__name__} checks its values or has slots, use dataclasses.replace()")
    return len(fields(kind))
