"""The scale subresource: one object that says how many replicas there are to be, whatever kind it scales."""

from collections.abc import Mapping
from dataclasses import replace as replace_kind
from typing import Any

from delivery.cluster.memory.patching import json_patch, merge_patch
from delivery.cluster.memory.rejections import BadRequestError, Cause, ContentInvalidError, NotFoundError
from delivery.cluster.memory.store import JSON_PATCH, MERGE_PATCH, Store
from delivery.cluster.objects import Kind, Object
from delivery.sandbox.server.addresses import Address
from delivery.sandbox.server.failures import no_such_resource
from delivery.sandbox.server.options import WriteOptions
from delivery.sandbox.server.served import Body, ScalePaths
from delivery.sandbox.server.writing import Writer, check_patch_type

SCALE = Kind("autoscaling", "v1", "Scale", "scales")

_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read(store: Store, address: Address) -> Body:
    """The Scale of an object."""
    paths = _paths(address)
    body = store.peek(address.ref)
    if body is None:
        named = replace_kind(address.ref.kind, plural=f"{address.ref.kind.plural}/scale")
        raise NotFoundError.of(replace_kind(address.ref, kind=named))
    return _scale_of(body, paths)


def replace(store: Store, writer: Writer, address: Address, sent: Any, options: WriteOptions) -> Body:
    """Set the replicas that a Scale asks for; a resourceVersion in it is a precondition."""
    paths = _paths(address)
    if not isinstance(sent, dict) or sent.get("kind", "Scale") != "Scale":
        raise BadRequestError(f"a Scale is needed, not {sent!r:.80}")
    for member in ("metadata", "spec"):
        if not isinstance(sent.get(member) or {}, dict):
            raise BadRequestError(f"{member}: {sent[member]!r:.80} was given; an object is needed")
    replicas = (sent.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise BadRequestError(f"spec.replicas: {replicas!r} was given; a whole number is needed")
    if replicas < 0:
        what = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise ContentInvalidError.of(replace_kind(address.ref, kind=SCALE), [Cause("spec.replicas", what)])
    meta = sent.get("metadata") or {}
    known = {key: meta[key] for key in ("resourceVersion", "uid") if meta.get(key)}
    patch = {**_nested(paths.replicas, replicas), **({"metadata": known} if known else {})}
    whole = Address(address.served, address.namespace, address.name)
    return _scale_of(writer.patch(whole, MERGE_PATCH, patch, options), paths)


def patch(
    store: Store, writer: Writer, address: Address, content_type: str, change: Any, options: WriteOptions
) -> Body:
    """Patch the Scale, then set what it asks for. A strategic merge of a Scale is a merge: it has no lists."""
    check_patch_type(address.served, content_type)
    before = read(store, address)
    del before["metadata"]["resourceVersion"]  # a patch is only conditional on what it says itself
    after = json_patch(before, change) if content_type == JSON_PATCH else merge_patch(before, change)
    return replace(store, writer, address, after, options)


def _paths(address: Address) -> ScalePaths:
    if address.served.scale is None:
        raise no_such_resource()
    return address.served.scale


def _scale_of(body: Object, paths: ScalePaths) -> Body:
    meta = {key: body["metadata"][key] for key in _KEPT if key in body["metadata"]}
    status: Body = {"replicas": _at(body, paths.status) or 0}
    if selector := _selector(_at(body, paths.selector)):
        status["selector"] = selector
    replicas = _at(body, paths.replicas)
    spec = {"replicas": replicas} if replicas else {}  # 0 is left out, as a real server does it
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def _selector(value: Any) -> str:
    """A label selector as text: that is what a Scale shows, and custom kinds keep."""
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else ""
    terms = [f"{key}={text}" for key, text in sorted((value.get("matchLabels") or {}).items())]
    for one in value.get("matchExpressions") or ():
        values = f"({','.join(sorted(one.get('values') or ()))})"
        terms.append(
            {
                "In": f"{one['key']} in {values}",
                "NotIn": f"{one['key']} notin {values}",
                "Exists": one["key"],
                "DoesNotExist": f"!{one['key']}",
            }[one["operator"]]
        )
    return ",".join(terms)


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        body = body.get(part) if isinstance(body, Mapping) else None
    return body if path else None


def _nested(path: tuple[str, ...], value: Any) -> Body:
    for part in reversed(path):
        value = {part: value}
    nested: Body = value
    return nested
