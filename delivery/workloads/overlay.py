"""Overlays: what we render is ours, every other field stays.

`overlay` compares an object with what is wanted of it, member by member, and yields only the operations that are
needed; so a foreign field survives exactly, and nothing is written when nothing differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Action, Change, Kind, Object, Op, Ref, pointer
from delivery.workloads.ownership import FENCE, check_fence, preconditions


@dataclass(frozen=True, slots=True)
class Exact:
    """A value that is ours as a whole: members that others added to it do not stay."""

    value: Any


@dataclass(frozen=True, slots=True)
class Absent:
    """A member that must not be there."""


def overlay(current: Mapping[str, Any], wanted: Mapping[str, Any], path: tuple[str, ...] = ()) -> tuple[Op, ...]:
    """The operations after which `current`, found at `path`, has every member that is `wanted`.

    Mappings are merged; an Exact, a list or a plain value is replaced when it differs; an Absent is removed.
    """
    ops: list[Op] = []
    for key, want in sorted(wanted.items()):
        here = (*path, key)
        have = current.get(key)
        if type(want) is str:  # most of what is wanted are words that are there
            ops += () if have == want else _put(key in current, have, want, here)
        elif isinstance(want, Absent):
            ops += [{"op": "remove", "path": pointer(*here)}] if key in current else []
        elif isinstance(want, Mapping) and isinstance(have, Mapping):
            ops += overlay(have, want, here)
        else:
            ops += _put(key in current, have, want, here)
    return tuple(ops)


def _put(present: bool, have: Any, want: Any, path: tuple[str, ...]) -> tuple[Op, ...]:
    value = plain(want)
    if have == value or (have is None and isinstance(want, Mapping) and not value):
        return ()
    return ({"op": "replace" if present else "add", "path": pointer(*path), "value": value},)


def plain(wanted: Any) -> Any:
    """What is wanted, as JSON: the body of a creation."""
    if type(wanted) in (str, int):
        return wanted
    if isinstance(wanted, Exact):
        return plain(wanted.value)
    if isinstance(wanted, Mapping):
        return {key: plain(value) for key, value in wanted.items() if not isinstance(value, Absent)}
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return [plain(item) for item in wanted]
    return wanted


def patch_change(
    kind: Kind,
    body: Object,
    wanted: Mapping[str, Any],
    *,
    epoch: int,
    why: str,
    extra: tuple[Op, ...] = (),
) -> Change | None:
    """The change that lays `wanted` over an object as it was read; None when nothing differs.

    `extra` are operations on lists, which an overlay cannot express. The fence goes with a write but is no reason
    for one, so that an idle object costs a new leader nothing. Raises Fenced when a later leader was there.
    """
    ref = Ref.of(kind, body)
    check_fence(ref, body, epoch)
    if not extra and not overlay(body, wanted):
        return None
    ops = overlay(body, with_annotations(wanted, {FENCE: str(epoch)}))
    return Change(ref=ref, tests=preconditions(kind, body), ops=(*ops, *extra), why=why)


def create_change(kind: Kind, body: Mapping[str, Any], *, epoch: int, why: str) -> Change:
    """The change that creates an object with `body`, our fence on it; Conflict when it exists by now."""
    whole = plain(with_annotations(body, {FENCE: str(epoch)}))
    typed = {"apiVersion": kind.api_version, "kind": kind.kind, **whole}
    return Change(ref=Ref.of(kind, typed), action=Action.CREATE, body=typed, why=why)


def with_annotations(wanted: Mapping[str, Any], noted: Mapping[str, str]) -> dict[str, Any]:
    """`wanted` with these annotations besides its own."""
    meta = wanted.get("metadata") or {}
    return {**wanted, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **noted}}}


def refence_change(kind: Kind, body: Object, *, epoch: int) -> Change | None:
    """Put our epoch on an object and change nothing else; None when it is there. Raises Fenced for a higher one."""
    ref = Ref.of(kind, body)
    check_fence(ref, body, epoch)
    ops = overlay(body, {"metadata": {"annotations": {FENCE: str(epoch)}}})
    return Change(ref=ref, tests=preconditions(kind, body), ops=ops, why="take over") if ops else None
