"""Which fields are accepted but not acted on yet, said aloud instead of ignored in silence.

A field that decides whether or where traffic goes is blocking: without it a rollout would do something else than was
asked for, so no run starts. The others are only named. What is for other providers is in elsewhere.py.
"""

from typing import Any

from delivery.api.canary import Canary
from delivery.api.model import Piece

BLOCKING: tuple[str, ...] = ()
"""Fields without which no run may start."""

NAMED: tuple[str, ...] = ()
"""Fields that do nothing yet, and are named."""


def not_acted_on(canary: Canary) -> tuple[str, ...]:
    """The fields of this Canary that are set and do nothing yet, blocking ones first; paths below spec."""
    return (*blocking(canary), *(path for path in NAMED if _is_set(canary.spec, path.split("."))))


def blocking(canary: Canary) -> tuple[str, ...]:
    """The fields of this Canary because of which no run may start."""
    return tuple(path for path in BLOCKING if _is_set(canary.spec, path.split(".")))


def _is_set(piece: Piece, path: list[str]) -> bool:
    """Whether a field below `piece` differs from its default."""
    head, *rest = path
    name = head.removesuffix("[]")
    fields = type(piece).model_fields
    attribute = next(each for each, field in fields.items() if field.alias == name)
    value: Any = getattr(piece, attribute)
    if not rest:
        return bool(value != fields[attribute].get_default(call_default_factory=True, validated_data={}))
    inner = value if head.endswith("[]") else (value,)
    return any(_is_set(each, rest) for each in inner if each is not None)
