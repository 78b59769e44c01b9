"""What the API server makes of a body that was sent: which parts of it count, and which it refuses.

Pure functions on plain JSON, so that the store itself is only about what is stored when.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from delivery.cluster.memory.rejections import (
    BadRequestError,
    Cause,
    ContentInvalidError,
    ForbiddenError,
    VersionConflictError,
    resource_details,
)
from delivery.cluster.memory.resources import NAMESPACES, Resource
from delivery.cluster.memory.values import equal_json
from delivery.cluster.objects import Kind, Ref

Body = dict[str, Any]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

NAMELESS = Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")

IMMORTAL = ("default", "kube-system", "kube-public")
"""The namespaces that cannot be deleted (admission plugin NamespaceLifecycle)."""

_SERVERS_OWN = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


def identify(resource: Resource, namespace: str, body: Body) -> Body:
    """`body` with kind, apiVersion and namespace filled in; BadRequestError if they say something else."""
    kind = resource.kind
    meta = body.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise BadRequestError(f"metadata: an object is needed, not {meta!r}")
    wanted = {"kind": kind.kind, "apiVersion": kind.api_version}
    for field, value in wanted.items():
        if body.setdefault(field, value) != value:
            raise BadRequestError(f"{field}: {body[field]!r} was sent, {value!r} is what this address holds")
    if not kind.namespaced:
        meta.pop("namespace", None)
    elif meta.setdefault("namespace", namespace or "default") != namespace and namespace:
        raise BadRequestError(f"metadata.namespace: {meta['namespace']!r} was sent to namespace {namespace!r}")
    return body


def prepare_create(resource: Resource, body: Body) -> Body:
    """A body as it is stored first: without status, if that is a subresource, and without the server's fields."""
    meta = body["metadata"]
    if meta.pop("resourceVersion", ""):
        raise BadRequestError("metadata.resourceVersion: must not be set on an object to be created")
    for field in (*_SERVERS_OWN, "managedFields", "selfLink"):
        meta.pop(field, None)
    if resource.status:
        body.pop("status", None)
    if resource.generation:
        meta["generation"] = 1
    return body


def prepare_update(resource: Resource, old: Body, body: Body, subresource: str) -> Body:
    """What is stored of `body`: its status alone for the status subresource, else all but what isn't its own."""
    if subresource == "status":
        new = {**old, "metadata": dict(old["metadata"])}
        new.pop("status", None)
        return {**new, "status": body["status"]} if "status" in body else new
    _check_identity(Ref.of(resource.kind, old), old, body)
    meta, was = body["metadata"], old["metadata"]
    for field in (*_SERVERS_OWN, "managedFields", "resourceVersion"):
        meta.pop(field, None)
        if field in was:
            meta[field] = was[field]
    if resource.status:
        body.pop("status", None)
        if "status" in old:
            body["status"] = old["status"]
    return body


def finalizers(kind: Kind, body: Body) -> list[str]:
    """What keeps an object that is being deleted: its finalizers, and those in the spec of a namespace."""
    inner = (body.get("spec") or {}).get("finalizers") if kind == NAMESPACES else None
    return [*(body["metadata"].get("finalizers") or ()), *(inner or ())]


def count_generation(resource: Resource, old: Body, new: Body) -> None:
    """Raise metadata.generation if the kind has one and the change counts for it."""
    if resource.generation and content_changed(resource, old, new):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def check_preconditions(ref: Ref, old: Body, uid: str, resource_version: str) -> None:
    """VersionConflictError when the object is another one, or in another version, than the request names."""
    meta = old["metadata"]
    if uid and uid != meta["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta['uid']}"
        raise VersionConflictError.of(ref, why)
    if resource_version and resource_version != meta["resourceVersion"]:
        raise VersionConflictError.of(ref, MODIFIED)


def check_deletion(ref: Ref, old: Body, uid: str, resource_version: str) -> None:
    """The preconditions of a deletion; its refusal names the kind, where that of an update names the resource.

    ForbiddenError for a namespace that a cluster cannot be without.
    """
    if ref.kind == NAMESPACES and ref.name in IMMORTAL:
        message = f'namespaces "{ref.name}" is forbidden: this namespace may not be deleted'
        raise ForbiddenError(message, details=resource_details(ref))
    meta, named = old["metadata"], Ref(replace(ref.kind, plural=ref.kind.kind), ref.namespace, ref.name)
    if uid and uid != meta["uid"]:
        why = f"the UID in the precondition ({uid}) does not match the UID in record ({meta['uid']})"
        raise VersionConflictError.of(named, f"{why}. The object might have been deleted and then recreated")
    if resource_version and resource_version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({resource_version}) does not match the ResourceVersion in record"
        )
        raise VersionConflictError.of(named, f"{why} ({meta['resourceVersion']}). The object might have been modified")


def keeping_uid(ref: Ref, change: Callable[[Body], Any]) -> Callable[[Body], Any]:
    """A patch that must not give the object another uid: ContentInvalidError then. (A PUT with one is a Conflict.)"""

    def changed(body: Body) -> Any:
        uid = body["metadata"]["uid"]
        new = change(body)
        meta = new.get("metadata") if isinstance(new, dict) else None
        given = (meta.get("uid") if isinstance(meta, dict) else None) or uid
        if given != uid:
            raise ContentInvalidError.of(ref, [Cause("metadata.uid", f'Invalid value: "{given}": field is immutable')])
        return new

    return changed


def grace(resource: Resource, old: Body, asked: int | None) -> int:
    """Seconds that the kubelet gets: only a pod that is on a node has one to wait for."""
    spec = old.get("spec") or {}
    if not resource.graceful or not spec.get("nodeName"):
        return 0
    return int(spec.get("terminationGracePeriodSeconds", 30)) if asked is None else asked


def content_changed(resource: Resource, old: Body, new: Body) -> bool:
    """Does the change count for metadata.generation?"""
    apart = {"metadata", "status"} if resource.status else {"metadata"}
    return not equal_json(
        {key: value for key, value in old.items() if key not in apart},
        {key: value for key, value in new.items() if key not in apart},
    )


def same_but_bookkeeping(old: Body, new: Body) -> bool:
    """Is a write from `old` to `new` a no-op (managedFields and resourceVersion aside)?"""

    def essence(body: Body) -> Body:
        meta = {k: v for k, v in body["metadata"].items() if k not in ("managedFields", "resourceVersion")}
        return {**body, "metadata": meta}

    return equal_json(essence(old), essence(new))


def _check_identity(ref: Ref, old: Body, body: Body) -> None:
    meta, was = body.get("metadata"), old["metadata"]
    if not isinstance(meta, dict):
        raise BadRequestError(f"metadata: an object is needed, not {meta!r}")
    for field in ("name", "namespace"):
        if meta.setdefault(field, was.get(field)) != was.get(field):
            raise BadRequestError(f"metadata.{field}: {meta[field]!r}; a stored object keeps {was.get(field)!r}")
    if meta.get("namespace") is None:
        meta.pop("namespace", None)
    added = [name for name in meta.get("finalizers") or () if name not in (was.get("finalizers") or ())]
    if added and "deletionTimestamp" in was:
        message = f"no new finalizers can be added while the object is being deleted: {', '.join(added)}"
        cause = Cause("metadata.finalizers", f"Forbidden: {message}", "FieldValueForbidden")
        raise ContentInvalidError.of(ref, [cause])
