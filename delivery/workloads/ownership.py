"""Whose an object is, and which leader wrote it last.

Objects that serve traffic carry no ownerReference, because garbage collection would take them from under the users;
labels say whose they are. The fence says which leader wrote last, so that a paused one finds out.
"""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.errors import Fenced
from delivery.cluster.objects import (
    AUTOSCALING_VERSIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    SCALED_OBJECTS,
    Kind,
    Object,
    Op,
    Ref,
    pointer,
    resource_version,
)
from delivery.workloads.names import Names

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "progressive-delivery"
CANARY_LABEL = "progressive.delivery/canary"
FENCE = "progressive.delivery/fence"
REVISION = "progressive.delivery/revision"
APPLIED = "progressive.delivery/applied"
ORIGINAL_SELECTOR = "progressive.delivery/original-selector"
TOUCHED = "progressive.delivery/touched"
"""Changed by a write that must change the object, so that a late one, decided on the same version, fails."""
ORIGINAL_ROUTES = "progressive.delivery/original-routes"
ORIGINAL = "progressive.delivery/original"
"""Annotation on an object that was there before us and that we have taken over: what it said then, as JSON."""


def owner_labels(names: Names) -> dict[str, str]:
    """The labels of every object that we create for a Canary."""
    return {MANAGED_BY: MANAGER, CANARY_LABEL: names.canary}


def labels(body: Object) -> Mapping[str, Any]:
    """An object's labels; empty without any."""
    return body["metadata"].get("labels") or {}


def annotations(body: Object) -> Mapping[str, Any]:
    """An object's annotations; empty without any."""
    return body["metadata"].get("annotations") or {}


def signs(current: Object | None, names: Names) -> dict[str, str]:
    """The labels by which an object is known as the Canary's. One that we have not made keeps its own manager's."""
    made = current is None or labels(current).get(MANAGED_BY) == MANAGER
    return owner_labels(names) if made else {CANARY_LABEL: names.canary}


def is_adopted(body: Object) -> bool:
    """Was it there before us, and has it been taken over?"""
    return ORIGINAL in annotations(body)


def is_managed(body: Object) -> bool:
    """Was it created or taken over by us, for whatever Canary?"""
    made = labels(body).get(MANAGED_BY) == MANAGER or is_adopted(body)
    return made and CANARY_LABEL in labels(body)


def is_ours(body: Object, names: Names) -> bool:
    """Was it created or taken over by us for this Canary?"""
    return is_managed(body) and labels(body)[CANARY_LABEL] == names.canary


def fence_of(body: Object | None) -> int:
    """The epoch of the leader that wrote last, 0 or more; 0 without a fence or with one that is no number."""
    text = str(annotations(body).get(FENCE, "")) if body else ""
    return int(text) if text.isascii() and text.isdecimal() else 0


def check_fence(ref: Ref, body: Object, epoch: int) -> None:
    """Raise Fenced when a later leader than `epoch` has written the object: nothing may be decided on it."""
    fence = fence_of(body)
    if fence > epoch:
        raise Fenced(f"{ref} carries fence {fence}, ours is {epoch}", fence=fence)


def version_tests(body: Object) -> tuple[Op, ...]:
    """The write holds only for the object exactly as it was read."""
    return ({"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)},)


def generation_tests(body: Object) -> tuple[Op, ...]:
    """The write holds only for the spec and the fence as they were read; status may have changed meanwhile.

    The API server passes a test for null when the member is absent and its parent is there; so an absent map of
    annotations is tested itself, and nobody's annotations are lost when we add the map.
    """
    return (
        {"op": "test", "path": "/metadata/generation", "value": body["metadata"].get("generation")},
        *fence_tests(body),
    )


def fence_tests(body: Object) -> tuple[Op, ...]:
    """The write holds only for the fence as it was read."""
    noted = body["metadata"].get("annotations")
    if noted is None:
        return ({"op": "test", "path": pointer("metadata", "annotations"), "value": None},)
    return ({"op": "test", "path": pointer("metadata", "annotations", FENCE), "value": noted.get(FENCE)},)


def preconditions(kind: Kind, body: Object) -> tuple[Op, ...]:
    """The tests for an object of this kind: where a status churns, the resourceVersion proves too much.

    An autoscaler has no generation; who writes more of it than the fence adds the values that are replaced.
    """
    if kind == SCALED_OBJECTS or kind in AUTOSCALING_VERSIONS:
        return fence_tests(body)
    return generation_tests(body) if kind in (DEPLOYMENTS, DAEMON_SETS) else version_tests(body)
