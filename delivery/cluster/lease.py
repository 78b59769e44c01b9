"""A Lease as a value: what election reads of it and writes to it (coordination.k8s.io/v1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.cluster.objects import Object

HIGHEST_FENCE = 2**31 - 2**20
"""leaseTransitions is an int32: a leader that meets more than this could not be followed by a million others."""


@dataclass(frozen=True, slots=True)
class Record:
    """What tells one state of a Lease from another, and how long its holder may count on it (seconds)."""

    holder: str
    renew_time: str
    transitions: int
    duration: float

    @classmethod
    def of(cls, lease: Object) -> "Record":
        """The record of a Lease that was read; fields that are absent are empty or 0."""
        spec = _spec(lease)
        return cls(
            holder=str(spec.get("holderIdentity") or ""),
            renew_time=str(spec.get("renewTime") or ""),
            transitions=int(spec.get("leaseTransitions") or 0),
            duration=float(spec.get("leaseDurationSeconds") or 0),
        )


def held(lease: Object | None, *, holder: str, transitions: int, duration: int, now: datetime) -> dict[str, Any]:
    """The spec of a Lease that `holder` takes or renews. Fields of others (strategy, preferredHolder) stay.

    `duration` in seconds. The renewTime differs from the one that is there, even if the wall clock stands still,
    because others judge by its change.
    """
    spec = dict(_spec(lease)) if lease is not None else {}
    renewed = stamp(now, unlike=str(spec.get("renewTime", "")))
    if spec.get("holderIdentity") != holder or "acquireTime" not in spec:
        spec["acquireTime"] = renewed
    return {
        **spec,
        "holderIdentity": holder,
        "leaseDurationSeconds": duration,
        "leaseTransitions": transitions,
        "renewTime": renewed,
    }


def stamp(now: datetime, *, unlike: str = "") -> str:
    """A MicroTime: UTC with six digits, none of them .000000 (some servers refuse that), and not equal to `unlike`."""
    moment = now.astimezone(UTC)
    while not moment.microsecond or f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z" == unlike:
        moment += timedelta(microseconds=1)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _spec(lease: Object) -> Mapping[str, Any]:
    spec = lease.get("spec")
    return spec if isinstance(spec, Mapping) else {}
