"""An API server without HTTP: objects, and what happens to them when they are written.

Synchronous and deterministic. One counter gives every write its resourceVersion, each object handed out is a copy,
and uids and generated names come from the seed. Transports (the simulation's, an HTTP server) put time, loss and
order on top; the semantics of requests live here only.
"""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from delivery.cluster.memory import rules
from delivery.cluster.memory.admission import Admission
from delivery.cluster.memory.garbage import FOREGROUND, blocks, held_by_dependents
from delivery.cluster.memory.managed import attribute
from delivery.cluster.memory.patching import apply_json_patch, apply_merge_patch
from delivery.cluster.memory.rejections import (
    AlreadyExistsError,
    BadRequestError,
    ContentInvalidError,
    NotFoundError,
)
from delivery.cluster.memory.resources import Resource
from delivery.cluster.memory.selectors import selector
from delivery.cluster.memory.shelves import Body, Shelves
from delivery.cluster.memory.values import SAFE, clone, copy_json
from delivery.cluster.memory.watching import Happened, History, Subscription, parse_version
from delivery.cluster.objects import Kind, Object, Ref
from delivery.cluster.protocols import Clock, Listing, WatchEvent

__all__ = ["JSON_PATCH", "MERGE_PATCH", "Admission", "Store"]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


class Store(Shelves):
    """The objects of one cluster.

    `history` is how many events of each kind a watch can go back; `collect_at_once` False leaves dependents of
    deleted objects to calls of collect_garbage. `shapers` make of a body that was sent what a schema makes of it
    (defaults, unknown fields), before anything else looks at it. `admission` hooks see every create and update, in
    their order; `observers` are told of every write, within it, and must neither write nor change what they see.
    """

    def __init__(
        self, clock: Clock, *, seed: int | str | None = 0, history: int = 1000, collect_at_once: bool = True
    ) -> None:
        super().__init__()
        self.admission: list[Callable[[Admission], None]] = []
        self.observers: list[Callable[[Happened], None]] = []
        self.shapers: list[Callable[[Resource, Body], None]] = []
        self.patchers: dict[str, Callable[[Resource, Body, Any], Any]] = {
            JSON_PATCH: lambda _, body, patch: apply_json_patch(body, patch),
            MERGE_PATCH: lambda _, body, patch: apply_merge_patch(body, copy_json(patch)),
        }
        self._clock, self._collect_at_once = clock, collect_at_once
        self._rng = random.Random(f"store/{seed}")  # noqa: S311 - no secret
        self._history = History(history)
        self._version, self._rehearsing = 1, False

    def restore(self, objects: Iterable[tuple[Kind, Body]], version: int) -> None:
        """Fill an empty store with what another one held at `version`, to the letter: nobody is told of it.

        Watches from before that version get a 410. ValueError if something is stored already.
        """
        if any(self._objects.values()):
            raise ValueError("only an empty store can be restored")
        self._version = version
        self._history.begin_at(version)
        for kind, body in objects:
            ref = Ref.of(kind, body)
            self._objects.setdefault(kind, {})[ref.namespace, ref.name] = body
            self._owners.note(ref, None, body)

    # -- reading

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Writes within the block are checked and answered, and change nothing (dryRun=All)."""
        self._rehearsing = True
        try:
            yield
        finally:
            self._rehearsing = False

    @property
    def resource_version(self) -> str:
        """The version of the last write."""
        return str(self._version)

    def get(self, ref: Ref) -> Body:
        """One object; NotFoundError if there is none."""
        body: Body = clone(self._current(ref))
        return body

    def list(self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = "") -> Listing:
        """All objects of a kind that the selectors select, by namespace and name."""
        self._resource(kind)
        selects = selector(labels, fields)
        items = [clone(body) for body in self.scan(kind, namespace) if selects(body)]
        return Listing(items, self.resource_version)

    def subscribe(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        labels: str = "",
        fields: str = "",
        deliver: Callable[[WatchEvent], None],
    ) -> Subscription:
        """Deliver every event after `resource_version`, those of the past before this returns.

        Empty or "0" starts with what is there now, as ADDED. ExpiredError if the history no longer reaches back.
        """
        self._resource(kind)
        selects, since = selector(labels, fields), self._version
        if resource_version in ("", "0"):
            for body in self.scan(kind, namespace):
                if selects(body):
                    deliver(WatchEvent("ADDED", clone(body)))
        else:
            since = parse_version(resource_version, self._version)
        return self._history.subscribe(kind, namespace, selects, deliver, since=since)

    def bookmark(self, kind: Kind) -> WatchEvent:
        """The event that tells a watch up to where it has seen everything: now."""
        body = {"kind": kind.kind, "apiVersion": kind.api_version}
        return WatchEvent("BOOKMARK", {**body, "metadata": {"resourceVersion": self.resource_version}})

    def remembers(self, kind: Kind, version: int) -> bool:
        """Can a watch of a kind go back to `version`?"""
        return self._history.remembers(kind, version)

    def last_change(self, kind: Kind) -> int:
        """The version of the last write to a kind, 0 if there was none."""
        return self._history.last(kind)

    def compact(self) -> None:
        """Forget the history: a watch from before now gets a 410 if anything happened since."""
        self._history.forget(self._version)

    # -- writing

    def create(self, kind: Kind, body: Object, *, namespace: str = "", manager: str = "unknown") -> Body:
        """Store a new object; AlreadyExistsError if the name is taken. `metadata.generateName` is honoured."""
        resource = self._resource(kind)
        sent = rules.identify(resource, namespace, copy_json(body))
        self._shape(resource, sent)
        new = rules.prepare_create(resource, sent)
        meta = new["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + "".join(self._rng.choice(SAFE) for _ in range(5))
        if not meta.get("name"):
            raise ContentInvalidError.of(Ref(kind, "", ""), [rules.NAMELESS])
        ref = Ref.of(kind, new)
        if self.peek(ref) is not None:
            raise AlreadyExistsError.of(ref)
        meta["uid"] = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        meta["creationTimestamp"] = self._timestamp()
        self._admit(Admission("CREATE", ref, new, None, "", manager))
        return self._commit(ref, None, new, manager, "")

    def replace(self, ref: Ref, body: Object, *, subresource: str = "", manager: str = "unknown") -> Body:
        """Put a whole object (a PUT); a resourceVersion in it is a precondition."""
        resource = self._resource(ref.kind)
        new = rules.identify(resource, ref.namespace, copy_json(body))
        return self._update(ref, lambda _: new, subresource, manager)

    def patch(
        self, ref: Ref, patch: Any, *, content_type: str = JSON_PATCH, subresource: str = "", manager: str = "unknown"
    ) -> Body:
        """Patch an object; PatchFailedError if a JSON patch does not apply. No change, no new version."""
        if content_type not in self.patchers:
            raise BadRequestError(f"patch: {content_type!r}; supported are {', '.join(self.patchers)}")
        patcher, resource = self.patchers[content_type], self._resource(ref.kind)

        change = rules.keeping_uid(ref, lambda body: patcher(resource, body, patch))
        return self._update(ref, change, subresource, manager)

    def delete(
        self,
        ref: Ref,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> Body:
        """Delete, or mark as being deleted while finalizers (or, for pods, the kubelet) hold it.

        `propagation` says what becomes of dependents: Background, Foreground (they go first) or Orphan.
        """
        if propagation not in ("Background", "Foreground", "Orphan"):
            raise BadRequestError(f"propagationPolicy: {propagation!r}; one of Background, Foreground, Orphan")
        old = self._current(ref)
        rules.check_deletion(ref, old, uid, resource_version)
        if self._rehearsing:
            propagation = "Background"  # nothing becomes of dependents
        if propagation == "Orphan":
            self._orphan(old["metadata"]["uid"])
        elif propagation == "Foreground" and self._owners.dependents(old["metadata"]["uid"]):
            return self._delete_after_dependents(ref, old)
        grace = rules.grace(self._resources[ref.kind], old, grace_seconds)
        if not rules.finalizers(ref.kind, old) and grace == 0:
            return self._remove(ref, old)
        if "deletionTimestamp" in old["metadata"]:
            return self.get(ref)
        return self._mark(ref, old, grace)

    def collect_garbage(self) -> int:
        """Delete what all its owners have left behind; how many objects that were."""
        return self._collect(self._owners.with_owners())

    # -- inside

    def _timestamp(self, seconds: int = 0) -> str:
        return (self._clock.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _shape(self, resource: Resource, body: Body) -> None:
        for shape in self.shapers:
            shape(resource, body)

    def _admit(self, admission: Admission) -> None:
        for hook in self.admission:
            hook(admission)

    def _update(self, ref: Ref, change: Callable[[Body], Any], subresource: str, manager: str) -> Body:
        resource, old = self._resource(ref.kind), self._current(ref)
        if subresource not in ("", "status") or (subresource and not resource.status):
            raise NotFoundError(f"{ref}: there is no subresource {subresource!r}")
        body = change(clone(old))
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), Mapping):
            raise BadRequestError(f"{ref}: an object with metadata is needed, not {body!r:.80}")
        self._shape(resource, body)
        meta = body["metadata"]
        rules.check_preconditions(ref, old, meta.get("uid", ""), meta.get("resourceVersion", ""))
        new = rules.prepare_update(resource, old, body, subresource)  # may share parts with the old one
        if self.admission and not subresource:
            new = clone(new)
        self._admit(Admission("UPDATE", ref, new, old, subresource, manager))
        rules.count_generation(resource, old, new)
        if rules.same_but_bookkeeping(old, new):
            return self.get(ref)
        done = self._commit(ref, old, new, manager, subresource)
        meta = new["metadata"]
        held = rules.finalizers(ref.kind, new) or meta.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in meta and not held and not self._rehearsing:
            self._remove(ref, self._current(ref))
        return done

    def _commit(self, ref: Ref, old: Body | None, new: Body, manager: str, subresource: str) -> Body:
        version, time = ref.kind.api_version, self._timestamp()
        managed = attribute(old, new, manager=manager, subresource=subresource, version=version, time=time)
        new["metadata"]["managedFields"] = managed
        return self._put("ADDED" if old is None else "MODIFIED", ref, old, new)

    def _put(self, type_: str, ref: Ref, old: Body | None, new: Body) -> Body:
        if self._rehearsing:
            return new
        self._version += 1
        new["metadata"]["resourceVersion"] = str(self._version)
        self._objects[ref.kind][ref.namespace, ref.name] = new
        self._owners.note(ref, old, new)
        self._tell(Happened(type_, ref, new, old, self._version))
        answer: Body = clone(new)
        return answer

    def _tell(self, event: Happened) -> None:
        self._history.append(event)
        for observer in self.observers:
            observer(event)

    def _mark(self, ref: Ref, old: Body, grace: int) -> Body:
        new = clone(old)
        new["metadata"]["deletionTimestamp"] = self._timestamp(grace)
        new["metadata"]["deletionGracePeriodSeconds"] = grace
        if self._resources[ref.kind].generation:
            new["metadata"]["generation"] += 1
        return self._put("MODIFIED", ref, old, new)

    def _delete_after_dependents(self, ref: Ref, old: Body) -> Body:
        """Mark it, held by a finalizer that goes with the last dependent that blocks it, and delete those."""
        uid = old["metadata"]["uid"]
        marked = (
            self.get(ref) if "deletionTimestamp" in old["metadata"] else self._mark(ref, held_by_dependents(old), 0)
        )
        self._collect(self._owners.dependents(uid), dying=uid)
        self._release(ref)
        return marked if self.peek(ref) is None else self.get(ref)

    def _release(self, ref: Ref) -> None:
        """Let go of what waited for its dependents, if none is left that blocks it."""
        body = self.peek(ref)
        if body is None or FOREGROUND not in (body["metadata"].get("finalizers") or ()):
            return
        uid = body["metadata"]["uid"]
        if not any(blocks(self._current(one), uid) for one in self._owners.dependents(uid)):
            kept = [name for name in body["metadata"]["finalizers"] if name != FOREGROUND]
            op = {"op": "replace", "path": "/metadata/finalizers", "value": kept}
            self.patch(ref, [op], manager="garbage-collector")

    def _remove(self, ref: Ref, old: Body) -> Body:
        if self._rehearsing:
            return self.get(ref)
        self._version += 1
        last = clone(old)
        last["metadata"]["resourceVersion"] = str(self._version)
        del self._objects[ref.kind][ref.namespace, ref.name]
        self._owners.note(ref, old, None)
        self._tell(Happened("DELETED", ref, last, old, self._version))
        if self._collect_at_once:
            self._collect(self._owners.dependents(old["metadata"]["uid"]))
        for owner in self._owners.owners(old):
            self._release(owner)
        answer: Body = clone(last)
        return answer

    def _collect(self, candidates: Sequence[Ref], *, dying: str = "") -> int:
        collected = 0
        for ref in candidates:
            body = self.peek(ref)
            if body is None or "deletionTimestamp" in body["metadata"]:
                continue
            dead = self._owners.dead(body, dying)
            if len(dead) == len(body["metadata"]["ownerReferences"]):
                propagation = "Foreground" if dying else "Background"
                self.delete(ref, uid=body["metadata"]["uid"], propagation=propagation)
                collected += 1
            elif dead:
                self._disown(ref, dead)
        return collected

    def _orphan(self, uid: str) -> None:
        for ref in self._owners.dependents(uid):
            self._disown(ref, [uid])

    def _disown(self, ref: Ref, uids: Sequence[str]) -> None:
        old = self._current(ref)
        new = clone(old)
        kept = [owner for owner in new["metadata"]["ownerReferences"] if owner["uid"] not in uids]
        new["metadata"]["ownerReferences"] = kept
        self._commit(ref, old, new, "garbage-collector", "")
