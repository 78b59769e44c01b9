"""Where versions stay up by themselves: what a revert waits for, what a drain asks, and what is not sent behind."""

from dataclasses import replace

import pytest

from strategies.questions import Ask
from strategies.rollout import wanted
from strategies.snapshot import Routes, Workload
from strategies.status import Phase, Stage
from tests.strategies.world import V1, V2, Pods, failing, initialised, progressing


def stages(world):
    found = []
    for each in world.journal:
        if each.phase is Phase.TERMINATING and (not found or found[-1] is not each.stage):
            found.append(each.stage)
    return found


def test_a_revert_leaves_users_with_who_serves_them_and_wakes_nobody():
    world = progressing(1, revert_on_deletion=True, versions_stay=True)
    world.deleting = True
    world.until_quiet()

    assert stages(world) == [
        Stage.ROUTES, Stage.RETURN, Stage.RESTORE, Stage.DRAIN, Stage.REMOVE, Stage.NONE,
    ]  # fmt: skip
    assert not any(each.phase is Phase.TERMINATING and each.canary_weight for each in world.journal)
    assert world.told[-1] == "Reverted"


def test_users_follow_health_while_a_revert_waits():
    world = progressing(1, revert_on_deletion=True, versions_stay=True)
    world.deleting = True
    world.until(lambda each: each.status.stage is Stage.RETURN)
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.decide()

    assert (world.status.stage, world.status.canary_weight) == (Stage.RETURN, 100)


@pytest.mark.parametrize("told_by_pods", [True, False])
def test_nobody_is_asked_who_still_asks_a_canary_that_is_the_primary(told_by_pods):
    """Both roles are the promoted version's pods then, and all users are with them."""
    world = initialised(told_by_pods=told_by_pods)
    world.release(V2)
    world.until_phase(Phase.FINALISING)
    world.asked.clear()
    world.until_phase(Phase.SUCCEEDED)

    assert any(each.kind is Ask.DRAINED for each in world.asked) is not told_by_pods


@pytest.mark.parametrize(("ready", "written"), [(3, True), (2, False), (0, False)])
def test_nobody_is_sent_to_a_promoted_version_that_cannot_carry_everybody(ready, written):
    """The note that says who is the primary is there, the routes are not yet."""
    world = progressing(1)
    world.until_phase(Phase.PROMOTING)
    world.until(lambda each: each.primary.revision == V2)
    assert world.status.run.floor == 3
    world.primary = Pods(V2, 3, ready, ready)
    behind = Routes(canary_weight=world.live, everybody_weight=world.live, behind=True)
    seen = replace(world.snapshot(), routes=behind)

    assert (wanted(world.spec, world.status, seen).traffic is not None) is written
    assert isinstance(seen.primary, Workload)


def least(world):
    return wanted(world.spec, world.status, world.snapshot()).previous_min


def test_the_version_before_keeps_what_its_users_need_for_as_long_as_the_way_back_is_open():
    world = progressing(1, keep_previous_seconds=600.0, versions_stay=True)
    assert least(world) == 0, "nobody has been left yet"
    world.until_phase(Phase.PROMOTING)
    assert least(world) == 3
    world.until_phase(Phase.SUCCEEDED)
    assert least(world) == 3
    world.until(lambda each: each.status.previous_until is None)
    assert (least(world), world.status.previous_spec) == (0, "")


def test_without_a_way_back_nothing_is_kept():
    world = progressing(1, versions_stay=True)
    world.until_phase(Phase.SUCCEEDED)
    assert least(world) == 0


def test_what_is_promoted_with_the_pods_that_it_has_is_asked_to_have_them_all_before():
    worlds = [progressing(1, shares_pods=shares) for shares in (True, False)]
    found = []
    for world in worlds:
        world.until(lambda each: each.status.canary_weight == 50)
        found.append(wanted(world.spec, world.status, world.snapshot()).canary_min)
        world.until(lambda each: each.status.phase is Phase.PROMOTING)
        found.append(wanted(world.spec, world.status, world.snapshot()).canary_min)
    assert found == [3, 3, 2, 2]


def test_a_promotion_is_not_over_while_pods_of_the_promoted_version_are_missing():
    """Its run has not succeeded yet, and whoever waits for the end of it would believe that all is well."""
    world = progressing(1, versions_stay=True)
    world.until_phase(Phase.FINALISING)
    world.primary = Pods(V2, 3, 2, 3, healthy=False)
    world.until(lambda each: each.status.stage is Stage.DRAIN)
    world.rest(3600)
    assert (world.status.phase, world.condition("Ready")) == (Phase.FINALISING, ("False", "PrimaryNotReady"))

    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)


@pytest.mark.parametrize(("ready", "stage"), [(2, Stage.NONE), (0, Stage.DRAIN)])
def test_a_run_that_ended_badly_waits_for_a_version_that_serves_and_not_for_all_of_its_pods(ready, stage):
    """No pods are taken away, so nothing is lost by it; without any pod there is nobody to leave users with."""
    world = progressing(1, versions_stay=True)
    world.answerer = failing
    world.until(lambda each: each.status.phase is Phase.FAILED and each.status.stage is Stage.DRAIN)
    world.primary = Pods(V1, 3, ready, 3, healthy=False)
    world.rest(300)
    assert (world.status.phase, world.status.stage) == (Phase.FAILED, stage)
