"""Bodies of built-in kinds as a server written in Go reads them: types must fit, and what says nothing is not kept.

Null and an empty list or map mean absent there; a null inside a list is a value of its type's zero.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from delivery.sandbox.schemas.ages import parse_time
from delivery.sandbox.schemas.formats import acceptable
from delivery.sandbox.schemas.quantities import canonical
from delivery.sandbox.schemas.shapes import SCALARS, Field, types

Body = dict[str, Any]

_GO_NAMES = {
    "string": "string", "int": "int32", "long": "int64", "number": "float64", "bool": "bool", "bytes": "[]uint8",
}  # fmt: skip
_ZERO: Mapping[str, Any] = {"int": 0, "long": 0, "number": 0, "bool": False, "intstr": 0, "quantity": "0"}


class DecodeError(ValueError):
    """A value that is not of its field's type; the text is the server's."""


def decode(body: Any, type_name: str, path: str = "") -> list[str]:
    """Bring `body`, which stands at `path`, into its type's form, in place; the paths of unknown fields, removed.

    DecodeError for the first value that is of another type.
    """
    unknown: list[str] = []
    _struct(body, type_name, path, "", unknown)
    return sorted(unknown)


def unreadable(kind: str, version: str, why: str) -> str:
    """The message of the 400 for a body that could not be read as an object of its kind."""
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'


def _struct(value: Any, type_name: str, path: str, owner: str, unknown: list[str]) -> Any:
    if not isinstance(value, dict):
        raise _misfit(value, owner, path, f"v1.{type_name}")
    fields = types()[type_name]
    for name in sorted(value):
        inner, field = f"{path}.{name}" if path else name, fields.get(name)
        if field is None:
            unknown.append(inner)
            del value[name]
            continue
        known = (
            None
            if value[name] is None and field.type != "any"
            else _field(value[name], field, inner, type_name, unknown)
        )
        if known is None and field.type != "any":
            del value[name]
        else:
            value[name] = known
    return value


def _field(value: Any, field: Field, path: str, owner: str, unknown: list[str]) -> Any:
    """The field's value; None if it is as good as absent."""
    if field.is_list:
        if not isinstance(value, list):
            raise _misfit(value, owner, path, f"[]{_go_name(field.item)}")
        for index, item in enumerate(value):
            value[index] = _item(item, field.item, f"{path}[{index}]", owner, unknown)
        return value if value or field.required else None
    if field.is_map:
        if not isinstance(value, dict):
            raise _misfit(value, owner, path, f"map[string]{_go_name(field.item)}")
        for name, item in value.items():
            value[name] = _item(item, field.item, f"{path}.{name}", owner, unknown)
        return value or None
    return _item(value, field.type, path, owner, unknown)


def _item(value: Any, type_name: str, path: str, owner: str, unknown: list[str]) -> Any:
    if type_name == "any":
        return value
    if type_name not in SCALARS:
        return _struct({} if value is None else value, type_name, path, owner, unknown)
    if value is None:
        return _ZERO.get(type_name, "")
    return _SCALARS[type_name](value, lambda: _misfit(value, owner, path, _go_name(type_name)))


def _go_name(type_name: str) -> str:
    return _GO_NAMES.get(type_name, type_name if type_name in SCALARS else f"v1.{type_name}")


def _misfit(value: Any, owner: str, path: str, wanted: str) -> DecodeError:
    """The message of Go's JSON decoder, which names the holder's type and the path without indices."""
    given = {dict: "object", list: "array", str: "string", bool: "bool"}.get(type(value), "number")
    if isinstance(value, float) and not value.is_integer():
        given = f"number {value}"
    plain = "".join(part.partition("]")[2] if number else part for number, part in enumerate(path.split("[")))
    field = f" Go struct field {owner}.{plain}" if owner else " Go value"
    return DecodeError(f"json: cannot unmarshal {given} into{field} of type {wanted}")


Misfit = Callable[[], DecodeError]


def _string(value: Any, misfit: Misfit) -> Any:
    if not isinstance(value, str):
        raise misfit()
    return value


def _whole(bits: int) -> Callable[[Any, Misfit], Any]:
    def check(value: Any, misfit: Misfit) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != math.floor(value):
            raise misfit()
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise misfit()
        return int(value)

    return check


def _number(value: Any, misfit: Misfit) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise misfit()
    return value


def _bool(value: Any, misfit: Misfit) -> Any:
    if not isinstance(value, bool):
        raise misfit()
    return value


def _time(value: Any, misfit: Misfit) -> Any:
    if not isinstance(value, str):
        raise misfit()
    if value and (parse_time(value) is None or "T" not in value):
        raise DecodeError(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse it')
    return value


def _bytes(value: Any, misfit: Misfit) -> Any:
    if not isinstance(value, str):
        raise misfit()
    if not acceptable("byte", value.replace("\n", "").replace("\r", "")):
        raise DecodeError("illegal base64 data")
    return value


def _quantity(value: Any, misfit: Misfit) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise misfit()
    try:
        return canonical(str(value).strip())
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _integer_or_string(value: Any, misfit: Misfit) -> Any:
    return value if isinstance(value, str) else _whole(32)(value, misfit)


_SCALARS: dict[str, Callable[[Any, Misfit], Any]] = {
    "string": _string,
    "int": _whole(32),
    "long": _whole(64),
    "number": _number,
    "bool": _bool,
    "time": _time,
    "microtime": _time,
    "bytes": _bytes,
    "quantity": _quantity,
    "intstr": _integer_or_string,
}
