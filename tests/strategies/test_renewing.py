"""A run for configs alone: pods that began before the edit must not be what is analysed."""

from strategies.snapshot import Problem
from strategies.status import Phase, Result, Stage
from tests.strategies.world import V1, V2, V3, initialised, progressing


def test_an_edit_at_rest_needs_no_renewal():
    world = initialised()
    world.target.configs(V2)
    world.decide()
    assert (world.status.phase, world.status.run.renewing, world.status.stage) == (Phase.PROGRESSING, False, Stage.NONE)
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V2


def test_an_edit_mid_run_takes_users_off_then_pods_away_and_only_then_begins():
    # given V2 at 25 %
    world = progressing(2)

    # when its configs are edited
    world.target.configs(V3)
    world.decide()

    # then users leave at once, and the pods are left alone until nobody asks them any more
    assert (world.status.canary_weight, world.status.run.revision, world.status.run.renewing) == (0, V3, True)
    assert world.status.reason == "Renewing"
    assert world.wish().canary_replicas is None
    world.until(lambda each: each.status.stage is Stage.DRAIN)
    assert world.target.replicas == 3
    assert world.live == 0

    # and go before the first step, which is that of pods that began afterwards
    world.until(lambda each: each.target.replicas == 0)
    assert world.status.run.step == -1
    world.until(lambda each: each.status.canary_weight > 0)
    assert not world.target.outdated
    assert not world.status.run.renewing
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V3
    assert [(past.revision, past.result) for past in world.status.history] == [
        (V2, Result.SUPERSEDED),
        (V3, Result.PROMOTED),
    ]


def test_broken_pods_of_the_old_content_do_not_fail_the_new_one():
    world = progressing(2)
    world.target.configs(V3)
    world.target.trouble = Problem(reason="CrashLoopBackOff", message="the old ones crash")
    world.decide()
    world.decide()
    assert world.status.run is not None
    assert world.status.run.revision == V3


def test_an_edit_while_renewing_begins_anew_and_back_to_the_promoted_one_cancels():
    world = progressing(2)
    world.target.configs(V3)
    world.settle()
    world.target.configs("v1-444444444444")
    world.decide()
    assert (world.status.run.revision, world.status.run.renewing) == ("v1-444444444444", True)
    world.target.configs(V1)
    world.decide()
    assert (world.status.phase, world.status.run) == (Phase.SUCCEEDED, None)
    world.until_quiet()
    assert world.target.replicas == 0


def test_a_primary_without_pods_keeps_users_on_the_old_content_until_it_is_back():
    world = progressing(2)
    world.primary.ready, world.primary.healthy = 0, False
    world.target.configs(V3)
    world.settle()
    assert world.live == 100
    assert world.target.replicas == 3
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V3


def test_no_step_before_everything_has_its_copy():
    world = progressing(0)
    world.copied = False
    world.release(V3)
    world.rest(600)
    assert (world.status.run.step, world.live) == (-1, 0)
    assert "copies" in world.status.message
    world.copied = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V3
