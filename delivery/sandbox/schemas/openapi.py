"""OpenAPI documents, from which kubectl learns what an object may hold, how it is patched and what to explain.

kubectl asks for version 3, one document a group version; version 2 is the whole in one, for other clients. Built-in
kinds are described by the tables of shapes (structure alone, no descriptions), custom ones by their own schema.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.shapes import SCALARS, Field, type_of, types

Document = dict[str, Any]

_PREFIX = "io.k8s.api."
_INT_OR_STRING = {"x-kubernetes-int-or-string": True}
_TITLE = {"title": "delivery sandbox", "version": "v1"}
_PATCHES = ("application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"
_ONLY_IN_V3 = ("nullable", "oneOf", "anyOf", "allOf", "not")


class Described(Protocol):
    """What is asked of a served kind: the kind, and the `openAPIV3Schema` of a custom one."""

    @property
    def kind(self) -> Kind: ...

    @property
    def schema(self) -> Mapping[str, Any] | None: ...


def v2(resources: Iterable[Described]) -> Document:
    """One document (Swagger 2.0) that describes all of `resources`."""
    described = list(resources)
    return {
        "swagger": "2.0",
        "info": _TITLE,
        "paths": _paths(described, _parameter_v2),
        "definitions": {name: _downgraded(body) for name, body in _schemas(described, "#/definitions/").items()},
    }


def v3_index(resources: Iterable[Described]) -> Document:
    """Where the document of each group version is; the address changes with its content, so it may be cached."""
    described, paths = list(resources), {}
    for path in sorted({group_path(resource.kind) for resource in described}):
        content = json.dumps(v3(described, path), sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def v3(resources: Iterable[Described], path: str) -> Document | None:
    """The document (OpenAPI 3.0) of one group version, such as `apis/apps/v1`; None if nothing of it is served."""
    described = [resource for resource in resources if group_path(resource.kind) == path]
    if not described:
        return None
    schemas = _schemas(described, "#/components/schemas/")
    return {
        "openapi": "3.0.0",
        "info": _TITLE,
        "paths": _paths(described, _parameter_v3),
        "components": {"schemas": schemas},
    }


def group_path(kind: Kind) -> str:
    """The path of a kind's group version, without a slash before it: `api/v1`, `apis/apps/v1`."""
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


# -- operations


def _paths(described: Sequence[Described], parameter: Callable[[str, str], Document]) -> Document:
    paths: Document = {}
    for resource in described:
        kind = resource.kind
        collection = f"/{group_path(kind)}/{'namespaces/{namespace}/' if kind.namespaced else ''}{kind.plural}"
        within = ["namespace"] if kind.namespaced else []
        paths[collection] = _item(kind, within, {"get": "list", "post": "post"}, parameter)
        operations = {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}
        paths[f"{collection}/{{name}}"] = _item(kind, [*within, "name"], operations, parameter)
    return paths


def _item(
    kind: Kind, within: Sequence[str], operations: Mapping[str, str], parameter: Callable[[str, str], Document]
) -> Document:
    item: Document = {"parameters": [parameter(name, "path") for name in within]}
    for method, action in operations.items():
        item[method] = {
            "operationId": f"{action}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _identity(kind),
        }
        if method in ("post", "put", "patch"):
            names = ("dryRun", "fieldManager", "fieldValidation")
            item[method]["parameters"] = [parameter(name, "query") for name in names]
        if method == "patch":
            # kubectl learns from this list whether a kind can be patched strategically
            media = _PATCHES if type_of(kind) is None else (*_PATCHES, _STRATEGIC)
            item[method] |= _accepting(media, v3=parameter is _parameter_v3)
    return item


def _accepting(media: Sequence[str], *, v3: bool) -> Document:
    if not v3:
        return {"consumes": list(media)}
    return {"requestBody": {"content": {each: {"schema": {"type": "object"}} for each in media}}}


def _parameter_v2(name: str, place: str) -> Document:
    return {"name": name, "in": place, "type": "string", "uniqueItems": True} | _always(place)


def _parameter_v3(name: str, place: str) -> Document:
    return {"name": name, "in": place, "schema": {"type": "string", "uniqueItems": True}} | _always(place)


def _always(place: str) -> Document:
    return {"required": True} if place == "path" else {}


def _identity(kind: Kind) -> Document:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


# -- schemas


def _schemas(described: Iterable[Described], base: str) -> Document:
    """The schema of each kind and of every type that they use, by name."""
    schemas: Document = {}
    for resource in described:
        kind, type_name = resource.kind, type_of(resource.kind)
        if resource.schema is not None or type_name is None:
            name = ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])
            schemas[name] = _custom(kind, resource.schema or {"type": "object"}, base)
            _add_type("ObjectMeta", schemas, base)
        else:
            _add_type(type_name, schemas, base)
            schemas[_PREFIX + type_name]["x-kubernetes-group-version-kind"] = [_identity(kind)]
    return schemas


def _custom(kind: Kind, schema: Mapping[str, Any], base: str) -> Document:
    own = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"allOf": [_reference("ObjectMeta", base)], "description": "The metadata of the object."},
    }
    properties = {**own, **{k: v for k, v in (schema.get("properties") or {}).items() if k != "metadata"}}
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [_identity(kind)]}


def _add_type(type_name: str, schemas: Document, base: str) -> None:
    """Add a type and all that it is made of."""
    name = _PREFIX + type_name
    if name in schemas:
        return
    schemas[name] = dict(_described_type(type_name, base))
    for field in types()[type_name].values():
        if field.item not in SCALARS:
            _add_type(field.item, schemas, base)


@lru_cache(maxsize=1024)
def _described_type(type_name: str, base: str) -> Document:
    fields = types()[type_name]
    schema: Document = {
        "type": "object",
        "properties": {field.name: _property(field, base) for field in fields.values()},
    }
    if required := [field.name for field in fields.values() if field.required]:
        schema["required"] = required
    return schema


def _property(field: Field, base: str) -> Document:
    inner = _scalar(field.item) if field.item in SCALARS else _reference(field.item, base)
    if field.is_map:
        return {"type": "object", "additionalProperties": inner}
    if not field.is_list:
        return {"allOf": [inner], "x-kubernetes-patch-strategy": "retainKeys"} if field.retain_keys else inner
    schema: Document = {"type": "array", "items": inner}
    if field.merge_key is None:
        return {**schema, "x-kubernetes-list-type": "atomic"}
    schema["x-kubernetes-patch-strategy"] = "merge,retainKeys" if field.retain_keys else "merge"
    if not field.merge_key:
        return {**schema, "x-kubernetes-list-type": "set"}
    keys = [field.merge_key, "protocol"] if field.name == "ports" else [field.merge_key]
    return schema | {
        "x-kubernetes-patch-merge-key": field.merge_key,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": keys,
    }


def _scalar(name: str) -> Document:
    if name in ("quantity", "intstr"):
        return dict(_INT_OR_STRING)
    return {} if name == "any" else dict(SCALARS[name])


def _reference(type_name: str, base: str) -> Document:
    return {"$ref": base + _PREFIX + type_name}


def _downgraded(schema: Any) -> Any:
    """A schema without what version 2 has no words for."""
    if isinstance(schema, list):
        return [_downgraded(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema and not isinstance(schema["properties"], dict):
        return schema
    plain = {key: value for key, value in schema.items() if key not in _ONLY_IN_V3}
    if list(schema.get("allOf") or ())[:1] and "$ref" in schema["allOf"][0]:
        plain["$ref"] = schema["allOf"][0]["$ref"]
    for key in ("properties", "additionalProperties", "items"):
        if key in plain:
            inner = plain[key]
            plain[key] = {k: _downgraded(v) for k, v in inner.items()} if key == "properties" else _downgraded(inner)
    return plain
