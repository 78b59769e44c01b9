"""The forms in which objects are answered: as they are, as rows of a table, or as their metadata alone.

A client says in its Accept header which it can read, in order of preference.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError
from delivery.cluster.objects import Object
from delivery.sandbox.schemas import tables
from delivery.sandbox.server.failures import NotAcceptableError
from delivery.sandbox.server.served import Body, Served

META = "meta.k8s.io/v1"


_INCLUDED = ("None", "Metadata", "Object")


class Form(StrEnum):
    """How objects are rendered."""

    OBJECT = "object"
    TABLE = "table"
    METADATA = "metadata"


_FORMS = {
    "Table": Form.TABLE,
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
}


def negotiate(accept: str) -> Form:
    """The first form in an Accept header that can be given; NotAcceptableError if there is none."""
    for media in accept.split(",") if accept else ["*/*"]:
        name, *parameters = (part.strip() for part in media.split(";"))
        wanted = dict(parameter.partition("=")[::2] for parameter in parameters)
        if name not in ("application/json", "application/*", "*/*"):
            continue
        if "as" not in wanted:
            return Form.OBJECT
        if wanted["as"] in _FORMS and (wanted.get("g"), wanted.get("v")) == ("meta.k8s.io", "v1"):
            return _FORMS[wanted["as"]]
    raise NotAcceptableError(
        "only the following media types are accepted: application/json, "
        "application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    )


class Renderer:
    """Renders objects of one kind in one form. `include` is what a row of a table holds: Metadata, Object or None."""

    def __init__(self, served: Served, form: Form, *, now: Callable[[], datetime], include: str = "") -> None:
        self._served, self._form, self._now, self._include = served, form, now, include or "Metadata"
        if self._include not in _INCLUDED:
            raise BadRequestError(f"includeObject: {include!r} was given; allowed are {', '.join(_INCLUDED)}")

    def one(self, body: Object) -> Body:
        """A single object."""
        if self._form is Form.TABLE:
            return self._table([body], {"resourceVersion": body["metadata"].get("resourceVersion", "")})
        return self._plain(body)

    def many(self, bodies: Sequence[Object], meta: Mapping[str, Any]) -> Body:
        """A list. Items of builtin kinds do not repeat what they are, as on a real server."""
        if self._form is Form.TABLE:
            return self._table(bodies, meta)
        if self._form is Form.METADATA:
            items = [self._plain(body) for body in bodies]
            return {"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": dict(meta), "items": items}
        served = self._served
        head = {"kind": served.list_kind, "apiVersion": served.kind.api_version, "metadata": dict(meta)}
        if served.custom:
            return {**head, "items": [served.outward(body) for body in bodies]}
        return {**head, "items": [_untyped(body) for body in bodies]}

    def event(self, body: Object, *, bookmark: bool = False, first: bool = True) -> Body:
        """The object of a watch event; only the first table of a watch says what its columns are."""
        if self._form is not Form.TABLE:
            return self._served.outward(body) if bookmark and self._form is Form.OBJECT else self._plain(body)
        if bookmark:
            meta = {"resourceVersion": body["metadata"]["resourceVersion"]}
            return {"kind": "Table", "apiVersion": META, "metadata": meta, "columnDefinitions": [], "rows": []}
        return self.one(body) if first else {**self.one(body), "columnDefinitions": []}

    def _plain(self, body: Object) -> Body:
        if self._form is Form.METADATA:
            return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": body["metadata"]}
        return self._served.outward(body)

    def _table(self, bodies: Sequence[Object], meta: Mapping[str, Any]) -> Body:
        table = tables.table(
            self._served.kind,
            [self._served.outward(body) for body in bodies],
            self._now(),
            self._include,
            columns=self._served.columns,
        )
        return {**table, "metadata": dict(meta)}


def _untyped(body: Object) -> Body:
    return {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
