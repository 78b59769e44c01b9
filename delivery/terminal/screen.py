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
class ApprovalLine:
    """A gate of `spec.analysis.gates`, which people open, and how it stands.

    `state` is not-reached, waiting, overdue (nobody came in time, and it goes on waiting), approved, denied, proceeded
    (nobody came in time, and the run went on), expired (nobody came in time, and that ended the run), or passed.
    `since` is when it was reached, if it is waited for. `by`, `reason` and `at` are of who approved or denied it, or of
    the moment at which nobody had; `claimed`: nobody has checked that it was them. `step` is the increase that this was
    about, None for all. `run` is the run or attempt that it was said of, "" for the present one. At `timeout_at` comes
    what `on_timeout` says; None if that is not known yet, or never.
    """

    name: str
    before: str
    state: str
    since: datetime | None = None
    by: str = ""
    claimed: bool = False
    reason: str = ""
    at: datetime | None = None
    step: int | None = None
    run: str = ""
    timeout_seconds: float | None = None
    on_timeout: str = "hold"
    timeout_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """The last command that a person gave. `state` is accepted, refused, or unanswered.

    `at` is when it was answered or, of one without an answer, when they say that they gave it. `claimed`: nobody has
    checked that it was them. `reason` is theirs, `message` the controller's answer.
    """

    id: str
    verb: str
    by: str
    claimed: bool
    state: str
    at: datetime | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeLine:
    """A Freeze that holds this Canary, until when, by whom and why; `everywhere`: it holds all of them.

    `claimed`: the controller has not said that it was them.
    """

    name: str
    namespace: str
    until: datetime
    by: str
    claimed: bool
    reason: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule of a rollout window: it begins by `cron` and lasts for `seconds`; `denies`, or else it allows."""

    cron: str
    seconds: int
    denies: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLine:
    """The rollout window: whether it is open, until when, and what that means.

    `until` is when it changes (None: never); if that is not `certain`, at the earliest. `closed_by` are the denials
    that are on, or those that allow and are not. `applies_to` and `on_close` are those of the spec, `effect` what they
    mean now. `holds`: something waits for it now; `stops_runs`: an open run would, at its next increase.
    """

    open: bool
    until: datetime | None
    certain: bool
    closed_by: tuple[RuleLine, ...]
    time_zone: str
    applies_to: str
    on_close: str
    effect: str
    holds: bool = False
    stops_runs: bool = False


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
    began. `failed` of `threshold` checks have failed. `gates` are the closed ones, `approvals` all that people open.
    `held` names what holds it now, in few words. `window` is None without rules. `freezes_known`: all places where a
    Freeze could be were read. `notes` say what could not be read.
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
    held: tuple[str, ...] = ()
    command: CommandLine | None = None
    approvals: tuple[ApprovalLine, ...] = ()
    freezes: tuple[FreezeLine, ...] = ()
    freezes_known: bool = False
    window: WindowLine | None = None
