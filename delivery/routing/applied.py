"""What we wrote on a route last, and who else writes there: so that a hand edit is told from our own work."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from delivery.workloads.ownership import MANAGER


def digest(value: Any) -> str:
    """A hash of JSON that does not depend on the order of members: 16 hexadecimal digits of SHA-256."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def managers(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Who besides us owns fields of the spec, the latest writer first.

    A cache that drops the sets of fields leaves only who wrote at all; then everybody but the status' writers counts.
    """
    entries = [
        entry
        for entry in body["metadata"].get("managedFields") or []
        if entry.get("manager") != MANAGER
        and not entry.get("subresource")
        and "f:spec" in entry.get("fieldsV1", {"f:spec": {}})
    ]
    entries.sort(key=lambda entry: str(entry.get("time", "")), reverse=True)
    return tuple(dict.fromkeys(str(entry.get("manager", "")) for entry in entries))
