"""How an autoscaler is written: on the values that are replaced, and on the fence.

Its status changes every few seconds and has no version of its own, and a HorizontalPodAutoscaler has no generation;
so a precondition on the whole object would fail all the time, and one on nothing would undo what somebody else wrote.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Change, Kind, Object, Op, Ref
from delivery.workloads.overlay import Absent, overlay
from delivery.workloads.ownership import FENCE, check_fence, fence_tests


def change(
    kind: Kind, body: Object, wanted: Mapping[str, Any], *, epoch: int, why: str, fence: bool = True
) -> Change | None:
    """The change that lays `wanted` over an autoscaler as it was read; None when nothing differs.

    With `fence` our epoch goes along; without it the fence comes off, because nothing of ours is left on the object.
    Raises Fenced when a later leader has written it.
    """
    check_fence(Ref.of(kind, body), body, epoch)
    if not overlay(body, wanted):
        return None
    mark: Any = str(epoch) if fence else Absent()
    metadata = wanted.get("metadata") or {}
    noted = {**(metadata.get("annotations") or {}), FENCE: mark}
    ops = overlay(body, {**wanted, "metadata": {**metadata, "annotations": noted}})
    return Change(ref=Ref.of(kind, body), tests=(*fence_tests(body), *_replaced(body, ops)), ops=ops, why=why)


def _replaced(body: Object, ops: Sequence[Op]) -> tuple[Op, ...]:
    """Tests for the values that `ops` replace or add to, as they were read."""
    tests: list[Op] = []
    for op in ops:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in op["path"].split("/")[1:]]
        value: Any = body
        for part in parts:
            value = value.get(part) if isinstance(value, Mapping) else None
        tests.append({"op": "test", "path": op["path"], "value": value})
    return tuple(tests)
