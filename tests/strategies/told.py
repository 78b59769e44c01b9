"""A story told by a seed, and what was promised, looked at after every decision of it."""

from collections.abc import Callable

from metrics.verdict import Outcome
from strategies.plan import plan_for
from strategies.readiness import carries, needed
from strategies.rollout import advance
from strategies.rollout.budget import size
from strategies.spec import Analysis, CheckSpec, Policy
from strategies.status import Check, Phase, Stage, Status
from strategies.traffic import Role
from tests.strategies.happenings import Happenings

HOLDS = ("Paused", "ManualOverride", "StaleCache", "HostTaken", "Contested", "NotYetActedOn", "ScalingUp")


def may_pass(check: Check, spec: CheckSpec, analysis: Analysis) -> bool:
    """Passed; or nothing failed last, and what is not known was decided by the limits or may be passed over."""
    if check.outcome is Outcome.PASS:
        return True
    if check.outcome is not Outcome.INCONCLUSIVE or check.in_row:
        return False
    if check.undecided:
        return check.whole is Outcome.PASS or analysis.on_inconclusive is Policy.PROCEED
    return spec.on_no_data is Policy.PROCEED


class Story(Happenings):
    """One seed's story, watched."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.ids: set[str] = set()
        self.lines: list[str] = []

    def tell(self, event: Callable[[], None]) -> None:
        """Something happens; then there are a few ticks, or none."""
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
        """One decision, recorded, and what was promised of it."""
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
