"""One pass of the state machine over one Canary, while it is being made up.

A Turn collects the next status, the moments to look again and the questions to ask. It lives for one call of
`advance` and never leaves it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from strategies.changing import altered, changed
from strategies.gates import HookType, base36
from strategies.plan import Plan, plan_for
from strategies.questions import Answers, Question
from strategies.readiness import known_at
from strategies.reasons import Reason
from strategies.snapshot import Problem, Snapshot, Workload
from strategies.spec import RolloutSpec
from strategies.status import Announcement, Farewell, Past, Phase, Result, Run, Stage, Status

MAX_MESSAGE = 240
MAX_OUTBOX = 8
MAX_HISTORY = 5
_ENDS = {Result.PROMOTED: Phase.SUCCEEDED, Result.CANCELLED: Phase.SUCCEEDED, Result.ROLLED_BACK: Phase.FAILED}
"""The phase that a run's end leads to; one that is superseded does not end."""


def brief(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text, cut to what a status can afford."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _number(note: Announcement) -> int:
    """Which note of its moment it is."""
    return int(note.id.rsplit("-", 2)[1])


@dataclass(slots=True)
class Turn:
    """What is known, and what is being decided."""

    spec: RolloutSpec
    status: Status
    seen: Snapshot
    answers: Answers
    now: datetime
    plan: Plan = field(init=False)
    wakes: list[datetime] = field(default_factory=list)
    questions: set[Question] = field(default_factory=set)
    told: int = 0
    """The number of the last note of this moment: a full outbox may have given up all before it."""
    ready: Problem | None = None
    """Why the Canary is not ready, if so; becomes the Ready condition."""
    analysis: Problem | None = None
    """Why the analysis cannot say anything, if so; becomes the AnalysisHealthy condition."""

    def __post_init__(self) -> None:
        self.plan = plan_for(self.spec)

    # What is known

    @property
    def run(self) -> Run:
        """The open run; only asked for in phases that have one."""
        if self.status.run is None:
            raise ValueError(f"phase {self.status.phase} needs an open run and the status has none")
        return self.status.run

    @property
    def target(self) -> Workload | None:
        """The canary's workload."""
        return self.seen.target

    @property
    def primary(self) -> Workload | None:
        """The primary's workload."""
        return self.seen.primary

    def has_pods(self, workload: Workload | None) -> bool:
        """True when at least one pod of the workload is ready."""
        return workload is not None and workload.ready > 0

    def paused(self, *, to: str = "go on") -> Problem | None:
        """Why people hold the Canary, if they do, and what is needed `to` go on or start."""
        if self.spec.paused:
            return Problem(reason="Paused", message=f"spec.paused is set; clear it to {to}")
        return self.paused_by_hand(to=to)

    def paused_by_hand(self, *, to: str = "go on") -> Problem | None:
        """The same of a pause that was commanded, whatever stands in the spec."""
        paused = self.status.paused
        if paused is None:
            return None
        why = f" ({paused.reason})" if paused.reason else ""
        since = f"{paused.by or 'somebody'} since {paused.since:%Y-%m-%d %H:%M:%S} UTC{why}"
        return Problem(reason="Paused", message=f"paused by {since}; to {to}: `delivery resume {self.spec.name}`")

    # What is decided

    def become(
        self, phase: Phase, *, reason: Reason, message: str = "", stage: Stage = Stage.NONE, **changes: Any
    ) -> None:
        """Enter a phase (or a stage of it)."""
        moved = phase is not self.status.phase
        self.set(
            phase=phase,
            stage=stage,
            stage_since=None,
            reason=reason,
            message=brief(message),
            last_transition_time=self.now if moved else self.status.last_transition_time,
            **changes,
        )

    def explain(self, reason: Reason, message: str = "") -> None:
        """Say why the phase stands where it stands."""
        self.set(reason=reason, message=brief(message))

    def set(self, **changes: Any) -> None:
        """Change the status."""
        self.status = changed(self.status, changes)

    def set_run(self, **changes: Any) -> None:
        """Change the open run."""
        run = changed(self.run, changes)
        if run is not self.status.run:
            self.status = altered(self.status, {"run": run})

    def route(self, weight: int, *, mirror: int = 0, matched: bool = False) -> None:
        """Change where users go: the canary's percent of all requests, or of those that the analysis matches."""
        self.set(canary_weight=weight)
        if self.status.run is not None:
            self.set_run(mirror=mirror, matched=matched)

    def wake(self, at: datetime) -> None:
        """Look again at `at`, if that is in the future."""
        if at > self.now:
            self.wakes.append(at)

    def reached(self, since: datetime | None, seconds: float) -> bool:
        """True when `seconds` have passed since; else a look at that moment is arranged."""
        if since is None:
            return False
        until = since + timedelta(seconds=seconds)
        self.wake(until)
        return self.now >= until

    def is_known(self, workload: Workload | None, *, floor: int, share: int) -> bool:
        """True when the proxies know the pods that are to carry the share; else a look at that moment is arranged."""
        at = known_at(self.spec, workload, floor=floor, share=share)
        if at is None or at <= self.now:
            return True
        self.wake(at)
        return False

    def tell(self, reason: str, message: str, *, warning: bool = False, muted: bool = False) -> None:
        """Put something into the outbox. A full one gives up its oldest note that is no warning."""
        scope = self.status.run.id if self.status.run is not None else "init"
        stamp = base36(int(self.now.timestamp() * 1000))
        self.told = 1 + max((_number(note) for note in self.status.outbox if note.at == self.now), default=self.told)
        note = Announcement(
            id=f"{scope}-{stamp}-{self.told}-{reason.lower()}",
            at=self.now,
            reason=reason,
            message=brief(message),
            warning=warning,
            muted=muted,
        )
        kept = list(self.status.outbox)
        while len(kept) >= MAX_OUTBOX:
            kept.pop(next((i for i, each in enumerate(kept) if not each.warning), 0))
        self.set(outbox=(*kept, note))

    def close_run(self, result: Result, reason: Reason, *, weight: int | None = None) -> None:
        """Move the open run into the history, with `weight` or the present one."""
        run = self.run
        if result is Result.SUPERSEDED:  # every other end is told by who decides it
            self.tell("Superseded", f"run of {run.revision} ends at {self.status.canary_weight} %: {reason}")
        past = Past(
            id=run.id,
            revision=run.revision,
            started=run.started,
            ended=self.now,
            result=result,
            reason=brief(reason, 60),
            weight=self.status.canary_weight if weight is None else weight,
            floor=run.floor,
            gates=tuple(replace(each, of="") if each.of == run.id else each for each in self.status.gates),
        )
        self._owe_farewell(run, result)
        cookie = self.status.session_affinity_cookie
        previous = cookie or self.status.previous_session_affinity_cookie
        self.set(
            run=None,
            gates=(),
            history=(*self.status.history, past)[-MAX_HISTORY:],
            session_affinity_cookie="",
            previous_session_affinity_cookie=previous,
        )

    def _owe_farewell(self, run: Run, result: Result) -> None:
        """The post-rollout hooks are to hear of the end, unless another run takes this one's place."""
        marks = tuple(each.mark for each in self.spec.hooks if each.type is HookType.POST_ROLLOUT)
        if not marks or result not in _ENDS:
            return
        if (before := self.status.farewell) is not None:
            words = f"not all post-rollout hooks have heard of the end of run {before.run}; it is too late now"
            self.tell("PostRolloutFailed", words, warning=True, muted=True)
        farewell = Farewell(run=run.id, revision=run.revision, phase=_ENDS[result], at=self.now, hooks=marks)
        self.set(farewell=farewell)
