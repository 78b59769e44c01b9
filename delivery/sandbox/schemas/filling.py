"""Defaults of a schema, as an API server writes them: parents first, so that a default can have defaults inside."""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.cluster.memory.values import copy_json

Schema = Mapping[str, Any]


def default(value: Any, schema: Schema) -> None:
    """Fill in what is absent, or null where null is not allowed, in place."""
    if isinstance(value, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if "default" in inner and (name not in value or _forbidden_null(value[name], inner)):
                value[name] = copy_json(inner["default"])
    for key, item, inner in list(_parts(value, schema)):
        if "default" in inner and _forbidden_null(item, inner):
            value[key] = copy_json(inner["default"])
        default(value[key], inner)


def drop_nulls(value: Any, schema: Schema) -> None:
    """Remove the members that are null where the schema allows none: for the API server they are absent."""
    properties = schema.get("properties") or {}
    for key, item, inner in list(_parts(value, schema)):
        if isinstance(value, dict) and key in properties and _forbidden_null(item, inner):
            del value[key]
        else:
            drop_nulls(item, inner)


def _parts(value: Any, schema: Schema) -> Iterator[tuple[Any, Any, Schema]]:
    """Key, value and schema of everything in `value` that the schema describes."""
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            inner = properties.get(name, others)
            if isinstance(inner, Mapping):
                yield name, item, inner
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield index, item, schema["items"]


def _forbidden_null(value: Any, schema: Schema) -> bool:
    return value is None and not schema.get("nullable")
