"""Patches as the API server applies them: JSON patch (RFC 6902) and merge patch (RFC 7386).

Where the RFC and the API server part, this is the API server: a `test` for null passes on a member that is absent,
if its parent is there. The controller's preconditions are made of such tests.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, PatchFailedError
from delivery.cluster.memory.values import copy_json, equal_json

_INDEX = re.compile(r"0|[1-9][0-9]*")
_ABSENT = object()


def json_patch(document: Any, ops: Sequence[Mapping[str, Any]]) -> Any:
    """`document` (not changed) after all operations, or none.

    PatchFailedError: a test fails or a path does not exist. BadRequestError: an operation is malformed.
    """
    return apply_json_patch(copy_json(document), ops)


def apply_json_patch(document: Any, ops: Sequence[Mapping[str, Any]]) -> Any:
    """The same, done to `document` itself; when it fails, no more than a part has been done."""
    if isinstance(ops, Mapping | str) or not isinstance(ops, Sequence):
        raise BadRequestError(f"JSON patch: a list of operations is needed, not {type(ops).__name__}")
    root = {"": document}
    for number, op in enumerate(ops):
        if not isinstance(op, Mapping):
            raise BadRequestError(f"JSON patch, operation {number}: an object is needed, not {op!r}")
        if op.get("op") not in _OPERATIONS:  # found out when it is applied, so it is refused like one that fails
            allowed = ", ".join(_OPERATIONS)
            raise PatchFailedError(f"JSON patch, operation {number}: {op!r}; op must be one of {allowed}")
        _OPERATIONS[op["op"]](root, op)
    return root[""]


def merge_patch(document: Any, patch: Any) -> Any:
    """`document` (not changed) with `patch` merged in: null removes, objects merge, the rest replaces."""
    return apply_merge_patch(copy_json(document), copy_json(patch))


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """The same, done to `document` itself if it is an object; parts of `patch` go into it."""
    if not isinstance(patch, dict):
        return patch
    merged = document if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_merge_patch(merged.get(key), value)
    return merged


def _parts(op: Mapping[str, Any], member: str) -> list[str]:
    """The unescaped parts of a pointer, from the holder of the whole document."""
    text = op.get(member)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise BadRequestError(f"JSON patch {op['op']}: {member} must be a JSON pointer, not {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]


def _value(op: Mapping[str, Any]) -> Any:
    if "value" not in op:
        raise BadRequestError(f"JSON patch {op['op']} {op.get('path')}: value is missing")
    return copy_json(op["value"])


def _failed(op: Mapping[str, Any], why: str) -> PatchFailedError:
    return PatchFailedError(f"JSON patch {op['op']} {op.get('path')}: {why}")


def _child(parent: Any, part: str) -> Any:
    """The member or element, or _ABSENT."""
    if isinstance(parent, dict):
        return parent.get(part, _ABSENT)
    if isinstance(parent, list) and _INDEX.fullmatch(part) and int(part) < len(parent):
        return parent[int(part)]
    return _ABSENT


def _parent(root: dict[str, Any], parts: list[str], op: Mapping[str, Any]) -> Any:
    """The object or array in which the last part is looked up."""
    node: Any = root
    for part in parts[:-1]:
        node = _child(node, part)
        if node is _ABSENT:
            raise _failed(op, f"there is no {part!r} on the way")
    if not isinstance(node, dict | list):
        raise _failed(op, f"{parts[-2]!r} holds neither an object nor an array")
    return node


def _existing(root: dict[str, Any], parts: list[str], op: Mapping[str, Any]) -> tuple[Any, Any]:
    parent = _parent(root, parts, op)
    child = _child(parent, parts[-1])
    if child is _ABSENT:
        raise _failed(op, f"there is no {parts[-1]!r}")
    return parent, child


def _insert(root: dict[str, Any], parts: list[str], value: Any, op: Mapping[str, Any]) -> None:
    parent, last = _parent(root, parts, op), parts[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif _INDEX.fullmatch(last) and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise _failed(op, f"{last!r} is no index of an array of {len(parent)}")


def _take(root: dict[str, Any], parts: list[str], op: Mapping[str, Any]) -> Any:
    if parts == [""]:
        raise _failed(op, "the whole document can't be removed")
    parent, child = _existing(root, parts, op)
    del parent[parts[-1] if isinstance(parent, dict) else int(parts[-1])]
    return child


def _add(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    _insert(root, _parts(op, "path"), _value(op), op)


def _remove(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    _take(root, _parts(op, "path"), op)


def _replace(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    parts, value = _parts(op, "path"), _value(op)
    parent, _ = _existing(root, parts, op)
    parent[parts[-1] if isinstance(parent, dict) else int(parts[-1])] = value


def _move(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    source, target = _parts(op, "from"), _parts(op, "path")
    if target[: len(source)] == source:
        _existing(root, source, op)
        if target != source:
            raise _failed(op, f"{op['from']} can't be moved into itself")
        return
    _insert(root, target, _take(root, source, op), op)


def _copy(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    _, value = _existing(root, _parts(op, "from"), op)
    _insert(root, _parts(op, "path"), copy_json(value), op)


def _test(root: dict[str, Any], op: Mapping[str, Any]) -> None:
    parts, wanted = _parts(op, "path"), copy_json(op.get("value"))
    parent = _parent(root, parts, op)
    child = _child(parent, parts[-1])
    if child is _ABSENT and isinstance(parent, dict) and wanted is None:
        return
    if child is _ABSENT or not equal_json(child, wanted):
        raise _failed(op, "the test fails")


_OPERATIONS: dict[str, Callable[[dict[str, Any], Mapping[str, Any]], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
