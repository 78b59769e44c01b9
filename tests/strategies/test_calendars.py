"""Rollout windows and freezes: what waits for them, what does not, and what is said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from strategies.permits import Frozen, Window
from strategies.spec import Policy, WindowRules
from strategies.status import Phase, Result
from tests.strategies.world import START, V1, V2, World, failing, initialised, progressing, promoting, steps

HOUR = timedelta(hours=1)


def shut(world: World, hours: float = 5) -> None:
    world.window = Window(open=False, until=world.now + hours * HOUR)


def opened(world: World, hours: float = 5) -> None:
    world.window = Window(open=True, until=world.now + hours * HOUR)


def freeze(world: World, hours: float = 5) -> Frozen:
    world.frozen = Frozen(until=world.now + hours * HOUR, by="jane", reason="the big day")
    return world.frozen


def test_a_revision_waits_for_its_window_and_says_until_when() -> None:
    world = initialised(windows=WindowRules(), analysis=steps(10))
    shut(world)
    world.release(V2).rest(120)
    assert (world.status.phase, world.status.run) == (Phase.WAITING, None)
    assert "outside its rollout window until 2024-03-01 1" in world.status.message
    assert world.decision.wake_at == world.window.until

    world.now = world.window.until
    opened(world)
    world.until_phase(Phase.SUCCEEDED)
    assert world.told.count("GateClosed") == 1


def test_the_named_revision_goes_out_at_any_time_and_no_other() -> None:
    world = initialised(windows=WindowRules(increases=True, on_close=Policy.ROLLBACK), ignore_windows=V2)
    shut(world, 5000)
    world.release(V2)
    world.until_phase(Phase.SUCCEEDED)
    world.release("v1-333333333333").rest(3600)
    assert world.status.phase is Phase.WAITING


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        (WindowRules(), False),
        (WindowRules(increases=True), True),
        (WindowRules(on_close=Policy.HOLD), True),
    ],
)
def test_a_window_that_closes_over_a_run(rules: WindowRules, *, held: bool) -> None:
    world = progressing(0, windows=rules, analysis=steps(10, 50))
    shut(world)
    world.rest(3 * 3600)
    assert (world.status.phase, world.status.canary_weight) == (
        (Phase.PROGRESSING, 10) if held else (Phase.SUCCEEDED, 0)
    )
    world.now = START + 20 * HOUR
    opened(world)
    world.until_phase(Phase.SUCCEEDED)


def test_a_run_is_rolled_back_when_its_window_closes_and_begins_anew_when_it_opens() -> None:
    world = progressing(0, windows=WindowRules(on_close=Policy.ROLLBACK), analysis=steps(10, 50))
    opened(world, 0.01)
    world.rest(1)
    assert world.decision.wake_at is not None
    shut(world)
    world.settle()
    assert (world.status.canary_weight, world.status.history[-1].reason) == (0, "WindowClosed")
    world.rest(3600)
    assert world.status.phase is Phase.WAITING
    opened(world, 50)
    world.until_phase(Phase.SUCCEEDED)


def test_a_bad_version_leaves_whatever_the_clock_says() -> None:
    world = progressing(0, windows=WindowRules(increases=True), analysis=steps(10, 50, threshold=1))
    shut(world)
    freeze(world)
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()
    assert (world.live, world.status.history[-1].result) == (0, Result.ROLLED_BACK)


def test_a_freeze_holds_starts_and_ends_by_itself() -> None:
    world = initialised(analysis=steps(10))
    until = freeze(world).until
    world.release(V2).rest(120)
    assert world.status.phase is Phase.WAITING
    assert world.condition("Frozen") == ("True", "Frozen")
    words = world.status.condition("Frozen").message
    assert words == "rollouts are frozen until 2024-03-01 17:01 UTC by jane: the big day"
    world.now, world.frozen = until, None
    world.until_phase(Phase.SUCCEEDED)
    assert world.condition("Frozen") == ("", "")


def test_a_freeze_holds_increases_and_the_promotion() -> None:
    world = progressing(0, analysis=steps(10, 50))
    freeze(world, 50)
    world.rest(3600)
    assert (world.status.canary_weight, world.status.phase) == (10, Phase.PROGRESSING)
    world.frozen = None
    world.until(lambda each: each.status.canary_weight == 50)
    freeze(world, 50)
    world.rest(3600)
    assert world.status.phase is Phase.WAITING_PROMOTION


@pytest.mark.parametrize("hours", [1, 30])
def test_a_freeze_is_one_event_for_each_canary_with_a_run(hours: float) -> None:
    world = progressing(0, analysis=steps(10, 50))
    world.told.clear()
    freeze(world, hours)
    world.rest(1800)
    assert [each for each in world.told if each in ("Frozen", "GateClosed")] == ["Frozen"]


def test_an_idle_canary_says_that_it_is_frozen_in_one_write_and_tells_nobody() -> None:
    world = initialised()
    freeze(world)
    world.settle()
    assert (len(world.journal), world.told) == (1, [])
    assert world.decision.wake_at == world.frozen.until
    world.rest(3600)
    assert len(world.journal) == 1


def test_a_promotion_that_has_begun_is_finished_in_a_freeze() -> None:
    world = promoting()
    until = freeze(world).until
    world.until_phase(Phase.SUCCEEDED)
    assert world.now < until


def test_a_run_may_be_cancelled_in_a_freeze() -> None:
    world = progressing(0)
    freeze(world)
    world.release(V1)
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.history[-1].result is Result.CANCELLED


def test_a_broken_primary_is_healed_in_a_freeze() -> None:
    world = initialised()
    until = freeze(world, 500).until
    world.primary.healthy, world.primary.ready = False, 0
    world.release(V2)
    world.until(lambda each: each.status.run is not None and each.status.run.healing)
    assert world.now < until


def test_a_window_of_which_nothing_is_known_beyond_a_moment_is_looked_at_again_then() -> None:
    world = initialised(windows=WindowRules())
    world.window = replace(Window(open=False, until=world.now + HOUR), certain=False)
    world.release(V2).rest(120)
    assert "until at least" in world.status.message
    assert world.decision.wake_at == world.window.until
