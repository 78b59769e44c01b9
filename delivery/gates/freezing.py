"""From what somebody says in a terminal to the Freeze that says it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.cluster.objects import FREEZES
from strategies.gates import base36

_PART = re.compile(r"([0-9]+)([dhm])")
_LENGTHS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
LONGEST = timedelta(days=366)


class MomentError(ValueError):
    """A text that names no moment to come."""


def moment(text: str, now: datetime) -> datetime:
    """The moment that a text means: "90m", "1d12h", or a time such as 2026-12-24T18:00+01:00. MomentError otherwise."""
    parts = _PART.findall(text)
    try:
        if parts and "".join(map("".join, parts)) == text:
            until = now + sum((int(count) * _LENGTHS[unit] for count, unit in parts), timedelta())
        else:
            until = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise MomentError(f"{text!r}: allowed a length such as 90m, 4h or 1d12h, or a time with its zone") from error
    if until.tzinfo is None:
        raise MomentError(f"{text!r}: allowed a time with its zone, such as 2026-12-24T18:00+01:00")
    if not now < until <= now + LONGEST:
        raise MomentError(f"{text!r}: allowed a moment within the next {LONGEST.days} days")
    return until.astimezone(UTC)


def freeze(namespace: str, until: datetime, reason: str, user: str, now: datetime) -> dict[str, Any]:
    """The Freeze to create."""
    name = f"freeze-{base36(int(now.timestamp() * 1000))}"
    spec = {"until": f"{until:%Y-%m-%dT%H:%M:%SZ}", "reason": reason, "user": user}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": FREEZES.api_version, "kind": FREEZES.kind, "metadata": meta, "spec": spec}
