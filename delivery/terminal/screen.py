"""What `get` shows, as a value: whatever shows it (text, JSON, a screen drawn over and over) shows the same."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLine:
    """Who serves a role. `share` is the percent of requests that the routes are to give it.

    `requests` are those of the last counted window, `bad` how many of them were bad; None where nobody counted.
    `ready` of `wanted` pods are ready; None where that could not be read. `troubles` are pods that are not well, in
    words.
    """

    role: str
    workload: str
    images: tuple[str, ...] = ()
    ready: int | None = None
    wanted: int | None = None
    restarts: int = 0
    share: int = 0
    requests: float | None = None
    bad: float | None = None
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """A check as it was judged last. `outcome` is pass, fail, inconclusive, error, or empty before the first window.

    `recent` are the values of the last windows, newest last; `fails` how many windows of the run have failed.
    """

    name: str
    outcome: str
    value: float | None = None
    unit: str = ""
    limit: str = ""
    recent: tuple[float, ...] = ()
    window: int = 0
    end: datetime | None = None
    fails: int = 0
    dry_run: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """A closed gate: before what it stands, since when it is waited for, and what opens it."""

    name: str
    before: str
    since: datetime
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """Something that people were told."""

    at: datetime
    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionLine:
    """A condition that somebody should know of."""

    type: str
    reason: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something that happens at a time, or not before it."""

    what: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What the controller does next, and when at the earliest; None where that depends on nothing but events."""

    action: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Everything about one Canary at the moment `at`.

    `step` of `steps`, from 1; 0 before the first and without a run. `wanted` is the percent of requests that the
    routes are to give the canary, `seen` the percent that it had in the last counted window. `since` is when the phase
    began. `failed` of `threshold` checks have failed. `notes` say what could not be read.
    """

    at: datetime
    namespace: str
    name: str
    phase: str
    reason: str
    message: str
    since: datetime | None
    step: int
    steps: int
    wanted: int
    seen: float | None
    mirror: int
    run: str
    revision: str
    promoted: str
    failed: int
    threshold: int
    next: Next
    roles: tuple[RoleLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    gates: tuple[GateLine, ...] = ()
    conditions: tuple[ConditionLine, ...] = ()
    timers: tuple[Timer, ...] = ()
    events: tuple[EventLine, ...] = ()
    notes: tuple[str, ...] = ()
