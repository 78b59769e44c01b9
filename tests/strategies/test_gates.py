"""Gates hold a release back: before it starts, before the canary gets more, before the promotion. Never a rollback."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from strategies.gates import Closed, GateKind, Point
from strategies.rollout import gating
from strategies.rollout.turn import Turn
from strategies.status import Phase, Result
from tests.strategies.world import V1, V2, V3, World, a_spec, failing, steps


@dataclass
class Person:
    """Somebody who says no before what is named here."""

    before: set[GateKind] = field(default_factory=set)
    ends: bool = False
    points: list[Point] = field(default_factory=list)

    def __call__(self, turn: Turn, point: Point) -> Iterable[Closed]:
        self.points.append(point)
        if self.before & set(point.kinds):
            yield Closed(name="sign-off", message="approve it", ends_run=self.ends)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    somebody = Person()
    monkeypatch.setattr(gating, "REASONS", (somebody,))
    return somebody


def a_world(*weights: int, **changes: object) -> World:
    world = World(spec=a_spec(analysis=steps(*(weights or (10, 50))), **changes))
    world.until(lambda w: w.status.phase is Phase.INITIALIZED)
    return world


def test_without_gates_nothing_is_written_about_them(person: Person) -> None:
    world = a_world()
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)
    assert all(status.waiting is None for status in world.journal)
    assert [point.kinds for point in person.points] == [
        (GateKind.ROLLOUT,),
        (GateKind.TRAFFIC_INCREASE,),
        (GateKind.TRAFFIC_INCREASE,),
        (GateKind.PROMOTION,),
    ]


def test_a_revision_waits_before_its_run_and_its_pods_stay_away(person: Person) -> None:
    person.before = {GateKind.ROLLOUT}
    world = a_world()
    world.release(V2)
    world.rest(600)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING, "GateClosed")
    assert world.status.run is None
    assert world.target is not None
    assert world.target.replicas == 0
    assert world.told.count("GateClosed") == 1
    since = world.status.waiting and world.status.waiting.since
    person.before = set()
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)
    assert world.status.waiting is None
    assert since is not None


def test_the_canary_gets_no_more_while_a_gate_is_closed_and_goes_on_being_judged(person: Person) -> None:
    person.before = {GateKind.TRAFFIC_INCREASE}
    world = a_world()
    world.release(V2)
    world.rest(600)
    assert (world.status.phase, world.status.canary_weight) == (Phase.PROGRESSING, 0)
    person.before = set()
    world.until(lambda w: w.status.canary_weight == 10)
    person.before = {GateKind.TRAFFIC_INCREASE}
    world.rest(600)
    assert (world.status.canary_weight, world.status.reason) == (10, "GateClosed")
    world.answerer = failing
    world.until(lambda w: w.status.phase is Phase.FAILED)
    assert world.status.history[-1].result is Result.ROLLED_BACK
    assert world.status.canary_weight == 0
    assert world.status.waiting is None


def test_before_the_promotion_waiting_is_a_phase_and_takes_no_time_from_the_run(person: Person) -> None:
    person.before = {GateKind.PROMOTION}
    world = a_world(10, 50)
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, max_duration_seconds=400))
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.WAITING_PROMOTION)
    world.rest(3600)
    assert world.status.phase is Phase.WAITING_PROMOTION
    assert world.status.canary_weight == 50
    assert world.told.count("GateClosed") == 1
    person.before = set()
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)


def test_a_newer_revision_is_gated_too_and_users_leave_the_one_that_was_confirmed(person: Person) -> None:
    world = a_world()
    world.release(V2)
    world.until(lambda w: w.status.canary_weight == 10)
    person.before = {GateKind.ROLLOUT}
    world.release(V3)
    world.until(lambda w: w.status.phase is Phase.WAITING)
    assert world.status.canary_weight == 0
    world.rest(600)
    assert (world.status.phase, world.live) == (Phase.WAITING, 0)
    assert world.status.history[-1].result is Result.SUPERSEDED
    person.before = set()
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)
    assert world.status.last_promoted_spec == V3


def test_the_time_at_a_point_counts_from_the_first_moment_there(person: Person) -> None:
    person.before = {GateKind.PROMOTION}
    world = a_world(10)
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.WAITING_PROMOTION)
    world.rest(600)
    at_promotion = [point for point in person.points if GateKind.PROMOTION in point.kinds]
    assert len({point.since for point in at_promotion}) == 1


def test_a_gate_that_nobody_opened_in_time_can_end_the_run(person: Person) -> None:
    world = a_world(10)
    person.before, person.ends = {GateKind.PROMOTION}, True
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.FAILED)
    assert world.status.history[-1].result is Result.ROLLED_BACK
    assert world.status.last_promoted_spec == V1


def test_a_gate_that_nobody_opened_in_time_can_refuse_a_revision(person: Person) -> None:
    world = a_world(10)
    person.before, person.ends = {GateKind.ROLLOUT}, True
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.FAILED)
    world.rest(600)
    assert (world.status.phase, world.status.history) == (Phase.FAILED, ())
    person.before = set()
    world.rest(600)
    assert world.status.phase is Phase.FAILED  # it counts as tried
    world.release(V3)
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)


def test_going_back_to_what_is_promoted_waits_for_nobody(person: Person) -> None:
    person.before = {GateKind.ROLLOUT, GateKind.PROMOTION}
    world = a_world(10)
    world.release(V2)
    world.until(lambda w: w.status.phase is Phase.WAITING)
    world.release(V1)
    world.until(lambda w: w.status.phase is Phase.SUCCEEDED)
    assert world.status.waiting is None
    assert world.status.condition("GateClosed") is None
