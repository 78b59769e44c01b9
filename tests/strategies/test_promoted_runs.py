"""A good version goes out by itself, one recorded step after the other."""

from datetime import timedelta

import pytest

from strategies.snapshot import Problem
from strategies.spec import Analysis
from strategies.status import Phase, Result, Stage
from tests.strategies.world import V2, initialised, progressing, promoting, steps


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        (Analysis(), [0, 5, 10, 25, 50, 0]),
        (steps(20, 40, 80), [0, 20, 40, 80, 0]),
        (steps(50, 100), [0, 50, 100, 0]),
        (Analysis(step_weight=30, max_weight=70), [0, 30, 60, 70, 0]),
    ],
)
def test_a_good_version_is_promoted(analysis, weights):
    world = initialised(analysis=analysis).release(V2)
    world.until_phase(Phase.SUCCEEDED)

    assert world.weights() == weights
    assert world.phases() == [Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING, Phase.SUCCEEDED]
    assert (world.primary.revision, world.status.last_promoted_spec) == (V2, V2)
    past = world.status.history[-1]
    assert (past.result, past.revision, past.reason) == (Result.PROMOTED, V2, "Promoted")

    # and at rest nothing is asked for any more
    world.until_quiet()
    assert world.target.replicas == 0
    assert (world.status.run, world.finalizer, world.decision.questions) == (None, False, frozenset())
    assert world.condition("Promoted") == ("True", "Succeeded")


def test_a_weight_step_is_one_status_change():
    # given a whole run
    world = initialised().release(V2)
    world.until_phase(Phase.PROMOTING)

    # then the recorded changes from the first weight to the promotion are the steps and nothing else
    changes = [status for status in world.journal if status.canary_weight > 0]
    assert [status.canary_weight for status in changes] == [5, 10, 25, 50, 50]
    assert [status.step for status in changes] == ["1/4", "2/4", "3/4", "4/4", "4/4"]


def test_the_printed_step_before_the_first_weight_and_after_the_run():
    world = initialised().release(V2)
    world.decide()
    assert world.status.step == "0/4"
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.step == ""


def test_every_step_waits_for_settle_a_window_and_a_scrape():
    world = initialised(settle_seconds=7.0, scrape_interval_seconds=5.0).release(V2)
    world.until(lambda each: each.status.canary_weight == 5)
    first = world.now
    world.until(lambda each: each.status.canary_weight == 10)

    assert world.now - first == timedelta(seconds=7 + 60 + 5)


def test_a_run_without_metrics_rises_by_time():
    world = initialised(checks=(), analysis=steps(20, 40)).release(V2)
    world.answerer = lambda question: None  # nobody can be asked
    world.until(lambda each: each.status.canary_weight == 20)
    first = world.now
    world.until(lambda each: each.status.canary_weight == 40)

    assert world.now - first == timedelta(seconds=10 + 60 + 15)
    world.until_phase(Phase.SUCCEEDED)


def test_skip_analysis_asks_nothing_and_waits_for_the_canary_the_primary_and_the_drain():
    # given a canary whose pods are not ready
    world = initialised(skip_analysis=True).release(V2, healthy=False)
    world.rest(60)
    assert (world.status.phase, world.status.step) == (Phase.PROGRESSING, "0/0")

    # when they are, the promotion begins; when the primary is ready, it ends
    world.target.healthy = True
    world.primary.healthy = False
    world.settle()
    assert (world.status.phase, world.primary.revision) == (Phase.PROMOTING, V2)
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)

    assert world.weights() == [0]
    assert {question.name for question in world.asked} == {"drained"}
    assert [status.stage for status in world.journal if status.phase is Phase.FINALISING] == [
        Stage.ROUTES,
        Stage.DRAIN,
    ]


def test_the_canary_is_scaled_to_the_floor_before_it_gets_any_users():
    world = initialised()
    world.primary.scale(8)
    world.settle()
    world.release(V2, healthy=False).settle()

    assert (world.status.run.floor, world.target.replicas, world.live) == (8, 8, 0)


def test_users_go_to_the_new_primary_only_when_it_carries_all_of_them():
    # given a primary of which half the pods are ready
    world = promoting(primary_ready_percent=50)
    world.primary.scale(4)
    world.converge()
    world.primary.healthy = False
    world.primary.updated, world.primary.ready = 4, 2
    world.rest(60)
    assert (world.status.phase, world.live) == (Phase.PROMOTING, 50)

    world.primary.ready = 3  # the run began with three
    world.settle()
    assert world.status.phase is Phase.FINALISING


def test_the_floor_is_held_until_the_canary_is_drained():
    world = progressing(1)
    floors = []
    while world.status.phase is not Phase.SUCCEEDED:
        if not world.tick():
            world.now = world.decision.wake_at
        if world.status.run is not None:
            floors.append(world.wish().primary_floor)
    assert set(floors) == {3}
    assert world.wish().primary_floor is None


def test_the_finalizer_is_there_before_the_first_user():
    # given a canary that could have its first users, and a finalizer that is not written yet
    world = initialised().release(V2)
    world.decide()
    world.target.scale(3)
    world.roll()
    world.decide()
    assert world.status.canary_weight == 0
    assert "finalizer" in world.status.message

    world.converge()
    world.rest(1)  # a run's first second is too early to believe what pods are counted
    assert world.status.canary_weight == 5


def test_a_run_starts_for_a_revision_that_was_neither_promoted_nor_tried():
    world = initialised()
    world.rest(3600)
    assert world.journal == []

    world.release(V2).settle()
    assert world.status.run.revision == V2


def test_no_run_starts_beside_a_primary_without_pods_but_one_that_stays_so_is_healed():
    # given a primary without a ready pod
    world = initialised(progress_deadline_seconds=300.0)
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.release(V2).settle()
    assert (world.status.phase, world.status.run) == (Phase.INITIALIZED, None)
    assert world.condition("Ready") == ("False", "PrimaryNotReady")

    # when it stays so for the progress deadline
    world.rest(299)
    assert world.status.run is None
    world.rest(2)

    # then the new revision replaces it, and that is said aloud
    assert (world.status.phase, world.status.reason) == (Phase.PROMOTING, "Healing")
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.reason == "HealedWithoutAnalysis"


def test_a_primary_is_given_its_time_although_something_else_was_wrong_before():
    # given a Canary that was refused for an hour
    world = initialised(progress_deadline_seconds=300.0)
    world.refusal = Problem(reason="HostTaken", message="another VirtualService has the host; remove it")
    world.rest(3600)

    # when the refusal goes, the primary dies, and a new revision comes
    world.refusal = None
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.release(V2)
    world.rest(299)

    # then the primary has had its full time before it is replaced without analysis
    assert world.status.run is None
    world.rest(2)
    assert world.status.run.healing
