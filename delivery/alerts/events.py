"""Announcements as Kubernetes Events: what `kubectl describe` shows under the Canary.

The name of an Event is made from the announcement alone, never from the time or at random. So after a crash, or from
another replica, the same announcement is the same Event, and the server's "already exists" is the proof of delivery.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, Protocol

from delivery.alerts.sink import UndeliverableError
from delivery.cluster.errors import Conflict, Gone, Invalid
from delivery.cluster.objects import CANARIES, EVENTS, Action, Change, Object, Ref
from strategies.status import Announcement

COMPONENT = "progressive-delivery"
NAME_LIMIT = 253
REASON_LIMIT = 128
MESSAGE_LIMIT = 1024

_UNUSABLE = re.compile(r"[^a-z0-9.-]+|(?<![a-z0-9])[.-]+|[.-]+(?![a-z0-9])")


class Writes(Protocol):
    """What is needed of the cluster room's Writer."""

    async def write(self, change: Change, *, timeout: float = 10.0) -> Object:
        """Send one change; raises a ClusterError."""


class EventSink:
    """Creates one Event for each announcement, in the Canary's namespace."""

    name = "Kubernetes Events"

    def __init__(self, writer: Writes) -> None:
        self._writer = writer

    async def tell(self, canary: Object, announcement: Announcement) -> None:
        body = event(canary, announcement)
        ref = Ref.of(EVENTS, body)
        change = Change(ref=ref, action=Action.CREATE, body=body, why=f"announce {announcement.reason}")
        try:
            await self._writer.write(change)
        except Conflict:
            return  # told before, by us or by another replica
        except (Gone, Invalid) as error:
            raise UndeliverableError(str(error)) from error


def event(canary: Object, announcement: Announcement) -> dict[str, Any]:
    """The Event (core/v1) for an announcement, always the same for the same one.

    Message and reason are cut to 1024 and 128 bytes, the limits of the events API.
    """
    meta = canary["metadata"]
    at = _timestamp(announcement.at)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "namespace": meta["namespace"],
            "name": event_name(meta["name"], announcement.id),
        },
        "involvedObject": {
            "apiVersion": canary.get("apiVersion", CANARIES.api_version),
            "kind": canary.get("kind", CANARIES.kind),
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta.get("uid", ""),
        },
        "reason": _cut(announcement.reason, REASON_LIMIT),
        "message": _cut(announcement.message, MESSAGE_LIMIT),
        "type": "Warning" if announcement.warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


def event_name(canary: str, announcement: str) -> str:
    """`canary.announcement` as an RFC 1123 subdomain of at most 253 characters.

    Where something had to be changed for that, a digest of the original keeps names apart that were different.
    """
    original = f"{canary}.{announcement}"
    name = original.lower()
    usable = _UNUSABLE.sub("-", name).strip("-.")
    if usable == name and len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(original.encode()).hexdigest()[:12]
    return f"{usable[: NAME_LIMIT - 13].rstrip('-.')}-{digest}"


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cut(text: str, limit: int) -> str:
    raw = text.encode()
    if len(raw) <= limit:
        return text
    return raw[: limit - 3].decode(errors="ignore") + "…"
