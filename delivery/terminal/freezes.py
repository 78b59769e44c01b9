"""Freezes that hold a Canary, as a person may read them.

The name in one is its author's own word, unless the controller has said otherwise: it alone can check a signature, and
what it found stands in the Canary's condition.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from delivery.cluster.objects import Object
from delivery.terminal.screen import FreezeLine
from delivery.terminal.seen import Seen
from strategies.permits import Frozen
from strategies.status import Status

CONDITION = "Frozen"


def freezes(seen: Seen, status: Status, now: datetime) -> tuple[FreezeLine, ...]:
    """Those that hold now, the one that ends last first."""
    return tuple(sorted(_holding(seen, status, now), key=lambda each: each.until, reverse=True))


def frozen_until(found: tuple[FreezeLine, ...]) -> datetime | None:
    """When the last of them ends."""
    return max((each.until for each in found), default=None)


def _holding(seen: Seen, status: Status, now: datetime) -> Iterator[FreezeLine]:
    here = seen.canary["metadata"].get("namespace", "")
    for body in seen.freezes:
        place = body["metadata"].get("namespace", "")
        until = _until(body)
        if place in (here, seen.home) and until is not None and until > now:
            yield _line(body, until, status, everywhere=place == seen.home)


def _line(body: Object, until: datetime, status: Status, *, everywhere: bool) -> FreezeLine:
    spec: Any = body.get("spec") or {}
    user, reason = str(spec.get("user") or ""), str(spec.get("reason") or "")
    return FreezeLine(
        name=body["metadata"]["name"],
        namespace=body["metadata"].get("namespace", ""),
        until=until,
        by=user,
        claimed=not (spec.get("signature") and _vouched(status, Frozen(until=until, by=user, reason=reason))),
        reason=reason,
        everywhere=everywhere,
    )


def _vouched(status: Status, frozen: Frozen) -> bool:
    """Does the controller say the same, without marking the name as a claim?"""
    condition = status.condition(CONDITION)
    if condition is None or condition.status != "True" or not condition.message.startswith(frozen.heading):
        return False
    said = condition.message.removeprefix(frozen.heading)
    return said == frozen.reason or (said.endswith("…") and frozen.reason.startswith(said[:-1]))


def _until(body: Object) -> datetime | None:
    """When it ends; None if nobody can read that, and then it holds nobody up."""
    try:
        until = datetime.fromisoformat(str((body.get("spec") or {}).get("until")))
    except ValueError:
        return None
    return until.astimezone(UTC) if until.tzinfo is not None else None
