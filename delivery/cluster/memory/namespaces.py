"""Namespaces as people meet them: there before anything is in them, emptied when they are deleted, gone at last.

A deleted namespace lives on as Terminating until all of its objects are gone. What holds it is `spec.finalizers`, as
on a real cluster; this controller takes that away.
"""

from collections import Counter
from collections.abc import Iterable

from delivery.cluster.memory.conditions import Condition, condition, find
from delivery.cluster.memory.controlling import Context
from delivery.cluster.memory.rejections import Cause, ForbiddenError, NotFoundError, resource_details, resource_name
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.memory.store import MERGE_PATCH, Admission, Store
from delivery.cluster.memory.watching import Happened
from delivery.cluster.objects import Object, Ref

MANAGER = "kube-controller-manager"
FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"

PREINSTALLED = ("default", "kube-system", "istio-system")
"""The namespaces that are there at the start."""


class NamespaceLifecycle:
    """Admission, as the plugin of that name: nothing is created in a namespace that is not there or on its way out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, admission: Admission) -> None:
        """NotFoundError or ForbiddenError if the namespace cannot take the object."""
        if admission.ref.kind == NAMESPACES:
            self._complete(admission)
        elif admission.operation == "CREATE" and admission.ref.namespace:
            self._check(admission.ref)

    def _complete(self, admission: Admission) -> None:
        body, old = admission.object, admission.old
        if old is None:
            body["metadata"].setdefault("labels", {})[NAME_LABEL] = admission.ref.name
            body.setdefault("spec", {})["finalizers"] = [FINALIZER]
            body["status"] = {"phase": "Active"}
        elif not admission.subresource and admission.manager != MANAGER:
            # only the controller gives a namespace free, whatever else is sent
            body["spec"] = {**(body.get("spec") or {}), "finalizers": (old.get("spec") or {}).get("finalizers", [])}

    def _check(self, ref: Ref) -> None:
        where = Ref(NAMESPACES, "", ref.namespace)
        namespace = self._store.peek(where)
        if namespace is None:
            raise NotFoundError.of(where)
        if "deletionTimestamp" in namespace["metadata"]:
            why = f"unable to create new content in namespace {where.name} because it is being terminated"
            cause = Cause("metadata.namespace", f"namespace {where.name} is being terminated", "NamespaceTerminating")
            message = f'{resource_name(ref.kind)} "{ref.name}" is forbidden: {why}'
            raise ForbiddenError(message, causes=[cause], details=resource_details(ref))


class Namespaces:
    """The namespace controller."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.store

    def install(self, names: Iterable[str] = PREINSTALLED) -> None:
        """Have these namespaces, if they are not there yet."""
        for name in names:
            if self._store.peek(Ref(NAMESPACES, "", name)) is None:
                self._store.create(NAMESPACES, {"metadata": {"name": name}}, manager=MANAGER)

    def sync(self, ref: Ref) -> None:
        """Empty a namespace that is being deleted, and let it go when nothing is left."""
        body = self._store.peek(ref)
        if body is None or "deletionTimestamp" not in body["metadata"]:
            return
        for left in self._content(ref.name):
            if self._store.peek(left) is not None:  # it may have gone with its owner
                self._store.delete(left)
        content = self._content(ref.name)
        if content:
            conditions = self._conditions(body, content)
            self._context.write_status(ref, {"phase": "Terminating", "conditions": conditions}, MANAGER)
        else:
            self._store.patch(ref, {"spec": {"finalizers": None}}, content_type=MERGE_PATCH, manager=MANAGER)

    def note(self, event: Happened) -> None:
        """What goes may have been the last thing in a namespace that waits for it."""
        if event.type != "DELETED" or not event.ref.namespace:
            return
        where = Ref(NAMESPACES, "", event.ref.namespace)
        namespace = self._store.peek(where)
        if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
            self._context.enqueue(where)

    def _content(self, name: str) -> list[Ref]:
        kinds = [resource.kind for resource in self._store.kinds() if resource.kind.namespaced]
        return [Ref.of(kind, body) for kind in kinds for body in self._store.scan(kind, name)]

    def _conditions(self, body: Object, content: list[Ref]) -> list[Condition]:
        """Why it is still there, in the conditions that a real namespace has."""
        was, now = body.get("status") or {}, self._context.timestamp()
        counts = Counter(resource_name(ref.kind) for ref in content)
        resources = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(counts.items()))
        held = Counter(
            finalizer
            for ref in content
            for finalizer in (self._store.peek(ref) or {"metadata": {}})["metadata"].get("finalizers") or ()
        )
        finalizers = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(held.items()))
        remaining, finalizing = "NamespaceContentRemaining", "NamespaceFinalizersRemaining"
        return [
            condition(
                find(was, remaining),
                remaining,
                True,
                now,
                reason="SomeResourcesRemain",
                message=f"Some resources are remaining: {resources}",
            ),
            condition(
                find(was, finalizing),
                finalizing,
                bool(held),
                now,
                reason="SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
                message=f"Some content in the namespace has finalizers remaining: {finalizers}" if held else "",
            ),
        ]
