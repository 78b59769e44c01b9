"""A promotion that breaks the primary keeps users on the canary, which was analysed and works."""

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Result, Stage
from tests.strategies.world import V1, V2, V3, World, initialised, promoting

CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-primary-1 crashes: exit code 1")


def broken(**changes) -> World:
    """The primary crashes with the analysed template; two of its old pods are still ready."""
    world = promoting(**changes)
    world.converge()
    world.primary.healthy = False
    world.primary.ready = 2
    world.primary.trouble = CRASH
    world.settle()
    return world


def test_users_stay_on_the_canary_and_the_run_stays_open():
    world = broken()

    assert (world.status.phase, world.live, world.target.ready) == (Phase.FAILED, 100, 3)
    assert world.status.run.revision == V2
    assert world.condition("Ready") == ("False", "PromotionFailed")
    assert world.condition("Promoted") == ("False", "Failed")
    assert "crashes" in world.status.message
    assert world.told[-1] == "PromotionFailed"
    assert (world.finalizer, world.wish().primary_floor) == (True, 3)

    # and they stay there
    world.rest(24 * 3600)
    assert (world.live, world.target.ready) == (100, 3)


def test_a_primary_that_does_not_become_ready_in_time_is_a_broken_promotion():
    world = promoting(progress_deadline_seconds=120.0)
    world.converge()
    world.primary.healthy = False
    world.rest(119)
    assert (world.status.phase, world.live) == (Phase.PROMOTING, 50)

    world.rest(1)
    assert (world.status.phase, world.live) == (Phase.FAILED, 100)
    assert "0 of 3 pods" in world.status.message


def test_a_primary_that_recovers_by_itself_gets_its_users():
    world = broken()
    world.primary.healthy = True
    world.primary.trouble = None
    world.until_phase(Phase.SUCCEEDED)

    assert (world.live, world.status.last_promoted_spec) == (0, V2)
    assert "PromotionRecovered" in {status.reason for status in world.journal}
    assert world.status.history[-1].result is Result.PROMOTED


def test_a_fixed_revision_is_copied_without_analysis_and_users_follow_when_it_is_ready():
    # given users on the canary beside a broken primary
    world = broken()

    # when a fix comes
    world.release(V3)
    world.primary.healthy = False
    world.settle()

    # then it is on the primary, and users wait on the canary for its pods
    assert (world.primary.revision, world.live, world.status.phase) == (V3, 100, Phase.PROMOTING)
    assert world.condition("Ready") == ("False", "PrimaryNotReady")

    # and follow; nobody claims that it was analysed
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert (world.status.reason, world.live, world.status.last_promoted_spec) == ("HealedWithoutAnalysis", 0, V3)
    assert "HealedWithoutAnalysis" in world.told


def test_the_broken_run_stands_in_the_history_when_it_is_healed():
    world = broken().release(V3)
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)

    assert [(past.revision, past.result, past.reason) for past in world.status.history] == [
        (V2, Result.ROLLED_BACK, "PromotionFailed"),
        (V3, Result.PROMOTED, "HealedWithoutAnalysis"),
    ]


def test_a_newer_fix_replaces_an_older_one_and_the_floor_stays():
    world = broken().release(V3)
    world.primary.healthy = False
    world.settle()
    world.release("v1-444444444444")
    world.target.ready = 1  # the fix is still rolling
    world.decide()

    assert (world.status.run.revision, world.status.run.healing, world.status.run.floor) == ("v1-444444444444", True, 3)
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == "v1-444444444444"


def test_the_promoted_revision_again_heals_too():
    world = broken().release(V1)
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)

    assert (world.primary.revision, world.status.last_promoted_spec, world.live) == (V1, V1, 0)


def test_a_canary_that_dies_beside_a_broken_primary_gives_users_to_what_is_left_of_it():
    # given users on the canary; two old pods of the primary are ready
    world = broken()
    world.target.healthy = False
    world.target.ready = world.target.updated = 0
    world.settle()
    assert world.live == 0

    # and back when these die as well and the canary recovers
    world.primary.ready = 0
    world.target.healthy = True
    world.settle()
    assert world.live == 100


def test_a_canary_that_dies_while_the_primary_is_being_healed_gives_users_to_what_is_left_of_it():
    world = broken().release(V3, healthy=False)
    world.target.ready = world.target.updated = 0
    world.primary.ready = 2
    world.settle()

    assert (world.status.phase, world.live) == (Phase.PROMOTING, 0)


def test_a_target_deleted_beside_a_broken_primary():
    world = broken()
    world.target = None
    world.settle()

    assert (world.live, world.status.phase) == (0, Phase.FAILED)
    assert world.condition("Ready") == ("False", "PromotionFailed")


def test_a_primary_that_dies_in_finalising_is_a_broken_promotion():
    world = promoting()
    world.until(lambda each: each.status.phase is Phase.FINALISING and each.live == 0)
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 0
    world.settle()

    assert (world.status.phase, world.status.stage, world.live) == (Phase.FAILED, Stage.PRIMARY, 100)
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.live == 0


@pytest.mark.parametrize("healing", [False, True])
def test_deleting_the_canary_object_beside_a_broken_primary_leaves_users_on_the_canary(healing):
    world = broken()
    if healing:
        world.release(V3)
        world.settle()
        world.primary.ready = 2
        assert (world.status.phase, world.live) == (Phase.PROMOTING, 100) or world.status.phase is Phase.FINALISING
    world.deleting = True
    world.until_quiet()

    assert (world.live, world.finalizer, world.target.ready) == (100, False, 3)


def test_the_clock_of_a_promotion_stands_still_while_it_is_paused():
    world = promoting(progress_deadline_seconds=100.0)
    world.converge()
    world.primary.healthy = False
    world.rest(60)
    world.edit(paused=True).rest(3600)
    assert (world.status.phase, world.status.reason) == (Phase.PROMOTING, "Paused")

    world.edit(paused=False).rest(39)
    assert world.status.phase is Phase.PROMOTING
    world.rest(2)
    assert world.status.phase is Phase.FAILED


def test_healing_starts_from_a_world_at_rest_too():
    world = initialised(progress_deadline_seconds=60.0)
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 0
    world.rest(120)  # nobody has released anything: nothing can heal it
    assert world.condition("Ready") == ("False", "PrimaryNotReady")

    world.release(V2)
    world.settle()
    assert (world.status.phase, world.status.run.healing) == (Phase.PROMOTING, True)
