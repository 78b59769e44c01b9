"""Revisions: what makes one version of a workload another.

A revision is a hash of the pod template as the API server's JSON says it, never of decoded structures: those gain
fields with every upgrade of a library, and each gain would look like a new version of every workload. The hash
carries its own version, so that a change of the method is recognised and starts no run.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

HASH_VERSION = "v1"
_DIGITS = 12  # 48 bits: enough to tell the versions of one workload apart
POD_TEMPLATE_HASH = "pod-template-hash"


def revision(template: Mapping[str, Any]) -> str:
    """The revision of a pod template: the hash's version and 12 hexadecimal digits of SHA-256."""
    return f"{HASH_VERSION}-{_METHODS[HASH_VERSION](template)}"


def matches(recorded: str, template: Mapping[str, Any]) -> bool | None:
    """Is `recorded` the revision of this template? Compared by the method that recorded it.

    None when that method is not known: nobody can tell, and it must never start a run.
    """
    version, _, digest = recorded.partition("-")
    method = _METHODS.get(version)
    return method(template) == digest if method else None


def canonical(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without what says nothing: members that are null or empty, and what controllers add to it."""
    meta = dict(template.get("metadata") or {})
    meta.pop("creationTimestamp", None)
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != POD_TEMPLATE_HASH}
    pruned: dict[str, Any] = _pruned({**template, "metadata": meta})
    return pruned


def _pruned(value: Any) -> Any:
    """Without null and empty members; the elements of a list keep their places, because places mean something."""
    if isinstance(value, Mapping):
        members = {key: _pruned(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member not in (None, {}, [])}
    if isinstance(value, list):
        return [_pruned(element) for element in value]
    return value


def _digest_v1(template: Mapping[str, Any]) -> str:
    return _digest_of(json.dumps(template, default=dict))


@lru_cache(maxsize=1024)
def _digest_of(text: str) -> str:
    """The digest of a template's JSON; every tick asks for the same few."""
    pruned = json.dumps(canonical(json.loads(text)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(pruned.encode()).hexdigest()[:_DIGITS]


_METHODS: dict[str, Callable[[Mapping[str, Any]], str]] = {"v1": _digest_v1}
