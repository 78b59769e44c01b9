"""Conditions and pod readiness, as the workload controllers write and read them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from delivery.cluster.objects import Object

Condition = dict[str, Any]


def find(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    """The condition of a type, empty if there is none."""
    return next((c for c in status.get("conditions") or () if c["type"] == type_), {})


def condition(before: Mapping[str, Any], type_: str, status: bool, now: str, **more: str) -> Condition:
    """A condition whose lastTransitionTime is that of `before` unless the status has changed."""
    text = str(status)
    since = before.get("lastTransitionTime", now) if before.get("status") == text else now
    return {"type": type_, "status": text, "lastTransitionTime": since, **more}


def is_ready(pod: Object) -> bool:
    """Is the pod Ready and not being deleted?"""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return find(pod.get("status") or {}, "Ready").get("status") == "True"


def available_at(pod: Object, min_ready_seconds: int) -> datetime | None:
    """When the pod is (or will be) available: Ready for minReadySeconds. None if it is not Ready."""
    if not is_ready(pod):
        return None
    since = parse_time(find(pod["status"], "Ready")["lastTransitionTime"])
    return since + timedelta(seconds=min_ready_seconds)


def parse_time(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text)
