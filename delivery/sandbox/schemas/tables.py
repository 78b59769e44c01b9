"""Objects as rows: what `kubectl get` shows is made by the server, by the columns of the kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delivery.cluster.objects import Kind, Object
from delivery.sandbox.schemas.ages import INVALID, age, parse_time
from delivery.sandbox.schemas.cells import BUILTIN, Column
from delivery.sandbox.schemas.jsonpath import compiled, find
from delivery.sandbox.schemas.shapes import type_of
from delivery.sandbox.schemas.validation import shown, text

Cell = str | int | float | bool | None

_META = "meta.k8s.io/v1"
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_INCLUDED = ("None", "Metadata", "Object")


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind, and how its objects fill them."""

    columns: tuple[Column, ...]
    cells: Callable[[Object, datetime], list[Cell]]


def printer(kind: Kind, columns: Sequence[Mapping[str, Any]] = ()) -> Printer:
    """How a kind is printed: `columns` are the additionalPrinterColumns of a custom one (none: its age).

    ValueError names a jsonPath that is beyond what can be followed.
    """
    if not columns and (kind.group, kind.kind) in BUILTIN:
        return Printer(*BUILTIN[kind.group, kind.kind])
    if not columns and type_of(kind) is not None:
        return Printer((Column("Created At", "date"),), lambda body, _: [body["metadata"].get("creationTimestamp")])
    own = columns or (_AGE,)
    for column in own:
        compiled(column["jsonPath"])
    return Printer(tuple(map(_column, own)), lambda body, now: [_cell(column, body, now) for column in own])


def columns_of(kind: Kind, columns: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The columnDefinitions of a kind's table; the object's name comes first (last but wide for events)."""
    abouts = {column["name"]: column.get("description", "") for column in columns}
    defined = [column.as_json(abouts.get(column.name, "")) for column in printer(kind, columns).columns]
    return (
        defined if kind.kind == "Event" else [Column("Name", form="name").as_json("The name of the object."), *defined]
    )


def row(kind: Kind, body: Object, now: datetime, columns: Sequence[Mapping[str, Any]] = ()) -> list[Cell]:
    """The cells of an object, one for each of columns_of."""
    return _row(printer(kind, columns), kind, body, now)


def table(
    kind: Kind,
    bodies: Sequence[Object],
    now: datetime,
    include_object: str = "Metadata",
    *,
    columns: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A Table of objects, its own metadata left to the caller.

    `include_object` is what a row carries besides its cells: None, Metadata or Object; ValueError for others.
    """
    if include_object not in _INCLUDED:
        raise ValueError(f"includeObject: {include_object!r}; one of {', '.join(_INCLUDED)}")
    rows, prints = [], printer(kind, columns)
    for body in bodies:
        each: dict[str, Any] = {"cells": _row(prints, kind, body, now)}
        if include_object != "None":
            each["object"] = body if include_object == "Object" else _partial(body)
        rows.append(each)
    return {
        "kind": "Table",
        "apiVersion": _META,
        "metadata": {},
        "columnDefinitions": columns_of(kind, columns),
        "rows": rows,
    }


def _row(prints: Printer, kind: Kind, body: Object, now: datetime) -> list[Cell]:
    cells = prints.cells(body, now)
    return cells if kind.kind == "Event" else [body["metadata"].get("name", ""), *cells]


def _column(own: Mapping[str, Any]) -> Column:
    return Column(own["name"], own["type"], int(own.get("priority") or 0), own.get("format") or "")


def _partial(body: Object) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": body["metadata"]}


def _cell(column: Mapping[str, Any], body: Object, now: datetime) -> Cell:
    """What a custom kind's column shows: the first thing found, if it is of the column's type."""
    found = find(column["jsonPath"], body)
    if not found:
        return None
    value = found[0]
    return _CELLS[column["type"]](value, now) if column["type"] in _CELLS else None


def _date(value: Any, now: datetime) -> Cell:
    if not isinstance(value, str):
        return None
    return age(value, now) if parse_time(value) is not None else INVALID


def _string(value: Any, _: datetime) -> Cell:
    if value is None:
        return "<nil>"
    return shown(value) if isinstance(value, dict | list) else text(value)


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CELLS: dict[str, Callable[[Any, datetime], Cell]] = {
    "string": _string,
    "date": _date,
    "integer": lambda value, _: int(value) if _numeric(value) else None,
    "number": lambda value, _: value if _numeric(value) else None,
    "boolean": lambda value, _: value if isinstance(value, bool) else None,
}
