"""Whatever may happen to a Canary, drawn by a seed: pods that come and go, people, policies, crashes, good news."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from metrics.verdict import Counts, Evidence, Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.snapshot import Problem
from strategies.spec import Policy
from strategies.status import Status
from tests.strategies.world import (
    DURATION,
    SUCCESS_RATE,
    V1,
    V2,
    V3,
    Pods,
    World,
    healthy,
    initialised,
    progressing,
    promoting,
    steps,
)

REVISIONS = (V1, V2, V3, "v1-444444444444")
CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-1 crashes: exit code 1")
POLICIES = (
    steps(5, 20, 60, threshold=2),
    steps(50, 100),
    steps(10, threshold=1),
    steps(1, 2, 3, 4, 5, threshold=9),
    steps(10, 50, threshold=3, check_interval_seconds=20.0, on_inconclusive=Policy.PROCEED),
    steps(10, 100, threshold=3, on_inconclusive=Policy.HOLD, max_duration_seconds=3600.0),
    steps(10, 50, threshold=3, on_inconclusive=Policy.ROLLBACK),
)
RULES: tuple[dict[str, Any], ...] = (
    {"failure_limit": 1},
    {"consecutive_failures": 2, "failure_limit": 5},
    {"error_limit": 2},
    {"on_no_data": Policy.PROCEED},
    {"on_no_data": Policy.ROLLBACK, "window_seconds": 20.0},
    {"dry_run": True},
    {"initial_delay_seconds": 90.0},
    {"warmup_seconds": 120.0},
    {"judge": "compare 25/1/0.1"},
    {"judge": "compare 50/1/0.1", "warmup_seconds": 60.0},
)
SOME = Evidence(canary_requests=12, canary_bad=1, primary_requests=90, primary_bad=0)


class Happenings:
    """What happens in one seed's story, and what is answered in it. Nothing is looked at here."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = self.random.choice((World, initialised, initialised, progressing, progressing, promoting))()
        self.world.edit(analysis=self.random.choice(POLICIES))
        self.honest = self.random.choice((0.5, 0.9, 1.0))  # how often an answer is a plain pass
        # Each story knows a few kinds of trouble only: with all of them at once no run would ever get far.
        self.trouble = self.random.sample(self.troubles(), k=self.random.randint(2, 8))
        self.calm = self.random.choice((0.4, 0.6, 0.8))
        self.world.answerer = self.answer

    def troubles(self) -> list[Callable[[], None]]:
        """Everything that may disturb."""
        return [
            self.time_passes,
            self.release,
            self.release_good,
            self.revert,
            self.pods_change,
            self.pods_recover,
            self.pods_break,
            self.policy_edited,
            self.paused,
            self.suspended,
            self.held,
            self.hand_edit,
            self.routes_denied,
            self.object_deleted,
            self.status_lost,
            self.crash,
            self.canary_deleted,
            self.clock_skewed,
        ]

    def happening(self) -> Callable[[], None]:
        """What happens next."""
        if self.random.random() < self.calm:
            return self.wake
        return self.random.choice((*self.trouble, self.pods_recover, self.release_good))

    def answer(self, question: Question) -> Verdict | None:
        """Mostly good news."""
        if question.kind is Ask.TRAFFIC:
            silent = self.random.random() > self.honest
            return Verdict(Outcome.PASS, counts=Counts(canary=0 if silent else 9, primary=91, expected=100))
        if self.random.random() < self.honest:
            return healthy(question)
        outcome = self.random.choice((None, Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE))
        evidence = self.random.choice((None, SOME))
        memory = f"{question.memory[:20]}x" if question.judge else ""
        return Verdict(outcome, value=1.0, message="so it was", evidence=evidence, memory=memory) if outcome else None

    def time_passes(self) -> None:
        self.world.now += timedelta(seconds=self.random.choice((0.5, 10, 60, 85, 600, 7200)))

    def wake(self) -> None:
        wake = self.world.decision.wake_at if self.world.decision else None
        self.world.now = max(self.world.now, wake) if wake else self.world.now

    def clock_skewed(self) -> None:
        self.world.now -= timedelta(seconds=self.random.choice((0.2, 5, 30)))

    def _pods(self) -> Pods | None:
        return self.random.choice((self.world.target, self.world.primary))

    def release(self) -> None:
        if self.world.target is not None:
            self.world.resolvable = self.random.random() < 0.7
            self.world.release(self.random.choice(REVISIONS), healthy=self.random.random() < 0.8)

    def release_good(self) -> None:
        """A version that would go all the way, if nothing disturbed it."""
        if self.world.target is not None and self.world.status.run is None:
            self.world.release(self.random.choice(REVISIONS))

    def revert(self) -> None:
        if self.world.target is not None and self.world.status.last_promoted_spec:
            self.world.release(self.world.status.last_promoted_spec)

    def pods_change(self) -> None:
        if (pods := self._pods()) is not None and pods.replicas:
            pods.healthy = False
            pods.ready = self.random.randint(0, pods.replicas)
            pods.updated = self.random.randint(0, pods.replicas)

    def pods_break(self) -> None:
        if (pods := self._pods()) is not None and pods.replicas:
            pods.healthy, pods.trouble, pods.ready = False, CRASH, self.random.randint(0, pods.replicas)

    def pods_recover(self) -> None:
        if (pods := self._pods()) is not None:
            pods.healthy, pods.trouble, pods.since = True, None, (self.world.now,) * pods.replicas

    def policy_edited(self) -> None:
        plain = self.random.choice(((), (SUCCESS_RATE,), (SUCCESS_RATE, DURATION)))
        ruled = self.random.random() < 0.5
        checks = tuple(replace(each, **self.random.choice(RULES)) if ruled else each for each in plain)
        skip = self.random.random() < 0.1
        self.world.edit(analysis=self.random.choice(POLICIES), checks=checks, skip_analysis=skip)

    def paused(self) -> None:
        self.world.edit(paused=not self.world.spec.paused)

    def suspended(self) -> None:
        self.world.edit(suspend=not self.world.spec.suspend)

    def held(self) -> None:
        name, reason = self.random.choice(
            (("hold", "StaleCache"), ("refusal", "HostTaken"), ("contested", "Contested"))
        )
        problem = Problem(reason=reason, message="until it is mended")
        setattr(self.world, name, None if getattr(self.world, name) else problem)

    def hand_edit(self) -> None:
        if self.world.live is not None:
            self.world.by_hand(self.random.randint(0, 100))

    def routes_denied(self) -> None:
        self.world.writable = not self.world.writable

    def object_deleted(self) -> None:
        which = self.random.choice(("target", "target", "primary", "routes"))
        if which == "routes":
            self.world.live = self.world.confirmed = None
        elif which == "target" and self.world.target is None:
            self.world.target = Pods(self.random.choice(REVISIONS), 3)
        elif self.random.random() < 0.3:
            setattr(self.world, which, None)

    def status_lost(self) -> None:
        if self.random.random() < 0.2:
            self.world.status = Status()
            self.world.answers.clear()

    def crash(self) -> None:
        """After the record, before anything is written; what was answered is forgotten."""
        self.decide()
        self.world.answers.clear()

    def decide(self) -> None:
        """One decision, recorded."""
        self.world.decide()

    def canary_deleted(self) -> None:
        if self.world.deleting and not self.world.finalizer:
            self.world.deleting, self.world.status = False, Status()  # applied again
        elif self.random.random() < 0.2:
            self.world.deleting = True

    def all_well(self) -> None:
        """Every cause goes away; nobody does anything any more."""
        world = self.world
        world.writable, world.resolvable = True, True
        world.hold = world.refusal = world.contested = None
        world.answerer = healthy
        world.answers.clear()
        if world.target is None and not world.deleting:
            world.target = Pods(REVISIONS[0], 3)
        for pods in (world.target, world.primary):
            if pods is not None:
                pods.healthy, pods.trouble = True, None
        world.edit(suspend=False, paused=True)
        world.settle()
        world.edit(paused=False)
        world.until_quiet(within=10 * 86400)
