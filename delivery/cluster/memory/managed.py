"""metadata.managedFields, as far as it is needed to say who changed what.

Fields are recorded to the depth at which people speak of them (`spec.http`, one label, one annotation), not to each
leaf as a real server does. A field belongs to whoever wrote it last; the entry written last stands last.
"""

from collections.abc import Iterator
from typing import Any

from delivery.cluster.memory.values import equal_json

_DEEPER = {("metadata",), ("metadata", "labels"), ("metadata", "annotations"), ("spec",), ("data",)}
_UNTRACKED = {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "name", "namespace"}

Path = tuple[str, ...]


def attribute(
    old: dict[str, Any] | None, new: dict[str, Any], *, manager: str, subresource: str, version: str, time: str
) -> list[dict[str, Any]]:
    """The managedFields of `new`, which `manager` made of `old` at `time` (RFC 3339)."""
    before: dict[str, Any] = old or {}
    changed = dict.fromkeys(_changed(before, new, ()))
    entries, mine = [], changed
    for entry in before.get("metadata", {}).get("managedFields", ()):
        owned = list(_paths(entry["fieldsV1"], ()))
        if entry["manager"] == manager and entry.get("subresource", "") == subresource:
            mine = {**dict.fromkeys(owned), **changed}
        elif kept := [path for path in owned if path not in changed]:
            entries.append({**entry, "fieldsV1": _tree(kept)})
    entry = {"manager": manager, "operation": "Update", "apiVersion": version, "time": time}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": _tree(sorted(mine))}
    return [*entries, {**entry, "subresource": subresource} if subresource else entry]


def _changed(old: Any, new: Any, path: Path) -> Iterator[Path]:
    if path and path not in _DEEPER:
        if not equal_json(old, new):
            yield path
        return
    old, new = (value if isinstance(value, dict) else {} for value in (old, new))
    for key in dict.fromkeys([*old, *new]):
        if key not in _UNTRACKED and not (not path and key in ("kind", "apiVersion")):
            yield from _changed(old.get(key), new.get(key), (*path, key))


def _tree(paths: list[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for part in path:
            node = node.setdefault(f"f:{part}", {})
    return tree


def _paths(tree: dict[str, Any], path: Path) -> Iterator[Path]:
    for key, below in tree.items():
        inner = (*path, key.removeprefix("f:"))
        if below:
            yield from _paths(below, inner)
        else:
            yield inner
