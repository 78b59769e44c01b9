"""A cluster in a few fields, for stories about decisions.

It plays what stands around `advance` and `wanted`: it records the status, writes what is wanted, rolls pods, answers
questions and moves a virtual clock to the next moment that a decision asked for. Nothing in it decides anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from metrics.verdict import Counts, Outcome, Verdict
from strategies.commands import BOUND, Command, Verb, subject
from strategies.decision import Decision, Wanted
from strategies.permits import Approval, Frozen, Window
from strategies.questions import Ask, Question
from strategies.rollout import advance, wanted
from strategies.rollout.answering import Answer, answer
from strategies.snapshot import Problem, Routes, Snapshot, Undone
from strategies.spec import Analysis, CheckSpec, RolloutSpec
from strategies.status import Phase, Posted, Status
from strategies.traffic import Traffic
from tests.strategies.pods import Pods

START = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
SUCCESS_RATE = CheckSpec(name="request-success-rate", window_seconds=60.0)
DURATION = CheckSpec(name="request-duration", window_seconds=60.0)
DENIED = Problem(reason="WriteDenied", message="may not patch virtualservices; grant it to the controller's role")
V1, V2, V3 = "v1-111111111111", "v1-222222222222", "v1-333333333333"


def a_spec(**changes: object) -> RolloutSpec:
    """A Canary with the default steps and one metric."""
    known: dict[str, object] = {"name": "reviews", "namespace": "shop", "generation": 1, "checks": (SUCCESS_RATE,)}
    return RolloutSpec(**{**known, **changes})  # type: ignore[arg-type]


def steps(*weights: int, **changes: object) -> Analysis:
    """An analysis with these weights."""
    return Analysis(step_weights=weights, **changes)  # type: ignore[arg-type]


_IDS = count(1)
Answerer = Callable[[Question], Verdict | None]


def healthy(question: Question) -> Verdict | None:
    """Everything passes, and the canary gets what its weight says."""
    if question.kind is Ask.TRAFFIC:
        return Verdict(Outcome.PASS, counts=Counts(canary=10, primary=90, expected=100))
    return Verdict(Outcome.PASS, value=99.9, limit="min 99")


def failing(question: Question) -> Verdict | None:
    """Every metric fails."""
    if question.kind is Ask.METRIC:
        return Verdict(Outcome.FAIL, value=80.0, limit="min 99", message=f"{question.name} was 80 (min 99)")
    return healthy(question)


def saying(outcome: Outcome, message: str = "") -> Answerer:
    """Every metric says this."""
    return lambda question: Verdict(outcome, message=message) if question.kind is Ask.METRIC else healthy(question)


@dataclass(slots=True)
class World:
    """The cluster around one Canary."""

    spec: RolloutSpec = field(default_factory=a_spec)
    target: Pods | None = field(default_factory=lambda: Pods(V1, 3, 3, 3))
    primary: Pods | None = None
    status: Status = field(default_factory=Status)
    now: datetime = START
    answerer: Answerer = healthy
    live: int | None = None  # the canary's weight in the live routes
    written: Traffic | None = None  # what we wrote last
    confirmed: int | None = None
    hand_edited: bool = False
    writable: bool = True  # routes can be written
    apex_moved: bool = False
    copied: bool = True
    finalizer: bool = False
    deleting: bool = False
    refusal: Problem | None = None
    hold: Problem | None = None
    contested: Problem | None = None
    resolvable: bool = True
    kept: frozenset[str] = frozenset()  # what cannot be undone: apex, objects
    lost: Problem | None = None  # what was there before is not recorded any more
    command: Command | None = None
    window: Window | None = None
    frozen: Frozen | None = None
    said: list[Approval] = field(default_factory=list)  # not answered yet
    answered: dict[str, Answer] = field(default_factory=dict)
    epoch: int = 1
    delivering: bool = True
    delivered: set[str] = field(default_factory=set)
    posted: tuple[Posted, ...] = ()
    told: list[str] = field(default_factory=list)
    answers: dict[Question, Verdict] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    journal: list[Status] = field(default_factory=list)
    decision: Decision | None = None

    # What is seen

    def snapshot(self) -> Snapshot:
        """What a tick sees now."""
        bare = Snapshot(
            target=self.target.observed() if self.target else None,
            primary=self.primary.observed() if self.primary else None,
            routes=Routes(
                canary_weight=self.live,
                everybody_weight=0 if self.written is not None and self.written.matched else self.live,
                mirror=self.written.mirror if self.written is not None else 0,
                testers=self.written is not None and self.written.testers,
                apex_moved=self.apex_moved,
                hand_edited=self.hand_edited,
                failing_seconds=0.0 if self.writable else 1.0,
                problem=None if self.writable else DENIED,
            ),
            refusal=self.refusal,
            hold=self.hold,
            contested=self.contested,
            deleting=self.deleting,
            resolvable=self._resolvable(),
            copied=self.copied,
            finalizer=self.finalizer,
            epoch=self.epoch,
            delivered=frozenset(self.delivered),
            posted=self.posted,
            command=self.command,
            window=self.window,
            frozen=self.frozen,
            approvals=tuple(self.said),
        )
        bare = replace(bare, undone=self.undone())
        wish = wanted(self.spec, self.status, bare)
        in_sync = wish.traffic is not None and wish.traffic == self.written and wish.traffic.canary == self.live
        confirmed = in_sync and self.confirmed == self.live
        return replace(bare, routes=replace(bare.routes, in_sync=in_sync, confirmed=confirmed))

    def undone(self) -> Undone:
        """How far a revert has come."""
        return Undone(
            apex=not self.apex_moved, routes=self.live is None, objects=self.primary is None, problem=self.lost
        )

    def _resolvable(self) -> bool:
        """The run's template is on a workload, or in one of the target's old ReplicaSets (`resolvable`)."""
        known = {each.revision for each in (self.target, self.primary) if each is not None}
        return self.resolvable or self.status.run is None or self.status.run.revision in known

    # What happens

    def decide(self) -> Decision:
        """One decision, recorded; nothing is written yet."""
        self.decision = advance(self.spec, self.status, self.snapshot(), dict(self.answers), self.now)
        if self.decision.status != self.status:
            known = {note.id for note in self.status.outbox}
            self.told += [note.reason for note in self.decision.status.outbox if note.id not in known]
            self.status = self.decision.status
            self.journal.append(self.status)
        self.answers = {each: verdict for each, verdict in self.answers.items() if each in self.decision.questions}
        return self.decision

    def wish(self) -> Wanted:
        """What is wanted now."""
        return wanted(self.spec, self.status, self.snapshot())

    def converge(self) -> bool:
        """Write what is wanted; True when anything was written."""
        wish = self.wish()
        if wish.hands_off:
            return False
        wrote = self._write_routes(wish)
        wrote |= self._write_workloads(wish)
        if wish.apex_to_primary and not self.apex_moved and self.live is not None:
            self.apex_moved = wrote = True
        wrote |= self._undo(wish)
        if wish.finalizer != self.finalizer:
            self.finalizer, wrote = wish.finalizer, True
        return wrote

    def _undo(self, wish: Wanted) -> bool:
        before = self.undone()
        if wish.apex_as_before and "apex" not in self.kept:
            self.apex_moved = False
        if wish.routes_as_before:
            self.live = self.confirmed = None
        if wish.nothing_left and "objects" not in self.kept:
            self.primary = None
        return before != self.undone()

    def _write_routes(self, wish: Wanted) -> bool:
        if wish.traffic is None or not self.writable:
            return False
        before = (self.live, self.confirmed, self.hand_edited, self.written)
        self.live = self.confirmed = wish.traffic.canary
        self.hand_edited, self.written = False, wish.traffic
        return before != (self.live, self.confirmed, self.hand_edited, self.written)

    def _write_workloads(self, wish: Wanted) -> bool:
        wrote = False
        if wish.primary_revision is not None and (
            self.primary is None or self.primary.revision != wish.primary_revision
        ):
            wrote = self._copy(wish.primary_revision)
        if self.primary is not None and wish.primary_floor is not None and self.primary.replicas < wish.primary_floor:
            wrote |= self.primary.scale(wish.primary_floor)
        if self.target is not None and wish.canary_replicas is not None and not self.spec.shares_pods:
            more = max(self.target.replicas, wish.canary_replicas) if wish.canary_replicas else 0
            wrote |= self.target.scale(more)
        return wrote

    def _copy(self, revision: str) -> bool:
        if not self.resolvable and (self.target is None or self.target.revision != revision):
            return False
        if self.primary is None:
            self.primary = Pods(revision, max(1, self.target.replicas if self.target else 1))
        else:
            self.primary.template(revision)
        return True

    def roll(self) -> bool:
        """Let the pods of both roles become ready."""
        rolled = [each.roll() for each in (self.target, self.primary) if each is not None]
        return any(rolled)

    def answer(self) -> bool:
        """Answer what is asked; True when there is a new answer."""
        found = False
        for question in sorted(self.decision.questions if self.decision else (), key=lambda each: each.name):
            if question not in self.asked:
                self.asked.append(question)
            verdict = self.answerer(question)
            if question not in self.answers and verdict is not None:
                self.answers[question] = verdict
                found = True
        return found

    def deliver(self) -> None:
        """Tell people what stands in the outbox."""
        if self.delivering:
            self.delivered |= {note.id for note in self.status.outbox}

    def tick(self) -> bool:
        """One pass of the loop at this moment; True when it changed anything."""
        before = self.status
        self.decide()
        changed = self.status != before
        changed |= self.converge()
        changed |= self.roll()
        changed |= self.answer()
        self.deliver()
        self._answer_people()
        return changed

    def _answer_people(self) -> None:
        """Tell people what became of their words."""
        for said in tuple(self.said):
            found = answer(self.spec, self.status, said)
            if found is not None:
                self.answered[said.name] = found
                self.said.remove(said)

    def settle(self) -> None:
        """Pass after pass at this moment, until nothing changes any more."""
        for _ in range(500):
            if not self.tick():
                return
        raise AssertionError(f"no rest at {self.now}: {self.status}")

    def until(self, done: Callable[["World"], bool], *, within: float = 36000) -> "World":
        """Let time pass, from wake to wake, until something is so. The limit is in virtual seconds."""
        limit = self.now + timedelta(seconds=within)
        for _ in range(5000):
            if done(self):
                return self
            if self.tick() or done(self):
                continue
            wake = self.decision.wake_at if self.decision else None
            if wake is None or wake > limit:
                raise AssertionError(f"never came, wake {wake} at {self.now}: {self.status}")
            assert wake > self.now
            self.now = wake
        raise AssertionError(f"never came in 5000 passes: {self.status}")

    def until_phase(self, *phases: Phase, within: float = 36000) -> "World":
        """Let time pass until the phase is reached and its work is done."""
        return self.until(lambda world: world.status.phase in phases, within=within)

    def until_quiet(self, *, within: float = 36000) -> "World":
        """Let time pass until no decision asks for another look."""
        limit = self.now + timedelta(seconds=within)
        for _ in range(5000):
            self.settle()
            wake = self.decision.wake_at if self.decision else None
            if wake is None:
                return self
            assert self.now < wake <= limit, f"not quiet at {limit}: {self.status}"
            self.now = wake
        raise AssertionError(f"not quiet in 5000 passes: {self.status}")

    def rest(self, seconds: float) -> "World":
        """Let so many seconds pass, with a look at every moment that was asked for."""
        end = self.now + timedelta(seconds=seconds)
        for _ in range(5000):
            self.settle()
            wake = self.decision.wake_at if self.decision else None
            if wake is None or wake > end:
                break
            self.now = wake
        self.now = end
        self.settle()
        return self

    # What people do

    def release(self, revision: str, *, healthy: bool = True) -> "World":
        """`kubectl set image`: the target gets another template."""
        assert self.target is not None
        self.target.template(revision)
        self.target.healthy = healthy
        return self

    def give(self, verb: Verb, id: str = "", *, of: str | None = None, **given: object) -> "World":  # noqa: A002
        """Somebody gives a command for what goes on now, as the command line would; nothing is decided yet."""
        bound = subject(self.status) if of is None and verb in BOUND else of or ""
        self.command = Command(id=id or f"c{next(_IDS)}", verb=verb, of=bound, by="ann", **given)  # type: ignore[arg-type]
        return self

    def edit(self, **changes: object) -> "World":
        """Change the Canary's spec."""
        self.spec = replace(self.spec, generation=self.spec.generation + 1, **changes)  # type: ignore[arg-type]
        return self

    def by_hand(self, weight: int) -> "World":
        """Somebody writes another weight into the routes."""
        self.live, self.hand_edited, self.confirmed = weight, True, None
        return self

    def condition(self, kind: str) -> tuple[str, str]:
        """A condition's status and reason."""
        known = self.status.condition(kind)
        return (known.status, known.reason) if known is not None else ("", "")

    def weights(self) -> list[int]:
        """The recorded weights, in order, without repeats."""
        seen: list[int] = []
        for each in self.journal:
            if not seen or seen[-1] != each.canary_weight:
                seen.append(each.canary_weight)
        return seen

    def phases(self) -> list[Phase]:
        """The recorded phases, in order, without repeats."""
        seen: list[Phase] = []
        for each in self.journal:
            if not seen or seen[-1] is not each.phase:
                seen.append(each.phase)
        return seen


def initialised(**changes: object) -> World:
    """A world at rest: the primary serves V1, the canary sleeps."""
    world = World(spec=a_spec(**changes))
    world.until_quiet()
    assert world.status.phase is Phase.INITIALIZED
    world.journal.clear()
    world.told.clear()
    world.asked.clear()
    return world


def progressing(step: int = 1, **changes: object) -> World:
    """A world in the middle of a run of V2, at a step (the first is 0)."""
    world = initialised(**changes).release(V2)
    world.until(lambda each: each.status.run is not None and each.status.run.step == step)
    world.settle()
    return world


def promoting(**changes: object) -> World:
    """A world that has just begun to promote V2; nothing is written yet."""
    world = progressing(0, **{"analysis": steps(20, 50), **changes})

    def begun(each: World) -> bool:
        return each.decide().status.phase is Phase.PROMOTING

    return world.until(begun)
