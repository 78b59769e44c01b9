"""What autoscalers must not fall below, by phase: the primary's floor, and the canary's next share."""

from dataclasses import replace

import pytest

from strategies.status import Phase, Stage
from tests.strategies.world import V1, World, failing, initialised, progressing, promoting, steps


def minimums(world: World) -> tuple[int | None, int | None]:
    wish = world.wish()
    return wish.primary_min, wish.canary_min


def ten(world: World) -> World:
    """The same with a primary of ten pods when the run began."""
    assert world.status.run is not None
    world.status = replace(world.status, run=replace(world.status.run, floor=10))
    return world


def test_at_rest_nothing_is_held() -> None:
    assert minimums(initialised()) == (0, 0)


def test_before_users_come_the_primary_keeps_as_many_pods_as_serve_them() -> None:
    world = World()
    world.until(lambda each: each.status.phase is Phase.INITIALIZING and each.status.stage is Stage.PRIMARY)
    assert world.target is not None
    assert minimums(world) == (world.target.ready, None)


@pytest.mark.parametrize(("step", "pods"), [(0, 3), (1, 10), (2, 10)])
def test_a_step_asks_for_the_next_share(step: int, pods: int) -> None:
    world = ten(progressing(step, analysis=steps(10, 25, 100)))
    assert minimums(world) == (10, pods)


def test_the_canary_gets_its_first_pods_before_the_first_share() -> None:
    world = initialised(analysis=steps(40, 80)).release("v1-222222222222")
    world.until(lambda each: each.status.run is not None and each.status.run.step == -1)
    assert minimums(ten(world)) == (10, 4)


def test_one_pod_is_enough_without_the_capacity_check() -> None:
    assert minimums(ten(progressing(0, analysis=steps(10, 25), capacity_check=False))) == (10, 1)


def test_in_a_promotion_the_canary_keeps_what_it_carries() -> None:
    assert minimums(ten(promoting())) == (10, 5)


def test_after_a_rollback_all_is_held_until_the_canary_has_drained() -> None:
    world = progressing(0, analysis=steps(50))
    world.answerer = failing
    world.until(lambda each: each.status.phase is Phase.FAILED and each.status.stage is Stage.DRAIN)
    assert minimums(world) == (3, None)
    world.until_quiet()
    assert minimums(world) == (0, 0)


def test_a_promotion_holds_the_floor_until_the_canary_has_drained() -> None:
    world = promoting()
    world.until(lambda each: each.status.phase is Phase.FINALISING and each.status.stage is Stage.DRAIN)
    assert minimums(world) == (3, None)
    world.until_quiet()
    assert world.status.last_promoted_spec != V1
    assert minimums(world) == (0, 0)


def test_a_deletion_gives_back_once_users_are_safe() -> None:
    world = progressing(0, analysis=steps(50))
    world.deleting = True
    world.decide()
    assert minimums(world) == (None, None)
    world.until(lambda each: each.status.stage is Stage.NONE)
    assert minimums(world) == (0, 0)


def test_hands_off_means_these_too() -> None:
    world = progressing(0, analysis=steps(50)).edit(suspend=True)
    assert minimums(world) == (None, None)
