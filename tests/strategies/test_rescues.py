"""Users are moved to pods that work, in the middle of everything."""

from strategies.status import Phase, Stage
from tests.strategies.world import V2, V3, initialised, progressing, promoting


def test_a_canary_that_loses_its_last_pod_loses_its_users_at_once_and_begins_anew_when_pods_are_back():
    world = progressing(step=2)
    world.target.healthy = False
    world.target.ready = 0
    world.settle()

    assert (world.status.phase, world.live, world.status.run.step) == (Phase.PROGRESSING, 0, -1)
    assert world.told[-1] == "Withdrawn"

    world.target.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.last_promoted_spec == V2


def test_a_run_that_replaces_another_holds_the_higher_floor():
    world = progressing(step=1)
    world.primary.ready = 1
    world.release(V3)
    world.settle()

    assert world.status.run.revision == V3
    assert world.status.run.floor == 3


def test_a_hand_that_takes_users_off_the_canary_during_the_promotion_is_followed():
    world = promoting()
    world.converge()
    world.primary.healthy = False
    world.by_hand(10)
    world.settle()

    assert (world.status.phase, world.status.canary_weight, world.live) == (Phase.PROMOTING, 10, 10)
    assert "ManualOverride" in world.told


def test_a_suspension_waits_until_a_broken_promotion_has_brought_its_users_to_safety():
    world = promoting(progress_deadline_seconds=60.0)
    world.converge()
    world.primary.healthy = False
    world.primary.ready = 0
    world.until(lambda each: each.status.phase is Phase.FAILED)
    world.edit(suspend=True)
    world.settle()

    assert (world.live, world.status.stage) == (100, Stage.PRIMARY)


def test_a_new_revision_heals_a_primary_that_died_while_users_were_kept_on_a_failed_canary():
    world = initialised()
    world.release(V2)
    world.until(lambda each: each.live > 0)
    world.primary.healthy = False
    world.primary.ready = 0
    world.settle()
    world.answerer = lambda question: None
    world.edit(progress_deadline_seconds=30.0)
    world.until_phase(Phase.FAILED)
    assert world.live == 100

    world.release(V3)
    world.until_phase(Phase.PROMOTING)
    assert world.told[-1] == "Healing"
    assert world.live == 100

    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.reason == "HealedWithoutAnalysis"
    assert world.live == 0
