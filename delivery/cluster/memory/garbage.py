"""Who owns whom: an index of ownerReferences, so that deleting an owner finds its dependents without a search."""

from typing import Any

from delivery.cluster.objects import Object, Ref

Body = dict[str, Any]

FOREGROUND = "foregroundDeletion"
"""The finalizer of what is deleted after its dependents."""


class Owners:
    """The living uids, and the objects that name an owner."""

    def __init__(self) -> None:
        self._living: dict[str, Ref] = {}
        self._dependents: dict[str, dict[Ref, None]] = {}

    def note(self, ref: Ref, old: Body | None, new: Body | None) -> None:
        """Take a write into account: None is what did not or does no longer exist."""
        if old is not None:
            for uid in _owner_uids(old):
                dependents = self._dependents.get(uid, {})
                dependents.pop(ref, None)
                if not dependents:
                    self._dependents.pop(uid, None)
            self._living.pop(old["metadata"]["uid"], None)
        if new is not None:
            self._living[new["metadata"]["uid"]] = ref
            for uid in _owner_uids(new):
                self._dependents.setdefault(uid, {})[ref] = None

    def dependents(self, uid: str) -> list[Ref]:
        """The objects that name `uid` as an owner, oldest first."""
        return list(self._dependents.get(uid, ()))

    def owners(self, body: Object) -> list[Ref]:
        """The living owners that an object names."""
        return [self._living[uid] for uid in _owner_uids(body) if uid in self._living]

    def with_owners(self) -> list[Ref]:
        """All objects that name an owner."""
        return list(dict.fromkeys(ref for dependents in self._dependents.values() for ref in dependents))

    def dead(self, body: Object, dying: str = "") -> list[str]:
        """The owners of an object that don't live; `dying` counts as dead."""
        return [uid for uid in _owner_uids(body) if uid not in self._living or uid == dying]


def _owner_uids(body: Object) -> list[str]:
    return [owner["uid"] for owner in body["metadata"].get("ownerReferences") or ()]


def blocks(dependent: Object, uid: str) -> bool:
    """Does an object say that its owner `uid` must not go before it (blockOwnerDeletion)?"""
    owners = dependent["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in owners)


def held_by_dependents(body: Body) -> Body:
    """An object with the finalizer of a deletion that waits for dependents."""
    meta = body["metadata"]
    return {**body, "metadata": {**meta, "finalizers": [*(meta.get("finalizers") or ()), FOREGROUND]}}
