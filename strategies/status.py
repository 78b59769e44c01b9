"""The rollout's memory, and its write-ahead log.

All that a run must remember across a crash stands in the Canary's status, and the wanted traffic stands there before
a route is touched. Plain frozen values; the application turns them into JSON with camelCase names (Flagger's names
where Flagger has the field).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from metrics.verdict import Evidence, Outcome
from strategies.gates import GateKind, GateRecord
from strategies.json_names import JSON_NAMES

STATUS_VERSION = 1


class Phase(StrEnum):
    """Where a Canary stands; Flagger's names."""

    NONE = ""
    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    OBSERVING = "Observing"  # ours: somebody else moves traffic, and we only say what we would do


OPEN_PHASES = (Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FINALISING)
"""The phases that make no sense without an open run."""


class Stage(StrEnum):
    """The ordered parts of a phase that moves traffic and must not hurry.

    Initialising goes PRIMARY -> ROUTES -> APEX -> DRAIN; leaving a canary (finalising, failed) goes ROUTES -> DRAIN.
    Terminating is over after ROUTES, or goes on TARGET -> RETURN -> RESTORE -> DRAIN -> REMOVE when everything is to be
    as before. NONE means that nothing is left to do.
    """

    NONE = ""
    PRIMARY = "primary"  # the primary's pods are being made ready; users are where they were
    ROUTES = "routes"  # the routes are being written and given time to reach the proxies
    APEX = "apex"  # the apex Service's selector moves
    DRAIN = "drain"  # the pods that lost their traffic finish what they have
    TARGET = "target"  # the target's pods are being made ready to serve again; users are where they were
    RETURN = "return"  # routes and the apex Service lead to the target
    RESTORE = "restore"  # the route objects become what they were before us
    REMOVE = "remove"  # what we made is deleted, the primary last


CONFIRMED = (Stage.ROUTES, Stage.RETURN)
"""The stages that wait until the API server itself has said that the routes are as recorded."""


class Skip(StrEnum):
    """What of its analysis a run need not go through, because a person said so."""

    NONE = ""
    STEP = "step"  # the rest of the present step
    REST = "rest"  # all that is left before the promotion


class Result(StrEnum):
    """How a run ended."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    CANCELLED = "Cancelled"
    SUPERSEDED = "Superseded"
    OBSERVED_PROMOTION = "ObservedPromotion"  # somebody else's run, which was looked at
    OBSERVED_ROLLBACK = "ObservedRollback"
    OBSERVED_END = "ObservedEnd"


THEIRS = (Result.OBSERVED_PROMOTION, Result.OBSERVED_ROLLBACK, Result.OBSERVED_END)
"""The ends of runs that were somebody else's."""


class Would(StrEnum):
    """What we would have done with a run that is somebody else's."""

    ROLL_BACK = "WouldRollBack"
    PROMOTE = "WouldPromote"


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Check:
    """The last judged window of one check.

    `window` counts this check's windows through the run, from 1; `end` is when that window ended; `passes` are the
    passing windows of the present step. `evidence` are the numbers of that window; `memory` what the check's judge has
    learned in the run's windows, and `judge` which judge and settings it belongs to. `dry_run`: it decides nothing.

    Of the run's windows, `fails` have failed, `in_row` of them one after the other up to now; `errors` in a row could
    not be measured. `resume` is where the next window begins, if those before it are left out. What was counted against
    the run lies before `counted`; `whole` is what the limits alone said of the step since then, up to `end`. With
    `window` 0 nothing has been judged yet. `recent` are the values of the run's last windows that had one, newest
    last; people look at them, nothing is decided by them.
    """

    __pydantic_config__ = JSON_NAMES

    name: str
    window: int
    end: datetime
    outcome: Outcome
    value: float | None = None
    limit: str = ""
    message: str = ""
    passes: int = 0
    evidence: Evidence | None = None
    judge: str = ""
    memory: str = ""
    dry_run: bool = False
    fails: int = 0
    in_row: int = 0
    errors: int = 0
    resume: datetime | None = None
    counted: datetime | None = None
    whole: Outcome | None = None
    recent: tuple[float, ...] = ()

    @property
    def undecided(self) -> bool:
        """Were there requests in its window, but too few to tell?"""
        return self.outcome is Outcome.INCONCLUSIVE and self.evidence is not None and self.evidence.canary_requests > 0

    @property
    def next(self) -> datetime:
        """Where its next window begins at the earliest."""
        return self.end if self.resume is None else max(self.end, self.resume)


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Observation:
    """Of a run that somebody else brings forward: how it began, and what we would have done with it.

    `primary` is what the primary ran when it began, "" without one. `met`: users have met the canary, by weight or by
    copies; `left` is since when they do no longer. `would` was decided at `at`, at `weight` percent, with `why` in a
    sentence. Since then `bad` requests of the canary were counted in the windows of the check `counts`.
    """

    __pydantic_config__ = JSON_NAMES

    primary: str = ""
    met: bool = False
    left: datetime | None = None
    would: Would | None = None
    at: datetime | None = None
    weight: int = 0
    why: str = ""
    counts: str = ""
    bad: float = 0.0


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Run:
    """One attempt to bring one revision to all users.

    `floor` is the primary's count of ready pods when the run began. `step` is the index into the plan, -1 while the
    canary is being scaled up at weight 0. `windows_from` is when the present step's first window opens.
    `spent_seconds` and `stuck_since` measure the progress deadline. `override` is the weight that somebody set by
    hand, held until they say otherwise. `silent_windows` and `silent_expected` count windows, and the requests
    expected in them, in which the canary saw nobody. `mirror` is the percent of requests that are copied to the
    canary; with `matched` the recorded weight is for the requests that the analysis matches; with `testers` the
    canary's pods are ready for those who test. `renewing`: pods that began with other configs have to go before the
    run's own begin. `measured_seconds` is the length of all windows up to `measured_until` that said something.
    `observed` is there when the run is somebody else's; then the weight is what they gave to the canary, and `step` is
    where we would stand.
    `skip` is what somebody has told it not to wait for; `hurried`: that happened in this run.
    """

    __pydantic_config__ = JSON_NAMES

    id: str
    revision: str
    started: datetime
    floor: int = 1
    step: int = -1
    step_since: datetime | None = None
    windows_from: datetime | None = None
    spent_seconds: float = 0.0
    stuck_since: datetime | None = None
    override: int | None = None
    override_paused: bool = False
    silent_windows: int = 0
    silent_expected: float = 0.0
    healing: bool = False
    traffic_window: int = 0
    traffic_end: datetime | None = None
    mirror: int = 0
    matched: bool = False
    testers: bool = False
    renewing: bool = False
    measured_seconds: float = 0.0
    measured_until: datetime | None = None
    observed: Observation | None = None
    skip: Skip = Skip.NONE
    hurried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A run that has ended, with the weight that it had reached and the floor that is held until it has drained.

    `gates` is who opened or refused which of its gates.
    """

    __pydantic_config__ = JSON_NAMES

    id: str
    revision: str
    started: datetime
    ended: datetime
    result: Result
    reason: str
    weight: int = 0
    floor: int = 1
    gates: tuple[GateRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition by Kubernetes' conventions; `status` is True, False or Unknown."""

    __pydantic_config__ = JSON_NAMES

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: datetime
    observed_generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A point that a run, or a revision before its run, does not pass while gates are closed (see gates.Point).

    `gates` are the names of those that are closed, `message` what opens them; both are empty while they are being asked
    for the first time. `muted`: nobody but the Event is told.
    """

    __pydantic_config__ = JSON_NAMES

    before: GateKind
    of: str
    step: int
    since: datetime
    gates: tuple[str, ...] = ()
    message: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """The webhooks that are still to hear of the end of a run, by their marks (see HookSpec.mark), and how it ended."""

    __pydantic_config__ = JSON_NAMES

    run: str
    revision: str
    phase: Phase
    at: datetime
    hooks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something that people are told, once. `id` is unique for ever, so that telling twice is seen as telling once.

    `muted`: it becomes an Event, and alert services are not told.
    """

    __pydantic_config__ = JSON_NAMES

    id: str
    at: datetime
    reason: str
    message: str
    warning: bool = False
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Somebody told the Canary to wait, until somebody tells it to go on."""

    __pydantic_config__ = JSON_NAMES

    since: datetime
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The last command that was read, and what became of it; it is never looked at again, nor are the `earlier` ones.

    `verb` is empty for one that could not be read; `at` is when it was answered.
    """

    __pydantic_config__ = JSON_NAMES

    id: str
    at: datetime
    accepted: bool
    verb: str = ""
    by: str = ""
    message: str = ""
    earlier: tuple[str, ...] = ()

    def knows(self, id: str) -> bool:  # noqa: A002 - the field's name
        """Has a command with this id been answered?"""
        return id == self.id or id in self.earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a run's messages to one destination (a digest of its name) need: by which word it finds them again."""

    __pydantic_config__ = JSON_NAMES

    to: str
    run: str
    word: str


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Status:
    """A Canary's status.

    `canary_weight` is the weight that the routes must give to the canary; `seen_weight` the share of requests that it
    had in the last judged window, both in percent. The cookies' values are those of the run in progress and of the one
    before it. `last_applied_spec` is the revision of the run begun last,
    `last_promoted_spec` the revision that serves users, `previous_spec` the one before, which may serve again at once
    until `previous_until`. `gates` is what people have said of the gates of the run, or of the revision that waits for
    one. `step` is text for people ("2/4").
    """

    __pydantic_config__ = JSON_NAMES

    version: int = STATUS_VERSION
    observed_generation: int = 0
    fence: int = 0
    phase: Phase = Phase.NONE
    stage: Stage = Stage.NONE
    stage_since: datetime | None = None
    canary_weight: int = 0
    seen_weight: float | None = None
    step: str = ""
    revision: str = ""
    reason: str = ""
    message: str = ""
    failed_checks: int = 0
    iterations: int = 0
    last_applied_spec: str = ""
    last_promoted_spec: str = ""
    previous_spec: str = ""
    previous_until: datetime | None = None
    last_transition_time: datetime | None = None
    session_affinity_cookie: str = ""
    previous_session_affinity_cookie: str = ""
    run: Run | None = None
    command: Answered | None = None
    paused: Pause | None = None
    waiting: Waiting | None = None
    gates: tuple[GateRecord, ...] = ()
    farewell: Farewell | None = None
    checks: tuple[Check, ...] = ()
    conditions: tuple[Condition, ...] = ()
    history: tuple[Past, ...] = ()
    outbox: tuple[Announcement, ...] = ()
    posted: tuple[Posted, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if there is one."""
        for each in self.conditions:  # a generator would cost more than the search
            if each.type == kind:
                return each
        return None
