"""The built-in kinds as the API server treats them: what of a body is kept, filled in and refused.

The counterpart of StructuralSchema for kinds that no CustomResourceDefinition describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, Cause
from delivery.cluster.objects import Kind, Object
from delivery.sandbox.schemas.builtin_defaults import fill_in
from delivery.sandbox.schemas.builtin_rules import content, frozen
from delivery.sandbox.schemas.decoding import DecodeError, decode, unreadable
from delivery.sandbox.schemas.shapes import type_of

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BuiltinShape:
    """The rules of one built-in kind; `shape_of` is the way to get one."""

    kind: Kind
    type_name: str

    def prune(self, body: Body) -> list[str]:
        """Remove unknown fields, nulls and empty lists and maps from `body`; the paths of the unknown ones.

        BadRequestError, in the server's words, for a value that is of another type than its field.
        """
        try:
            return decode(body, self.type_name)
        except DecodeError as error:
            raise BadRequestError(unreadable(self.kind.kind, self.kind.version, str(error))) from None

    def default(self, body: Body) -> None:
        """Fill in the kind's defaults in `body`."""
        fill_in(self.kind, body)

    def validate(self, body: Mapping[str, Any]) -> list[Cause]:
        """What is wrong with `body`, as it would be on a real server; empty if nothing is."""
        return content(self.kind, body)

    def changes(self, old: Object, body: Object) -> list[Cause]:
        """What an update from `old` to `body` must not change."""
        return frozen(self.kind, old, body)


def shape_of(kind: Kind) -> BuiltinShape | None:
    """The rules of a built-in kind, or None for a kind whose structure is not known here."""
    type_name = type_of(kind)
    return None if type_name is None else BuiltinShape(kind, type_name)
