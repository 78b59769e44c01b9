"""Strategic merge patch (`kubectl apply`, `set image` and `edit` on built-in kinds): lists are joined by a key.

Which list by which key stands in the tables of shapes. The directives are those of Kubernetes: `$patch`
(delete, replace, merge), `$setElementOrder/list`, `$deleteFromPrimitiveList/list` and `$retainKeys`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from delivery.cluster.errors import Invalid
from delivery.cluster.memory.rejections import BadRequestError, RejectionError
from delivery.cluster.memory.values import copy_json, equal_json
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.shapes import Field, type_of, types

Body = dict[str, Any]

_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"
_DIRECTIVES = ("replace", "delete", "merge")


class UnsupportedMediaTypeError(RejectionError, Invalid):
    """415: no patch of this type for this kind."""

    code: ClassVar[int] = 415
    reason: ClassVar[str] = "UnsupportedMediaType"


def apply(kind: Kind, body: Mapping[str, Any], patch: Any) -> Body:
    """`body` (not changed) with a strategic merge patch applied.

    UnsupportedMediaTypeError for a custom kind: its structure says nothing of merge keys. BadRequestError names a
    part of the patch that makes no sense.
    """
    type_name = type_of(kind)
    if type_name is None:
        raise UnsupportedMediaTypeError(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json"
        )
    if not isinstance(patch, Mapping):
        raise BadRequestError(f"strategic merge patch: an object is needed, not {patch!r:.80}")
    merged: Body = _merge_object(copy_json(body), copy_json(patch), type_name, "")
    return merged


def _merge_object(current: Any, patch: Body, type_name: str, path: str) -> Any:
    """`current` with `patch` merged in. Both may be changed."""
    directive = _directive(patch, path)
    if directive == "replace":
        return _without_directives(patch)
    if directive == "delete":
        return {}
    merged: Body = current if isinstance(current, dict) else {}
    _retain(merged, patch, path)
    fields = types().get(type_name, {})
    orders = {key.removeprefix(_ORDER): patch.pop(key) for key in list(patch) if key.startswith(_ORDER)}
    for name, order in orders.items():
        _check_list(order, f"{path}: {_ORDER}{name}")
    before = {name: list(merged[name]) for name in orders if isinstance(merged.get(name), list)}
    _delete_scalars(merged, patch, path)
    for name, value in patch.items():
        inner = f"{path}.{name}" if path else name
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge_value(merged.get(name), value, fields.get(name), inner)
    for name, order in orders.items():
        if isinstance(merged.get(name), list):
            merged[name] = _ordered(merged[name], order, before.get(name, []), _identity(fields.get(name)))
    return merged


def _merge_value(current: Any, value: Any, field: Field | None, path: str) -> Any:
    if isinstance(value, dict):
        nested = field.type if field is not None else ""
        return _merge_object(current, value, nested, path)
    if isinstance(value, list) and field is not None and field.merge_key is not None:
        return _merge_list(current if isinstance(current, list) else [], value, field, path)
    return _without_directives(value)


def _merge_list(current: list[Any], patch: list[Any], field: Field, path: str) -> list[Any]:
    key = field.merge_key
    if not key:
        added = [item for item in patch if not any(equal_json(item, old) for old in current)]
        return _ordered([*current, *added], patch, current, _identity(field))
    if any(isinstance(item, dict) and item.get("$patch") == "replace" and key not in item for item in patch):
        return [item for item in map(_without_directives, patch) if item]
    merged, order = list(current), [dict(item) for item in patch if isinstance(item, dict)]
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise BadRequestError(f"map: {item!r:.80} does not contain declared merge key: {key} (in {path})")
        places = [place for place, old in enumerate(merged) if equal_json(old.get(key), item[key])]
        if _directive(dict(item), path) == "delete":
            merged = [old for place, old in enumerate(merged) if place not in places]
        elif places:
            merged[places[0]] = _merge_object(merged[places[0]], item, field.item, f"{path}[{places[0]}]")
        else:
            merged.append(_merge_object({}, item, field.item, path))
    return _ordered(merged, order, current, _identity(field))


def _identity(field: Field | None) -> Callable[[Any], Any]:
    """What tells an item of a list from the others: its key, or a scalar itself."""
    key = field.merge_key if field is not None else None
    return lambda item: item.get(key) if key and isinstance(item, dict) else item


def _ordered(items: list[Any], order: Any, before: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """The items that `order` names in its order, and the others between them.

    Each of the others goes before the next named one if it stood before that one in the list before the patch
    (the rule of apimachinery's strategicpatch).
    """
    wanted, places = [identity(item) for item in order], [identity(item) for item in before]
    named = sorted((item for item in items if identity(item) in wanted), key=lambda item: wanted.index(identity(item)))
    others = [item for item in items if identity(item) not in wanted]
    result: list[Any] = []
    while named and others:
        first, second = identity(others[0]), identity(named[0])
        earlier = first in places and second in places and places.index(first) < places.index(second)
        result.append((others if earlier else named).pop(0))
    return result + named + others


def _retain(current: Body, patch: Body, path: str) -> None:
    """Keep only the members that the patch's $retainKeys names."""
    if "$retainKeys" not in patch:
        return
    keys = patch.pop("$retainKeys")
    _check_list(keys, f"{path}: $retainKeys")
    unknown = [name for name in patch if name not in keys and patch[name] is not None and not name.startswith("$")]
    if unknown:
        raise BadRequestError(f"{path}: $retainKeys does not name {', '.join(unknown)}, which the patch sets")
    for name in [name for name in current if name not in keys]:
        del current[name]


def _delete_scalars(current: Body, patch: Body, path: str) -> None:
    for key in [key for key in patch if key.startswith(_DELETE)]:
        gone, name = patch.pop(key), key.removeprefix(_DELETE)
        _check_list(gone, f"{path}: {key}")
        if isinstance(current.get(name), list):
            current[name] = [item for item in current[name] if not any(equal_json(item, old) for old in gone)]


def _check_list(value: Any, where: str) -> None:
    if not isinstance(value, list):
        raise BadRequestError(f"{where}: a list is needed, not {value!r:.80}")


def _directive(patch: Body, path: str) -> str:
    directive = patch.pop("$patch", "merge")
    if directive not in _DIRECTIVES:
        raise BadRequestError(f"{path}: $patch: {directive!r}; one of {', '.join(_DIRECTIVES)}")
    return str(directive)


def _without_directives(value: Any) -> Any:
    """A part of a patch as a value: what only says how to patch left out."""
    if isinstance(value, dict):
        return {
            name: _without_directives(item)
            for name, item in value.items()
            if item is not None and not name.startswith(("$patch", "$retainKeys", _ORDER, _DELETE))
        }
    return [_without_directives(item) for item in value] if isinstance(value, list) else value
