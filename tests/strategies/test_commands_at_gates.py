"""A person promotes where somebody else has a say: gates, windows and freezes are asked whatever is left out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from strategies.commands import Verb
from strategies.gates import GateKind, HookType
from strategies.permits import Approval, Frozen, Window
from strategies.rollout.answering import waiting_for
from strategies.spec import GateSpec, WindowRules
from strategies.status import Phase, Skip
from tests.strategies.commanded import answer, refused
from tests.strategies.hooked import NO, YES, a_world, services
from tests.strategies.world import V2, World, failing, initialised, steps

SIGN_OFF = GateSpec(name="sign-off", before=GateKind.PROMOTION)
EACH = replace(SIGN_OFF, before=GateKind.TRAFFIC_INCREASE)
BOTH = (EACH, replace(SIGN_OFF, name="last"))
IS_OVER = "the analysis is over, but gates are closed, and promote opens none: approval/sign-off"


def is_closed(world: World) -> bool:
    """Does it wait at a closed gate?"""
    return world.status.waiting is not None and bool(world.status.waiting.gates)


def gated(*gates: GateSpec, **changes: object) -> World:
    """A new version of a Canary with these gates."""
    return initialised(**{"gates": gates, "analysis": steps(10, 50, 90), **changes}).release(V2)


def say(world: World, gate: str, *, approves: bool = True, step: int | None = None) -> None:
    """Somebody's word on a gate of what waits now."""
    run, revision = waiting_for(world.status)
    name = f"{gate}-{len(world.said)}"
    world.said.append(
        Approval(
            name=name, run=run, revision=revision, gate=gate, approves=approves, by="jane", reason="", at=world.now,
            step=step,
        )
    )  # fmt: skip


@pytest.mark.parametrize("full", [False, True])
def test_no_command_opens_the_gate_before_the_promotion(full: bool) -> None:
    world = gated(SIGN_OFF).until(is_closed)
    world.give(Verb.PROMOTE, full=full).rest(86400)
    assert refused(world) == IS_OVER
    assert (world.status.phase, world.status.run.skip, world.status.run.hurried) == (
        Phase.WAITING_PROMOTION, Skip.NONE, False,
    )  # fmt: skip
    say(world, "sign-off")
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.message == f"{V2} serves all users"


def test_no_command_opens_the_gate_before_an_increase() -> None:
    world = gated(EACH).until(is_closed)
    say(world, "sign-off", step=1)
    world.until(lambda each: each.status.run.step == 0)
    world.until(is_closed)
    world.give(Verb.PROMOTE).settle()
    assert refused(world) == "the step is over, but gates are closed, and promote opens none: approval/sign-off"
    assert world.status.canary_weight == 10


def test_whoever_leaves_steps_out_does_not_leave_out_those_who_are_asked_before_them() -> None:
    """The right to give commands is not the right to open gates."""
    world = gated(EACH).until(is_closed)
    say(world, "sign-off", step=1)
    world.until(lambda each: each.status.run.step == 0)
    world.give(Verb.PROMOTE, full=True).rest(86400)
    assert answer(world)[0]
    assert (world.status.phase, world.status.canary_weight) == (Phase.WAITING_PROMOTION, 10)
    assert world.status.waiting is not None
    assert world.status.waiting.gates == ("approval/sign-off",)
    say(world, "sign-off", step=world.status.waiting.step + 1)
    world.until_phase(Phase.SUCCEEDED)
    assert world.weights() == [0, 10, 0]
    assert world.status.history[-1].gates[-1].by == "jane"


def test_a_word_for_all_steps_is_good_for_those_that_are_left_out() -> None:
    world = gated(EACH).until(is_closed)
    say(world, "sign-off")
    world.until(lambda each: each.status.run.step == 0)
    world.give(Verb.PROMOTE, full=True).until_phase(Phase.SUCCEEDED)
    assert world.told.count("GateClosed") == 1


def test_all_who_are_left_to_be_asked_are_asked_at_once() -> None:
    world = gated(*BOTH).until(is_closed)
    world.give(Verb.PROMOTE, full=True).settle()
    assert answer(world)[0]
    world.until(is_closed)
    assert world.status.waiting is not None
    assert world.status.waiting.gates == ("approval/sign-off", "approval/last")
    say(world, "sign-off")
    world.rest(3600)
    assert world.status.waiting.gates == ("approval/last",)
    say(world, "last")
    world.until_phase(Phase.SUCCEEDED)


def test_a_refusal_and_a_failing_check_end_a_promotion_by_hand_that_waits() -> None:
    for name in ("refused", "failing"):
        world = gated(EACH, analysis=steps(10, 50, threshold=1)).until(is_closed)
        say(world, "sign-off", step=1)
        world.until(lambda each: each.status.run.step == 0)
        world.give(Verb.PROMOTE, full=True).settle()
        if name == "refused":
            say(world, "sign-off", approves=False)
        else:
            world.answerer = failing
        world.until_phase(Phase.FAILED)
        assert world.status.reason == ("GateDenied" if name == "refused" else "CheckFailed")


def test_a_service_that_is_asked_before_increases_is_asked_before_a_promotion_by_hand() -> None:
    world = a_world(HookType.CONFIRM_TRAFFIC_INCREASE).release(V2)
    world.until(lambda each: each.status.run is not None and each.status.run.step == 0)
    services(world).says["confirm_traffic_increase"] = NO
    world.give(Verb.PROMOTE, full=True).rest(3600)
    assert (world.status.phase, world.status.canary_weight) == (Phase.WAITING_PROMOTION, 10)
    services(world).says["confirm_traffic_increase"] = YES
    world.until_phase(Phase.SUCCEEDED)


def test_a_freeze_holds_a_promotion_by_hand() -> None:
    world = gated().until(lambda each: each.status.run is not None and each.status.run.step == 0)
    world.frozen = Frozen(until=world.now + timedelta(hours=1), by="jane", reason="no")
    world.give(Verb.PROMOTE, full=True).rest(3000)
    assert (world.status.phase, world.status.canary_weight) == (Phase.WAITING_PROMOTION, 10)
    world.frozen = None
    world.until_phase(Phase.SUCCEEDED)


def test_a_closed_window_holds_a_promotion_by_hand_where_it_holds_increases() -> None:
    world = gated(windows=WindowRules(increases=True))
    world.window = Window(open=True)
    world.until(lambda each: each.status.run is not None and each.status.run.step == 0)
    world.window = Window(open=False, until=world.now + timedelta(hours=1))
    world.give(Verb.PROMOTE, full=True).rest(3000)
    assert (world.status.phase, world.status.canary_weight) == (Phase.WAITING_PROMOTION, 10)
    world.window = Window(open=True)
    world.until_phase(Phase.SUCCEEDED)
