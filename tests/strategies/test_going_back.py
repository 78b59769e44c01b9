"""The way back to the version that served users before, where versions stay up after their time."""

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Result
from tests.strategies.world import V1, V2, V3, initialised, steps

SWITCH = {"shares_pods": True, "keep_previous_seconds": 600.0}


def promoted(**changes):
    """V2 serves, V1 did before."""
    world = initialised(analysis=steps(50), **{**SWITCH, **changes}).release(V2)
    world.until_phase(Phase.SUCCEEDED)
    return world


def test_it_is_remembered_with_an_end():
    world = promoted()
    assert world.status.previous_spec == V1
    assert (world.status.previous_until - world.status.history[-1].ended).total_seconds() == 600


def test_it_serves_again_without_a_step():
    world = promoted()
    world.journal.clear()
    world.release(V1)
    world.target.scale(3)
    world.until_phase(Phase.SUCCEEDED)
    world.until(lambda each: each.status.last_promoted_spec == V1)
    assert world.weights() == [0]
    assert world.phases()[-3:] == [Phase.PROMOTING, Phase.FINALISING, Phase.SUCCEEDED]
    assert Phase.PROGRESSING not in world.phases()
    assert world.told.count("GoingBack") == 1
    assert world.status.history[-1].result is Result.PROMOTED
    assert world.status.previous_spec == V2, "and back again"


def test_not_after_its_time():
    world = promoted()
    world.rest(601)
    world.journal.clear()
    world.release(V1)
    world.until(lambda each: each.status.canary_weight == 50)
    assert "GoingBack" not in world.told


def test_not_to_any_other_version():
    world = promoted().release(V3)
    world.until(lambda each: each.status.canary_weight == 50)
    assert "GoingBack" not in world.told


@pytest.mark.parametrize("held", ["paused", "stale"])
def test_a_pause_or_a_stale_cache_holds_it(held):
    world = promoted()
    if held == "paused":
        world.edit(paused=True)
    else:
        world.hold = Problem(reason="StaleCache", message="no watch")
    world.release(V1)
    world.target.scale(3)
    world.rest(120)
    assert world.status.last_promoted_spec == V2
    assert world.status.phase is Phase.WAITING


def test_it_waits_for_pods_that_carry_everybody():
    world = promoted().release(V1, healthy=False)
    world.target.replicas, world.target.ready, world.target.updated = 3, 1, 1
    world.rest(120)
    assert world.status.last_promoted_spec == V2
    assert world.condition("Ready") == ("False", "PreviousNotReady")
    world.target.healthy = True
    world.until(lambda each: each.status.last_promoted_spec == V1)


def test_a_wait_that_outlives_the_way_back_becomes_a_run_like_any():
    world = promoted().release(V1, healthy=False)
    world.target.replicas, world.target.ready, world.target.updated = 3, 1, 1
    world.until(lambda each: each.status.run is not None, within=700)
    assert world.status.phase is Phase.PROGRESSING


def test_it_may_be_gone_back_to_from_a_version_without_pods():
    world = promoted()
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.release(V1)
    world.target.scale(3)
    world.roll()
    world.settle()
    assert world.status.phase is Phase.PROMOTING
    assert "GoingBack" in world.told


def test_where_versions_are_copied_there_is_nothing_to_go_back_to():
    world = promoted(shares_pods=False, keep_previous_seconds=0.0)
    assert (world.status.previous_spec, world.status.previous_until) == ("", None)


def test_a_way_back_that_nobody_wants_any_more_ends_with_the_next_promotion():
    """Else the version before the last but one would come back without an analysis, within its old time."""
    world = promoted().edit(keep_previous_seconds=0.0).release(V3)
    world.until(lambda each: each.status.last_promoted_spec == V3)
    assert (world.status.previous_spec, world.status.previous_until) == ("", None)
    world.release(V1)
    world.until(lambda each: each.status.canary_weight == 50)
    assert "GoingBack" not in world.told
