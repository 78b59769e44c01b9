"""Ruling out that a write without an answer still arrives: the object is changed, so that its test fails."""

from dataclasses import replace
from typing import Any

from delivery.cluster.objects import Action, Change, Object, Ref, pointer, resource_version
from delivery.workloads.ownership import FENCE, TOUCHED


def touched(change: Change, *, stamp: str) -> Change:
    """The same change, and one that surely changes the object: a late write decided on the same version fails.

    One that takes our fence off does that by itself, and is to leave nothing of us behind.
    """
    unfences = {"op": "remove", "path": pointer("metadata", "annotations", FENCE)}
    if change.action is not Action.PATCH or unfences in change.ops:
        return change
    op = {"op": "add", "path": f"/metadata/annotations/{TOUCHED.replace('/', '~1')}", "value": stamp}
    return replace(change, ops=(*change.ops, op))


def touch(kind: Any, body: Object, *, stamp: str) -> Change:
    """A change that alters nothing but proves that no write decided earlier can still come through."""
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)}
    return touched(Change(ref=Ref.of(kind, body), tests=(test,), why="rule out a late write"), stamp=stamp)
