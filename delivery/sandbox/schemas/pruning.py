"""Removal of the fields that a schema does not know, so that what is stored is what somebody described."""

from collections.abc import Mapping
from typing import Any

from delivery.sandbox.schemas.decoding import decode

Schema = Mapping[str, Any]

OBJECTS_OWN = ("apiVersion", "kind", "metadata")
"""What every object has, whether its schema says so or not."""


def prune(value: Any, schema: Schema, path: str, removed: list[str], *, root: bool = False) -> None:
    """Remove what `schema` does not know from `value`, in place, and add the paths to `removed`.

    `root`: `value` is a whole object, so its apiVersion, kind and metadata are known by themselves. DecodeError if
    the metadata of an object is of another form than all metadata.
    """
    if isinstance(value, dict):
        _prune_object(value, schema, path, removed, whole=root or bool(schema.get("x-kubernetes-embedded-resource")))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            prune(item, schema["items"], f"{path}[{index}]", removed)


def _prune_object(value: dict[str, Any], schema: Schema, path: str, removed: list[str], *, whole: bool) -> None:
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or others is True
    for name in sorted(value):
        inner = f"{path}.{name}" if path else name
        if whole and name in OBJECTS_OWN:
            if name == "metadata" and value[name] is not None:
                removed += decode(value[name], "ObjectMeta", inner)
        elif name in properties:
            prune(value[name], properties[name], inner, removed)
        elif isinstance(others, Mapping):
            prune(value[name], others, inner, removed)
        elif not keeps:
            removed.append(inner)
            del value[name]
