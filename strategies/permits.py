"""What people and calendars say of a Canary at one moment, as the state machine sees it."""

from dataclasses import dataclass
from datetime import UTC, datetime

IGNORE_WINDOWS = "progressive.delivery/ignore-windows"
"""The annotation of a Canary that names the one revision which may go out at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Its rollout window. It stays as it is until `until` at least (None: for ever); `certain`: it changes then."""

    open: bool
    until: datetime | None = None
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Somebody has frozen rollouts. It ends at `until`; `by` says who, and whether that is only what they claim."""

    until: datetime
    by: str
    reason: str

    @property
    def heading(self) -> str:
        """What every Canary says of it, before the reason."""
        return f"rollouts are frozen until {moment(self.until)} by {self.by}: "


def moment(at: datetime) -> str:
    """A moment for people."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What somebody says of a gate: `name` is the object, `step` (from 1) the increase it is about, None for all.

    `by` says who, and whether that is only what they claim. `at` is when the object was made.
    """

    name: str
    run: str
    revision: str
    gate: str
    approves: bool
    by: str
    reason: str
    at: datetime
    step: int | None = None
