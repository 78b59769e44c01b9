"""Anything may happen at any moment, in any order; what was promised holds after every decision.

Each story is told by a seed: the same seed tells the same story, and a failing one prints it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from metrics.verdict import Counts, Evidence, Outcome, Verdict
from strategies.plan import plan_for
from strategies.questions import Ask, Question
from strategies.readiness import carries, needed
from strategies.rollout import advance
from strategies.rollout.budget import size
from strategies.snapshot import Problem
from strategies.spec import Analysis, CheckSpec, Policy
from strategies.status import THEIRS, Check, Phase, Result, Stage, Status
from strategies.traffic import Role
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

SEEDS = 80
EVENTS = 60
REVISIONS = (V1, V2, V3, "v1-444444444444")
CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-1 crashes: exit code 1")
HOLDS = ("Paused", "ManualOverride", "StaleCache", "HostTaken", "Contested", "NotYetActedOn", "ScalingUp")
AT_REST = (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING)
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


def may_pass(check: Check, spec: CheckSpec, analysis: Analysis) -> bool:
    """Passed; or nothing failed last, and what is not known was decided by the limits or may be passed over."""
    if check.outcome is Outcome.PASS:
        return True
    if check.outcome is not Outcome.INCONCLUSIVE or check.in_row:
        return False
    if check.undecided:
        return check.whole is Outcome.PASS or analysis.on_inconclusive is Policy.PROCEED
    return spec.on_no_data is Policy.PROCEED


class Story:
    """One seed's story."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = self.random.choice((World, initialised, initialised, progressing, progressing, promoting))()
        self.world.edit(analysis=self.random.choice(POLICIES))
        self.ids: set[str] = set()
        self.lines: list[str] = []
        self.honest = self.random.choice((0.5, 0.9, 1.0))  # how often an answer is a plain pass
        # Each story knows a few kinds of trouble only: with all of them at once no run would ever get far.
        self.trouble = self.random.sample(self.troubles(), k=self.random.randint(2, 8))
        self.calm = self.random.choice((0.4, 0.6, 0.8))
        self.world.answerer = self.answer

    # What happens

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

    def canary_deleted(self) -> None:
        if self.world.deleting and not self.world.finalizer:
            self.world.deleting, self.world.status = False, Status()  # applied again
        elif self.random.random() < 0.2:
            self.world.deleting = True

    # The loop, watched

    def tell(self, event: Callable[[], None]) -> None:
        event()
        status = self.world.status
        self.lines.append(
            f"{event.__name__}: {status.phase} {status.stage} {status.canary_weight} live {self.world.live} "
            f"{status.reason} target {self.world.target} primary {self.world.primary} at {self.world.now:%H:%M:%S}"
        )
        for _ in range(self.random.choice((0, 1, 3, 8))):
            self.look()

    def look(self) -> None:
        """One tick, as the loop does it."""
        self.decide()
        self.world.converge()
        self.world.roll()
        self.world.answer()
        self.world.deliver()

    def decide(self) -> None:
        before, spec = self.world.status, self.world.spec
        known = {note.id for note in before.outbox}
        self.world.decide()
        new = [note.id for note in self.world.status.outbox if note.id not in known]
        assert len(new) == len(set(new))
        assert self.ids.isdisjoint(new)
        self.ids.update(new)
        self.check_steps(before)
        self.check_wish()
        self.check_status()
        assert spec is self.world.spec

    def check_wish(self) -> None:
        """G1: nothing for a role without a ready pod, nothing above what ready pods carry (a rescue excepted)."""
        world, wish = self.world, self.world.wish()
        if wish.traffic is None:
            return
        live = world.live if world.live is not None else -1
        run = world.status.run
        for role, pods, given in (
            (Role.CANARY, world.target, live),
            (Role.PRIMARY, world.primary, 100 - live if live >= 0 else -1),
        ):
            share = wish.traffic.share(role)
            if share > max(given, 0):
                assert pods is not None, f"{share} % to a {role} that does not exist"
                assert pods.ready > 0, f"{share} % to a {role} without a ready pod"
        rises = live >= 0 and wish.traffic.canary > live
        primary_lives = world.primary is not None and world.primary.ready > 0
        if (
            rises
            and run is not None
            and world.status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
            and primary_lives
        ):
            assert world.target is not None
            assert world.hold is None, "raised on a stale cache"
            assert world.target.ready >= needed(run.floor, wish.traffic.canary)
        if world.status.phase is Phase.FINALISING and run is not None and live > 0 and wish.traffic.canary == 0:
            works = world.target is not None and world.target.ready > 0 and world.target.revision == run.revision
            assert not works or carries(world.spec, world.primary.observed(), floor=run.floor, share=100)
        allowed = {world.status.last_promoted_spec, run.revision if run is not None else None, None}
        assert wish.primary_revision in allowed

    def check_steps(self, before: Status) -> None:
        """G6: a weight rises, and a run is promoted, only after the checks of its step have passed."""
        after, spec = self.world.status, self.world.spec
        run = after.run
        if run is None or before.run is None or run.id != before.run.id or before.run.step < 0 or run.healing:
            return
        stepped = run.step > before.run.step
        promoted = after.phase is Phase.PROMOTING and before.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
        if (stepped or promoted) and not spec.skip_analysis:
            judged = {check.name: check for check in after.checks}
            for check in (each for each in spec.checks if not each.dry_run):
                assert may_pass(judged[check.name], check, spec.analysis)
                assert judged[check.name].end > before.run.windows_from
        if promoted:
            assert self.world.target.revision == run.revision
            plan = plan_for(spec)
            assert plan.index_of(after.canary_weight, run.step) == len(plan) - 1

    def check_status(self) -> None:
        status, world = self.world.status, self.world
        assert size(status) < 4096
        assert len(status.history) <= 5
        assert 0 <= status.canary_weight <= 100
        assert world.decision.wake_at is None or world.decision.wake_at > world.now
        self.check_rest()
        self.check_way_out()

    def check_rest(self) -> None:
        """The same moment, seen again without anything new, soon asks for no write."""
        status, snapshot = self.world.status, self.world.snapshot
        for _ in range(6):
            decision = advance(self.world.spec, self.world.status, snapshot(), self.world.answers, self.world.now)
            if decision.status == self.world.status:
                break
            self.world.status = decision.status
        else:
            raise AssertionError(f"comes to no rest: {self.world.status}")
        self.world.status = status

    def check_way_out(self) -> None:
        """G9: what is not at rest has a moment to look again, a question, or says what it waits for."""
        world, status = self.world, self.world.status
        resting = status.run is None and status.stage is Stage.NONE
        unwritten = not world.snapshot().routes.confirmed or world.finalizer != world.wish().finalizer
        if resting or world.decision.wake_at or world.decision.questions or unwritten:
            return
        named = [each.reason for each in status.conditions if each.status == "False" and each.type != "Promoted"]
        moved = not self.is_fixed()
        assert named or moved or status.reason in HOLDS, f"waits for nothing that it names: {status}"

    def is_fixed(self) -> bool:
        decision = advance(
            self.world.spec, self.world.status, self.world.snapshot(), self.world.answers, self.world.now
        )
        return decision.status == self.world.status

    # The end

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


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_in_whatever_order(seed):
    story = Story(seed)
    try:
        for _ in range(EVENTS):
            story.tell(story.happening())
        story.all_well()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}\n" + "\n".join(story.lines[-12:])) from error

    world, status = story.world, story.world.status
    story.decide()
    if world.deleting:
        assert (status.phase, status.stage, world.finalizer) == (Phase.TERMINATING, Stage.NONE, False)
        return
    assert status.phase in AT_REST
    assert (status.stage, status.run, world.live, world.finalizer) == (Stage.NONE, None, 0, False)
    assert world.primary.ready == world.primary.replicas >= 1
    assert world.primary.revision == status.last_promoted_spec
    if status.phase is not Phase.FAILED:
        assert world.target.revision == status.last_promoted_spec
    assert world.target.replicas == 0


def test_the_stories_reach_every_phase_and_every_end():
    phases: set[Phase] = set()
    ends: set[Result] = set()
    for seed in range(40):
        story = Story(seed)
        for _ in range(EVENTS):
            story.tell(story.happening())
        phases |= {status.phase for status in story.world.journal}
        ends |= {past.result for status in story.world.journal for past in status.history}

    assert phases >= set(Phase) - {Phase.NONE, Phase.OBSERVING, Phase.WAITING_PROMOTION}  # the last one is too rare
    assert ends == set(Result) - set(THEIRS)


def test_a_story_can_be_told_again():
    def told(seed: int) -> list[str]:
        story = Story(seed)
        for _ in range(20):
            story.tell(story.happening())
        return story.lines

    assert told(7) == told(7)
