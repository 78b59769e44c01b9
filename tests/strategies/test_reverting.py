"""A deletion with revertOnDeletion, stage by stage."""

from datetime import timedelta

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Stage
from tests.strategies.world import DENIED, V1, V2, Pods, World, a_spec, initialised, progressing, promoting


def deleted(world):
    world.deleting = True
    return world


def reverting(**changes):
    return initialised(revert_on_deletion=True, **changes)


def stages(world):
    """The stages on the way out, in order, without repeats."""
    seen = []
    for each in world.journal:
        if each.phase is Phase.TERMINATING and (not seen or seen[-1] is not each.stage):
            seen.append(each.stage)
    return seen


def test_users_then_pods_then_our_objects():
    world = deleted(reverting())
    held = world.finalizer
    world.until_quiet()

    assert held
    assert not world.finalizer
    assert stages(world) == [
        Stage.ROUTES, Stage.TARGET, Stage.RETURN, Stage.RESTORE, Stage.DRAIN, Stage.REMOVE, Stage.NONE,
    ]  # fmt: skip
    assert (world.primary, world.live, world.apex_moved) == (None, None, False)
    assert (world.target.ready, world.told[-1]) == (3, "Reverted")


def test_without_it_everything_stays():
    world = deleted(initialised())
    world.until_quiet()

    assert (world.live, world.primary.ready, world.apex_moved, world.finalizer) == (0, 3, True, False)


def test_the_finalizer_comes_before_anything_that_would_have_to_be_undone():
    world = World(spec=a_spec(revert_on_deletion=True))
    while not world.finalizer:
        assert world.primary is None
        world.decide()
        world.converge()

    world.until_quiet()
    assert world.status.phase is Phase.INITIALIZED
    assert world.finalizer


def test_users_wait_for_the_pods_of_the_target():
    world = deleted(reverting())
    world.target.healthy = False
    world.rest(500)
    assert world.condition("Ready") == ("False", "Reverting")
    assert "TargetNotReady" not in world.told
    world.until(lambda each: each.condition("Ready") == ("False", "TargetNotReady"))
    assert world.told[-1] == "TargetNotReady"
    assert (world.live, world.target.replicas, world.primary.ready) == (0, 3, 3)

    world.target.healthy = True
    world.until_quiet()
    assert (world.primary, world.target.ready) == (None, 3)


def test_a_version_that_was_not_promoted_wakes_no_pods_and_gets_no_users():
    world = progressing(1, revert_on_deletion=True)
    world.target.trouble = Problem(reason="CrashLoopBackOff", message="it keeps crashing")
    world.until_phase(Phase.FAILED).until_quiet()
    deleted(world).until(lambda each: each.condition("Ready") == ("False", "TargetNotPromoted"))
    assert (world.live, world.target.replicas, world.finalizer) == (0, 0, True)

    world.release(V1)
    world.until_quiet()
    assert (world.primary, world.finalizer) == (None, False)


def test_a_version_in_the_middle_of_its_analysis_is_not_promoted_by_a_deletion():
    world = deleted(progressing(2, revert_on_deletion=True))
    world.until(lambda each: each.condition("Ready") == ("False", "TargetNotPromoted"))
    assert (world.live, world.primary.revision) == (0, V1)


def test_what_the_primary_was_brought_to_may_serve():
    world = promoting(revert_on_deletion=True)
    world.until(lambda each: each.status.phase is Phase.FINALISING)
    deleted(world).until_quiet()
    assert (world.target.revision, world.primary, world.live) == (V2, None, None)


def test_users_who_are_with_the_target_stay_there():
    """A broken promotion keeps them on the canary, which was analysed."""
    world = progressing(2, revert_on_deletion=True)
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 0
    deleted(world).until_quiet()
    assert 0 not in world.weights()[1:]
    assert (world.target.revision, world.primary) == (V2, None)


def test_a_target_that_dies_on_the_way_gives_users_back():
    world = deleted(reverting())
    world.until(lambda each: each.status.stage is Stage.RETURN and each.live == 100)
    world.target.healthy, world.target.ready = False, 0
    world.settle()
    assert (world.live, world.apex_moved, world.status.stage) == (0, True, Stage.TARGET)

    world.target.healthy = True
    world.until_quiet()
    assert (world.primary, world.live, world.apex_moved) == (None, None, False)


def test_routes_that_cannot_be_written_hold_everything_back():
    world = deleted(reverting())
    world.until(lambda each: each.status.stage is Stage.TARGET)
    world.writable = False
    world.rest(600)
    assert (world.live, world.status.stage, world.primary.ready) == (0, Stage.RETURN, 3)
    assert world.condition("TrafficSynced") == ("False", DENIED.reason)


def test_routes_are_kept_as_long_as_the_apex_service_leads_to_the_primary():
    """A revert that forgets the Service would send users to a primary that it then deletes."""
    world = deleted(reverting())
    world.kept = frozenset({"apex"})
    world.until(lambda each: each.status.stage is Stage.RETURN)
    world.rest(600)
    assert (world.status.stage, world.live, world.apex_moved, world.primary.ready) == (Stage.RETURN, 100, True, 3)

    world.kept = frozenset()
    world.until_quiet()
    assert (world.apex_moved, world.live, world.primary, world.finalizer) == (False, None, None, False)


def test_the_finalizer_stays_as_long_as_something_of_ours_is_left():
    world = deleted(reverting())
    world.kept = frozenset({"objects"})
    world.until(lambda each: each.status.stage is Stage.REMOVE)
    world.rest(600)
    assert (world.status.stage, world.finalizer, "Reverted" in world.told) == (Stage.REMOVE, True, False)

    world.kept = frozenset()
    world.until_quiet()
    assert (world.primary, world.finalizer, world.told[-1]) == (None, False, "Reverted")


def test_what_was_there_before_is_not_guessed():
    world = deleted(reverting())
    world.lost = Problem(reason="OriginalLost", message="write it down again")
    world.until(lambda each: each.condition("Ready") == ("False", "OriginalLost"))
    world.rest(600)
    assert (world.live, world.apex_moved, world.primary.ready) == (0, True, 3)
    assert world.told.count("OriginalLost") == 1


@pytest.mark.parametrize("stage", [Stage.TARGET, Stage.RETURN, Stage.RESTORE, Stage.DRAIN])
def test_taking_it_back_lets_the_canary_go_at_once(stage):
    world = deleted(reverting())
    world.until(lambda each: each.status.stage is stage)
    world.edit(revert_on_deletion=False).settle()
    assert not world.finalizer
    assert world.primary.ready == 3


@pytest.mark.parametrize("stage", [Stage.ROUTES, Stage.TARGET, Stage.RETURN, Stage.RESTORE, Stage.DRAIN, Stage.REMOVE])
def test_a_suspension_does_not_stop_it(stage):
    world = deleted(reverting())
    world.until(lambda each: each.status.stage is stage)
    world.edit(suspend=True).until_quiet()
    assert (world.primary, world.finalizer) == (None, False)


def test_a_target_that_is_gone_keeps_nobody_waiting():
    world = reverting()
    world.target = None
    deleted(world).until_quiet()
    assert (world.finalizer, world.live, world.primary.ready) == (False, 0, 3)
    assert "NotReverted" in world.told


def test_a_weight_set_by_hand_does_not_outlive_the_canary():
    """Nobody would look after it."""
    world = progressing(2)
    world.by_hand(5).settle()
    assert world.live == 5
    deleted(world).until_quiet()
    assert world.live == 0


def test_a_primary_that_is_gone_leaves_the_users_to_the_target():
    world = reverting()
    world.primary = None
    deleted(world).until_quiet()
    assert (world.target.ready, world.primary, world.live) == (1, None, None)


def test_nothing_was_made_yet():
    world = World(spec=a_spec(revert_on_deletion=True))
    world.decide()
    deleted(world).until_quiet()
    assert (world.target, world.live, world.finalizer) == (Pods(V1, 3, 3, 3), None, False)


def test_routes_that_were_given_back_have_their_time_at_the_proxies_before_the_primary_finishes():
    """Else a proxy that has not heard of it would send users to pods that are being deleted."""
    world = deleted(reverting(settle_seconds=25.0, drain_seconds=5.0))
    world.until(lambda each: each.status.stage is Stage.RESTORE and each.live is None)
    given_back = world.now
    world.until(lambda each: each.status.stage is Stage.DRAIN)
    assert world.now == given_back + timedelta(seconds=25)
    world.until(lambda each: each.status.stage is Stage.REMOVE)
    assert world.now == given_back + timedelta(seconds=30)
