"""One rollout from the release to its end, from one moment that matters to the next."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from delivery.simulate.answers import Answers
from delivery.simulate.cluster import Cluster, Pods
from delivery.simulate.draws import Draws
from delivery.simulate.reading import Policy
from delivery.simulate.scenario import Scenario
from delivery.simulate.tape import DrawnAheadError, Share, Tape
from metrics.spec import DURATION
from metrics.verdict import Verdict
from strategies.decision import Decision
from strategies.plan import Plan, plan_for
from strategies.questions import Question
from strategies.readiness import awaited
from strategies.rollout import advance
from strategies.snapshot import Snapshot
from strategies.status import Phase, Result, Stage, Status
from strategies.traffic import Role, Traffic

OLD, NEW = "v1-111111111111", "v1-222222222222"
BEGINNING = datetime(2024, 3, 1, tzinfo=UTC)
MIDNIGHT = BEGINNING + timedelta(days=3)
"""When initialising begins, and the midnight before releases: long enough after it."""
_INSTANT = timedelta(microseconds=1)
PASSES = 100
"""So many looks at one moment mean that the state machine does not come to rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one rollout ended. `result`: promoted, rolled_back or undecided (still going on at the time limit).

    `seconds` from the release to the end; `hit`: users' requests that failed or were slow because of the new version;
    `users`: users' requests that were sent to it; `held_seconds`: how much longer its steps took than the policy asks
    for; `weight`: the canary's share at the end; `windows`: how many were judged.
    """

    result: str
    reason: str
    seconds: float
    hit: int
    users: int
    held_seconds: float
    weight: int
    windows: int


@dataclass(slots=True)
class Trace:
    """What one rollout looked like: the canary's weight as it changed, and verdicts with the end of their window."""

    weights: list[tuple[float, int]] = field(default_factory=list)
    verdicts: list[tuple[float, str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rest:
    """A Canary between runs, with all users on the primary."""

    status: Status
    cluster: Cluster


class NoRestError(RuntimeError):
    """The policy cannot be brought to the point at which a release would start a run; the text says why."""


def rest(policy: Policy, scenario: Scenario) -> Rest:
    """The state that every release of a scenario starts from, reached through all stages of initialising."""
    number = scenario.primary_pods
    target = Pods(OLD, number, [BEGINNING] * number)
    cluster = Cluster(policy.spec, scenario, Draws(0), target)
    tape = Tape(replace(scenario, away=(), no_traffic=False), cluster.draws)
    player = Player(policy, cluster, Status(), tape, zero=BEGINNING)
    player.play(until=MIDNIGHT, over=lambda status: status.phase is Phase.INITIALIZED and status.stage is Stage.NONE)
    if player.status.phase is not Phase.INITIALIZED:
        raise NoRestError(f"{policy.name}: {player.status.reason}: {player.status.message}")
    return Rest(player.status, cluster)


def roll_out(
    policy: Policy,
    scenario: Scenario,
    start: Rest,
    *,
    seed: str,
    hours: float = 24.0,
    trace: Trace | None = None,
    thorough: bool = False,
) -> Outcome:
    """One release, whatever becomes of it; at most `hours` long. The same `seed` gives the same rollout.

    `thorough`: look again after every change and window, as a controller does; it makes no difference but takes longer.
    """
    try:
        return _play(policy, scenario, start, seed=seed, hours=hours, trace=trace, thorough=thorough)
    except DrawnAheadError:
        if trace is not None:
            trace.weights.clear()
            trace.verdicts.clear()
        return _play(policy, scenario, start, seed=seed, hours=hours, trace=trace, thorough=True)


def _play(
    policy: Policy, scenario: Scenario, start: Rest, *, seed: str, hours: float, trace: Trace | None, thorough: bool
) -> Outcome:
    draws = Draws(seed)
    hour = 24 * draws.random() if scenario.start_hour is None else scenario.start_hour
    zero = MIDNIGHT + timedelta(hours=hour)
    cluster = start.cluster.copy(draws)
    latency = any(each.name == DURATION and not each.is_own for each in policy.metrics)
    tape = Tape(scenario, draws, hour=hour, with_latency=latency)
    player = Player(policy, cluster, start.status, tape, zero=zero, trace=trace, thorough=thorough)
    cluster.release(NEW, zero)
    player.play(until=zero + timedelta(hours=hours), over=lambda status: status.stage is Stage.NONE and _ended(status))
    return player.outcome()


_WHERE = attrgetter("phase", "stage", "canary_weight", "stage_since", "last_promoted_spec", "session_affinity_cookie")
_RUN = attrgetter("step", "windows_from", "override", "mirror", "matched", "testers", "renewing", "healing", "floor")


def _moved(before: Status, after: Status) -> bool:
    """Is there more to do at once after this change? Not when windows were taken in and nothing came of it."""
    if before.run is None or after.run is None:
        return True
    return bool(_WHERE(before) != _WHERE(after) or _RUN(before.run) != _RUN(after.run))


def _ended(status: Status) -> bool:
    return status.run is None and bool(status.history)


class Player:
    """Plays what stands around advance(): records, writes, lets time pass."""

    def __init__(
        self,
        policy: Policy,
        cluster: Cluster,
        status: Status,
        tape: Tape,
        *,
        zero: datetime,
        trace: Trace | None = None,
        thorough: bool = False,
    ) -> None:
        self.policy, self.cluster, self.status, self.tape = policy, cluster, status, tape
        self.now = self.zero = zero
        self._trace, self._thorough = trace, thorough
        self._converged: Snapshot | None = None
        self._answers = Answers(policy, tape, zero=zero, heard=self._heard if trace is not None else None)
        self._plan: Plan = plan_for(policy.spec)
        self._step, self._since, self._held = -1, zero, 0.0
        self._traffic: Traffic | None = cluster.written
        self._pods: tuple[object, object] | None = None
        self._careful = zero

    def play(self, *, until: datetime, over: Callable[[Status], bool]) -> None:
        """Let time pass until it is over."""
        while True:
            decision = self._come_to_rest()
            if over(self.status):
                return
            following = max(self._skip(until), self._next(min(decision.wake_at or until, until)))
            if following >= until:
                self.now = until
                return
            self.now = following

    def _next(self, wake: datetime) -> datetime:
        """The next moment to look at, `wake` at the latest. Pods that are too few to end a wait need no look."""
        while True:
            change = self.cluster.next_change(self.now)
            if change is None or change >= wake or self._is_enough(change):
                return wake if change is None else min(change, wake)
            self.now = change
            self._follow_pods()

    def _is_enough(self, at: datetime) -> bool:
        """May something come of the pods that become ready then? Not while more of them are waited for."""
        status, spec, cluster = self.status, self.policy.spec, self.cluster
        if self._thorough or status.run is None:
            return True
        if status.phase is Phase.PROGRESSING and status.run.step < 0 and not status.canary_weight:
            role, pods, others = Role.CANARY, cluster.target, cluster.primary
        elif status.stage is Stage.PRIMARY and cluster.primary is not None:
            role, pods, others = Role.PRIMARY, cluster.primary, cluster.target
        else:
            return True
        if others is not None and others.next_change(self.now) == at:
            return True
        return len(pods.ready_since(at)) >= awaited(spec, role, pods.replicas)

    def _skip(self, until: datetime) -> datetime:
        """The moment up to which windows only pass, taken in at once; now, if there are none.

        One decision takes in all windows that are over, as that of a controller which was away does. It is one for the
        end of the step's time, if nothing but counts comes of it, and else one for the first window that says more.
        """
        end = min(until, self._calm_until())
        if end <= self.now:
            return self.now
        self._answers.look_ahead()
        status = advance(self.policy.spec, self.status, self.cluster.snapshot(self.now), self._answers, end).status
        news = self._answers.look_here()
        if news is not None:
            return news.at
        if _moved(self.status, status) or not set(status.outbox) <= set(self.status.outbox):
            self._careful = end
            return self.now
        self.status = status
        self._answers.forget()
        self.cluster.deliver(status)
        return end

    def _calm_until(self) -> datetime:
        """Just before the step's time is over, or pods change; the past where no windows are to be skipped."""
        run, spec = self.status.run, self.policy.spec
        judging = self.status.phase is Phase.PROGRESSING and self.cluster.in_sync
        if self._thorough or run is None or run.windows_from is None or run.stuck_since is not None or not judging:
            return self.now
        length = self._plan.checks(run.step) * spec.analysis.interval_seconds
        longest = spec.analysis.max_duration_seconds
        if longest is not None and run.measured_seconds + 2 * length > longest:
            return self.now
        end = run.windows_from + timedelta(seconds=length) - _INSTANT
        change = self.cluster.next_change(self.now)
        end = end if change is None else min(end, change - _INSTANT)
        return self.now if end <= self._careful else end

    def _come_to_rest(self) -> Decision:
        """Look and write until there is nothing more to do at this moment."""
        for _ in range(PASSES):
            seen, before = self.cluster.snapshot(self.now), self.status
            decision = advance(self.policy.spec, before, seen, self._answers, self.now)
            changed = self._record(decision)
            moved = changed and (self._thorough or _moved(before, self.status))
            wrote = self._converge() if moved or seen is not self._converged else False
            self._follow_pods()
            if not wrote and not moved:
                return decision
        raise RuntimeError(f"no rest at {self.now}: {self.status}")

    def _record(self, decision: Decision) -> bool:
        """The status; True when it changed."""
        if decision.status == self.status:
            return False
        self.status = decision.status
        self._answers.forget()
        self._note_step()
        self.cluster.deliver(self.status)
        return True

    def _converge(self) -> bool:
        changed = self.cluster.converge(self.status, self.now)
        self._converged = self.cluster.snapshot(self.now)
        written = self.cluster.written
        if written is not None and written != self._traffic:
            self._traffic = written
            self._route(written)
        return changed

    def _route(self, traffic: Traffic) -> None:
        part = (self.tape.scenario.match or 0.0) if traffic.matched else 1.0
        share = Share(canary=traffic.canary / 100 * part, copied=traffic.mirror / 100 * part)
        self.tape.route(self._seconds(self.now), share)
        if self._trace is not None:
            self._trace.weights.append((self._seconds(self.now), traffic.canary))

    def _follow_pods(self) -> None:
        """Tell the tape which pods serve."""
        seen = self.cluster.snapshot(self.now)
        pods = (seen.target, seen.primary)
        if self._pods == pods:
            return
        self._pods = pods
        canary, primary = (
            [self._seconds(at) for at in each.ready_since] + [-math.inf] * (each.ready - len(each.ready_since))
            if each is not None
            else []
            for each in (seen.target, seen.primary)
        )
        self.tape.pods(self._seconds(self.now), canary=canary, primary=primary)

    def _note_step(self) -> None:
        """Count the time that a step takes beyond what the policy asks for."""
        run, judging = self.status.run, self.status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
        step = run.step if run is not None and judging else -1
        if step == self._step:
            return
        if self._step >= 0:
            self._held += max(0.0, (self.now - self._since).total_seconds() - self._planned(self._step))
        self._step, self._since = step, self.now

    def _planned(self, step: int) -> float:
        spec = self.policy.spec
        longest = max((check.window_seconds for check in spec.checks), default=0.0)
        length = max(spec.analysis.interval_seconds, longest)
        return spec.settle_seconds + self._plan.checks(step) * length + spec.scrape_interval_seconds

    def outcome(self) -> Outcome:
        """How it has ended."""
        seconds = self._seconds(self.now)
        self.tape.until(seconds)
        history, result, reason, weight = (
            self.status.history,
            "undecided",
            self.status.reason,
            self.status.canary_weight,
        )
        if _ended(self.status):
            past = history[-1]
            result = "promoted" if past.result is Result.PROMOTED else "rolled_back"
            reason, weight, seconds = past.reason, past.weight, self._seconds(past.ended)
        elif self._step >= 0:
            self._held += max(0.0, (self.now - self._since).total_seconds() - self._planned(self._step))
        return Outcome(
            result=result,
            reason=reason,
            seconds=seconds,
            hit=self.tape.hit,
            users=self.tape.users,
            held_seconds=self._held,
            weight=weight,
            windows=self._answers.windows,
        )

    def _seconds(self, moment: datetime) -> float:
        return (moment - self.zero).total_seconds()

    def _heard(self, question: Question, verdict: Verdict) -> None:
        if self._trace is not None:
            at = self._seconds(question.end)
            self._trace.verdicts.append((at, question.name, verdict.outcome.value, verdict.message))
