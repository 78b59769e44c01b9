"""A cluster in which somebody else moves traffic, for stories about looking on.

It plays the other side's script, answers questions and moves a virtual clock. There is nothing here that could be
written to: whatever a decision wants stands in its status.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from metrics.verdict import Evidence, Outcome, Verdict
from strategies.observing import observe
from strategies.questions import Ask, Question
from strategies.snapshot import Mover, Problem, Routes, Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Status
from tests.strategies.pods import Pods
from tests.strategies.world import START, V1, V2, Answerer, a_spec, healthy, steps

FLAGGER = Mover(name="Flagger", copies=True)


def bad(question: Question) -> Verdict | None:
    """Every window has 57 bad requests of 1,204."""
    if question.kind is not Ask.METRIC:
        return healthy(question)
    numbers = Evidence(canary_requests=1204, canary_bad=57)
    return Verdict(Outcome.FAIL, value=95.3, limit="min 99", message="success rate was 95.3 (min 99)", evidence=numbers)


@dataclass(slots=True)
class Beside:
    """One Canary that looks on. `share` is what the other side gives to the canary."""

    spec: RolloutSpec = field(default_factory=lambda: a_spec(observe=True, analysis=steps(10, 50)))
    target: Pods | None = field(default_factory=lambda: Pods(V1, 0))
    primary: Pods | None = field(default_factory=lambda: Pods("v1-aaaaaaaaaaaa", 2, 2, 2))
    share: int | None = 0
    mirror: int = 0
    alike: bool = True
    mover: Mover = FLAGGER
    hold: Problem | None = None
    status: Status = field(default_factory=Status)
    answerer: Answerer = healthy
    now: datetime = START
    told: list[tuple[str, str]] = field(default_factory=list)
    asked: set[Question] = field(default_factory=set)
    writes: int = 0
    wake: datetime | None = None
    answers: dict[Question, Verdict] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            target=self.target.observed() if self.target else None,
            primary=self.primary.observed() if self.primary else None,
            routes=Routes(canary_weight=self.share, mirror=self.mirror, in_sync=True),
            hold=self.hold,
            mover=Mover(name=self.mover.name, copies=self.mover.copies, alike=self.alike),
        )

    def tick(self) -> bool:
        """One decision, recorded, and what it asks answered; True when anything changed."""
        decision = observe(self.spec, self.status, self.snapshot(), dict(self.answers), self.now)
        changed = decision.status != self.status
        if changed:
            known = {each.id for each in self.status.outbox}
            self.told += [(each.reason, each.message) for each in decision.status.outbox if each.id not in known]
            self.writes += 1
        self.status, self.wake = decision.status, decision.wake_at
        self.answers = {each: said for each, said in self.answers.items() if each in decision.questions}
        self.asked |= decision.questions
        for question in sorted(decision.questions - set(self.answers), key=lambda each: each.name):
            if (verdict := self.answerer(question)) is not None:
                self.answers[question] = verdict
                changed = True
        for pods in (self.target, self.primary):
            changed |= pods is not None and pods.roll()
        return changed

    def settle(self) -> "Beside":
        for _ in range(100):
            if not self.tick():
                return self
        raise AssertionError(f"no rest at {self.now}: {self.status}")

    def rest(self, seconds: float) -> "Beside":
        """Let time pass, with a look at every moment that was asked for."""
        end = self.now + timedelta(seconds=seconds)
        self.settle()
        while self.wake is not None and self.wake <= end:
            assert self.wake > self.now
            self.now = self.wake
            self.settle()
        self.now = end
        return self.settle()

    def until(self, done: Callable[["Beside"], bool], *, within: float = 3600) -> "Beside":
        for _ in range(int(within)):
            if done(self):
                return self
            self.rest(1.0)
        raise AssertionError(f"never came: {self.status}")

    # -- the other side

    def release(self, revision: str = V2, *, share: int = 10) -> "Beside":
        """A new version, scaled up and given its first share."""
        assert self.target is not None
        self.target.template(revision)
        self.target.scale(2)
        self.settle()
        self.share = share
        return self.settle()

    def promote(self) -> "Beside":
        """The template goes to the primary, then users, then the target's pods."""
        assert self.primary is not None
        assert self.target is not None
        self.primary.template("v1-bbbbbbbbbbbb")
        self.settle()
        self.share = 0
        self.settle()
        self.target.scale(0)
        return self.settle()

    def roll_back(self) -> "Beside":
        """Users go, then the pods."""
        assert self.target is not None
        self.share = 0
        self.settle()
        self.target.scale(0)
        self.rest(self.spec.settle_seconds)
        return self.settle()

    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.told]

    def said(self, reason: str) -> str:
        return next(message for each, message in self.told if each == reason)


def at_rest(**changes: object) -> Beside:
    """A Canary that looks on while nothing happens."""
    world = Beside(**changes).settle()  # type: ignore[arg-type]
    world.told.clear()
    return world
