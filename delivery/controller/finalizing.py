"""Our finalizer: it holds a deleted Canary until its users are safe."""

from delivery.cluster.objects import CANARIES, Change, Object, Ref, resource_version
from delivery.controller.picture import Picture
from strategies.decision import Wanted

FINALIZER = "progressive.delivery/rollout"


def finalizer(wanted: Wanted, picture: Picture) -> tuple[Change, ...]:
    """Our finalizer on the Canary, there or not."""
    given = list(picture.body["metadata"].get("finalizers") or ())
    if (FINALIZER in given) == wanted.finalizer:
        return ()
    return (finalizer_change(picture.body, present=wanted.finalizer),)


def finalizer_change(body: Object, *, present: bool) -> Change:
    """Put our finalizer on a Canary or take it off; other finalizers stay."""
    given = [each for each in body["metadata"].get("finalizers") or () if each != FINALIZER]
    value = [*given, FINALIZER] if present else given
    return Change(
        ref=Ref.of(CANARIES, body),
        tests=({"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)},),
        ops=({"op": "add", "path": "/metadata/finalizers", "value": value},),
        why="hold the Canary until users are safe" if present else "let the Canary go",
    )


def is_held(body: Object) -> bool:
    """Does our finalizer hold the Canary?"""
    return FINALIZER in (body["metadata"].get("finalizers") or ())


def farewell(body: Object) -> Change | None:
    """The change that lets a Canary go that is being deleted and that nothing else holds for us."""
    return finalizer_change(body, present=False) if "deletionTimestamp" in body["metadata"] and is_held(body) else None
