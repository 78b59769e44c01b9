"""CustomResourceDefinitions: writing one makes a kind, and deleting one takes its objects with it.

Definitions are ordinary objects of the store. Whoever writes one (a request, a state file being read, the sandbox's own
start) has its kind served from then on; a finalizer holds a deleted one until its last object is gone.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from delivery.cluster.memory.rejections import Cause, ContentInvalidError
from delivery.cluster.memory.resources import Resource
from delivery.cluster.memory.store import Admission, Store
from delivery.cluster.memory.watching import Happened
from delivery.cluster.objects import Kind, Object, Ref
from delivery.sandbox.schemas.builtin import BuiltinShape
from delivery.sandbox.schemas.structural import StructuralSchema
from delivery.sandbox.server.builtin import CRDS
from delivery.sandbox.server.failures import MethodNotAllowedError
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.served import Body, ScalePaths, Served

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
MANAGER = "kube-apiserver"

_RULES = BuiltinShape(CRDS, CRDS.kind)


class Definitions:
    """Keeps the registry and the store's kinds equal to the definitions in the store.

    `gone(kind)` is called when a stored kind is no longer served.
    """

    def __init__(
        self, store: Store, registry: Registry, *, now: Callable[[], datetime], gone: Callable[[Kind], None]
    ) -> None:
        self._store, self._registry, self._now, self._gone = store, registry, now, gone
        self._leaving: dict[Ref, Kind] = {}
        self._stored: dict[Ref, Kind] = {}
        for body in store.scan(CRDS):
            self._serve(Ref.of(CRDS, body), body)
        store.admission.append(self.admit)
        store.observers.append(self.note)

    def admit(self, admission: Admission) -> None:
        """Complete and check a definition on its way in; refuse new objects of one that is being deleted."""
        if admission.operation == "CREATE" and admission.ref.kind in self._leaving.values():
            raise MethodNotAllowedError("create not allowed while custom resource definition is terminating")
        if admission.ref.kind != CRDS or admission.subresource:
            return
        body = admission.object
        _RULES.default(body)
        causes = _RULES.validate(body)
        if admission.old is not None:
            causes += _changes(admission.old, body, self._kept_versions(admission.ref, admission.old))
        if causes:
            raise ContentInvalidError.of(admission.ref, causes)
        if admission.operation == "CREATE":
            body["metadata"].setdefault("finalizers", []).append(FINALIZER)
        body["status"] = _status(body, admission.old or {}, self._now().strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _kept_versions(self, ref: Ref, old: Object) -> set[str]:
        """The versions that an update must not take away."""
        kept = set((old.get("status") or {}).get("storedVersions") or ())
        stored = self._stored.get(ref)
        return kept | {stored.version} if stored is not None and self._store.scan(stored) else kept

    def note(self, event: Happened) -> None:
        """Follow a write to a definition, and the end of an object whose definition is leaving."""
        if event.ref.kind == CRDS:
            if event.type == "DELETED":
                self._forget(event.ref)
            elif "deletionTimestamp" in event.object["metadata"]:
                self._leaving[event.ref] = self._stored[event.ref]
                self._sweep_soon()
            else:
                self._serve(event.ref, event.object)
        elif event.type == "DELETED" and event.ref.kind in self._leaving.values():
            self._sweep_soon()

    def sweep(self) -> None:
        """Delete the objects of definitions that are leaving, and let a definition go when it has none left."""
        for ref, kind in [*self._leaving.items()]:
            for body in self._store.scan(kind):
                if "deletionTimestamp" not in body["metadata"]:
                    self._store.delete(Ref.of(kind, body))
            definition = self._store.peek(ref)
            if definition is None or self._store.scan(kind):
                continue
            kept = [name for name in definition["metadata"].get("finalizers") or () if name != FINALIZER]
            if len(kept) < len(definition["metadata"].get("finalizers") or ()):
                op = {"op": "replace", "path": "/metadata/finalizers", "value": kept}
                self._store.patch(ref, [op], manager=MANAGER)

    def _sweep_soon(self) -> None:
        """After the write that is being told of: an observer must not write."""
        try:
            asyncio.get_running_loop().call_soon(self.sweep)
        except RuntimeError:  # no server runs yet; it sweeps when it starts
            return

    def _serve(self, ref: Ref, body: Object) -> None:
        spec = body["spec"]
        stored = self._stored.get(ref) or self._choose(spec)
        names = {version["name"] for version in spec["versions"]}
        if stored.version not in names:
            stored = _kind(spec, _storage_version(spec))
        self._stored[ref] = stored
        version = next(one for one in spec["versions"] if one["name"] == stored.version)
        status = "status" in (version.get("subresources") or {})
        self._store.register(Resource(stored, status=status, generation=True))
        self._registry.remove(spec["group"], spec["names"]["plural"])
        self._registry.add(_served(spec, one, stored) for one in spec["versions"] if one["served"])
        if "deletionTimestamp" in body["metadata"]:
            self._leaving[ref] = stored

    def _choose(self, spec: Mapping[str, Any]) -> Kind:
        """The version to store: the one in which the store knows the kind already, else the storage version."""
        names = {version["name"] for version in spec["versions"]}
        for resource in self._store.kinds():
            kind = resource.kind
            if (kind.group, kind.plural) == (spec["group"], spec["names"]["plural"]) and kind.version in names:
                return kind
        return _kind(spec, _storage_version(spec))

    def _forget(self, ref: Ref) -> None:
        kind = self._stored.pop(ref)
        self._leaving.pop(ref, None)
        self._registry.remove(kind.group, kind.plural)
        if not self._store.scan(kind):
            self._store.unregister(kind)
        self._gone(kind)


def _kind(spec: Mapping[str, Any], version: str) -> Kind:
    names = spec["names"]
    return Kind(spec["group"], version, names["kind"], names["plural"], namespaced=spec["scope"] == "Namespaced")


def _storage_version(spec: Mapping[str, Any]) -> str:
    return str(next(version["name"] for version in spec["versions"] if version["storage"]))


def _served(spec: Mapping[str, Any], version: Mapping[str, Any], stored: Kind) -> Served:
    names, schema = spec["names"], (version.get("schema") or {}).get("openAPIV3Schema")
    subresources = version.get("subresources") or {}
    return Served(
        kind=_kind(spec, version["name"]),
        stored=stored,
        singular=names["singular"],
        list_kind=names["listKind"],
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status="status" in subresources,
        scale=_scale(subresources.get("scale")),
        custom=True,
        unconditional=False,
        shape=StructuralSchema.of(schema) if schema else None,
        columns=version.get("additionalPrinterColumns") or (),
        schema=schema,
    )


def _scale(paths: Mapping[str, str] | None) -> ScalePaths | None:
    if paths is None:
        return None

    def parts(name: str) -> tuple[str, ...]:
        return tuple(part for part in paths.get(name, "").split(".") if part)

    return ScalePaths(parts("specReplicasPath"), parts("statusReplicasPath"), parts("labelSelectorPath"))


def _changes(old: Object, body: Object, kept: set[str]) -> Iterator[Cause]:
    """What an update must not do: make another kind of it, or take versions away in which objects are stored."""
    for path in (("group",), ("scope",), ("names", "plural"), ("names", "kind")):
        before, after = _at(old["spec"], path), _at(body["spec"], path)
        if before != after:
            yield Cause(".".join(("spec", *path)), f'Invalid value: "{after}": field is immutable')
    names = {version["name"] for version in body["spec"]["versions"]}
    for version in sorted(kept - names):
        what = f'Invalid value: "{version}": must appear in spec.versions: objects are stored in it'
        yield Cause("status.storedVersions", what)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _status(body: Body, old: Object, now: str) -> Body:
    """Names are always accepted: the store keeps kinds apart by group and plural."""
    before = old.get("status") or {}
    since = {one["type"]: one["lastTransitionTime"] for one in before.get("conditions") or ()}
    accepted = ("NoConflicts", "no conflicts found")
    conditions = {
        "NamesAccepted": accepted,
        "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
    }
    storage = _storage_version(body["spec"])
    stored = before.get("storedVersions") or []
    return {
        "acceptedNames": body["spec"]["names"],
        "conditions": [
            {
                "type": type_,
                "status": "True",
                "lastTransitionTime": since.get(type_, now),
                "reason": reason,
                "message": message,
            }
            for type_, (reason, message) in conditions.items()
        ],
        "storedVersions": stored if storage in stored else [*stored, storage],
    }
