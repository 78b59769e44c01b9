"""create, update, patch and delete: what was sent, made into calls of the store, and what is answered.

The store decides everything about objects. Here stands what depends on how a request came: the version that it speaks,
the form of its patch, whether it is a rehearsal, what it wants to hear about unknown fields.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, Cause, ContentInvalidError, resource_details
from delivery.cluster.memory.store import JSON_PATCH, MERGE_PATCH, Store
from delivery.cluster.objects import Object
from delivery.sandbox.server.addresses import Address
from delivery.sandbox.server.failures import StorageError, UnsupportedMediaTypeError
from delivery.sandbox.server.options import DeleteOptions, ListOptions, WriteOptions
from delivery.sandbox.server.reading import selection
from delivery.sandbox.server.served import Body, Served
from delivery.sandbox.server.shaping import Shaping

STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
STATUS = "status"


class Writer:
    """Carries writes out. Every method returns the object in the version of its address."""

    def __init__(self, store: Store, shaping: Shaping) -> None:
        self._store, self._shaping = store, shaping

    def create(self, address: Address, body: Body, options: WriteOptions) -> Body:
        """Store a new object (POST to a collection)."""
        served = address.served
        sent = _sent(served, body)
        namespace = address.namespace or _own_namespace(served, sent)
        if (sent.get("metadata") or {}).get("resourceVersion"):
            raise StorageError("resourceVersion should not be set on objects to be created")

        def write() -> Object:
            return self._store.create(served.stored, sent, namespace=namespace, manager=options.manager)

        return self._written(served, options, write)

    def replace(self, address: Address, body: Body, options: WriteOptions) -> Body:
        """Put a whole object (PUT)."""
        served, sent = address.served, _sent(address.served, body)
        _check_target(address, sent)
        if not served.unconditional and not (sent.get("metadata") or {}).get("resourceVersion"):
            what = "Invalid value: 0x0: must be specified for an update"
            named = replace(served.stored, kind=served.kind.plural)  # by resource, as a real server does it here
            raise ContentInvalidError.of(replace(address.ref, kind=named), [Cause("metadata.resourceVersion", what)])

        def write() -> Object:
            subresource, manager = address.subresource, options.manager
            return self._store.replace(address.ref, sent, subresource=subresource, manager=manager)

        return self._written(served, options, write)

    def patch(self, address: Address, content_type: str, patch: Any, options: WriteOptions) -> Body:
        """Patch an object; UnsupportedMediaTypeError if this form can't be used for its kind."""
        check_patch_type(address.served, content_type)
        if content_type != JSON_PATCH and not isinstance(patch, dict):
            raise BadRequestError(f"patch: an object is needed, not {patch!r:.80}")
        if content_type != JSON_PATCH and "apiVersion" in patch:
            patch = address.served.inward(patch)

        def write() -> Object:
            return self._store.patch(
                address.ref,
                patch,
                content_type=content_type,
                subresource=address.subresource,
                manager=options.manager,
            )

        return self._written(address.served, options, write)

    def delete(self, address: Address, options: DeleteOptions) -> tuple[Body, bool]:
        """The object as it is, or was last, and whether it is gone by now."""
        with self._store.rehearsal() if options.dry_run else nullcontext():
            last = self._store.delete(
                address.ref,
                uid=options.uid,
                resource_version=options.resource_version,
                propagation=options.propagation,
                grace_seconds=options.grace_seconds,
            )
        gone = self._store.peek(address.ref) is None or (
            options.dry_run and "deletionTimestamp" not in last["metadata"]
        )
        return address.served.outward(last), gone

    def delete_collection(self, address: Address, selected: ListOptions, options: DeleteOptions) -> list[Body]:
        """Delete all that the selectors select; what was deleted."""
        served, selects = address.served, selection(address.served, selected)
        deleted = []
        for body in self._store.scan(served.stored, address.namespace or None):
            if selects(body):
                one = Address(served, body["metadata"].get("namespace", ""), body["metadata"]["name"])
                deleted.append(self.delete(one, options)[0])
        return deleted

    def _written(self, served: Served, options: WriteOptions, write: Callable[[], Object]) -> Body:
        rehearsal = self._store.rehearsal() if options.dry_run else nullcontext()
        with rehearsal, self._shaping.of_request(served, strict=options.validation == "Strict"):
            return served.outward(write())


def check_patch_type(served: Served, content_type: str) -> None:
    """Which patches a kind takes: server-side apply none, a strategic merge only builtin kinds."""
    accepted = [JSON_PATCH, MERGE_PATCH, *([] if served.custom else [STRATEGIC_PATCH])]
    if content_type in accepted:
        return
    media = ", ".join(accepted)
    if content_type == APPLY_PATCH:
        raise UnsupportedMediaTypeError(
            "server-side apply is not supported by the sandbox: use kubectl apply without --server-side "
            f"(accepted media types include: {media})"
        )
    raise UnsupportedMediaTypeError(
        f"the body of the request was in an unknown format - accepted media types include: {media}"
    )


def _own_namespace(served: Served, sent: Body) -> str:
    """A POST to the collection of all namespaces goes by what the object says."""
    return str((sent.get("metadata") or {}).get("namespace") or "default") if served.kind.namespaced else ""


def deletion_status(address: Address, last: Object) -> Body:
    """The answer to the deletion of an object that is gone with it."""
    details = {**resource_details(address.ref), "uid": last["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _sent(served: Served, body: Any) -> Body:
    if not isinstance(body, dict):
        raise BadRequestError(f"a {served.kind.kind} as a JSON object is needed, not {body!r:.80}")
    if not isinstance(body.get("metadata") or {}, dict):
        raise BadRequestError(f"metadata: {body['metadata']!r:.80} was given; an object is needed")
    if served.custom:  # nothing else says how to read it
        for field in ("kind", "apiVersion"):
            if not body.get(field):
                raise BadRequestError(f"Object '{field[0].upper()}{field[1:]}' is missing in {body!s:.80}")
    kind = body.get("kind") or served.kind.kind
    version = body.get("apiVersion") or served.kind.api_version
    if (kind, version) != (served.kind.kind, served.kind.api_version):
        raise BadRequestError(f"{kind} in version {version!r} cannot be handled as a {served.kind.kind}")
    return served.inward({**body, "kind": kind, "apiVersion": version})


def _check_target(address: Address, sent: Body) -> None:
    meta = sent.get("metadata") or {}
    name, namespace = meta.get("name") or "", meta.get("namespace") or address.namespace
    if name != address.name:
        raise BadRequestError(
            f"the name of the object ({name}) does not match the name on the URL ({address.name})"
            if name
            else "name must be provided"
        )
    if namespace != address.namespace:
        raise BadRequestError(
            f"the namespace of the object ({namespace}) does not match "
            f"the namespace on the request ({address.namespace})"
        )
