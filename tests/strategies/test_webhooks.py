"""Webhooks as the state machine sees them: what all of them have in common, who may end a run, who hears of it."""

from datetime import timedelta

import pytest

from strategies.gates import HookType
from strategies.questions import Ask, Question
from strategies.spec import HookSpec
from strategies.status import Phase
from tests.strategies.hooked import NO, SILENT, YES, Services, a_world, asked, services
from tests.strategies.world import START, V1, V2, V3, World, a_spec


def test_hooks_that_say_yes_change_nothing_of_a_run() -> None:
    plain = a_world().release(V2).until_phase(Phase.SUCCEEDED)
    hooked = a_world(*HookType, rollback=NO).release(V2).until_phase(Phase.SUCCEEDED)
    assert hooked.weights() == plain.weights()
    assert hooked.phases() == plain.phases()
    assert hooked.told == plain.told
    assert hooked.now - plain.now < timedelta(seconds=5)
    hooked.until_quiet()
    assert hooked.status.farewell is None
    assert not asked(hooked, "event")  # those are sent what the outbox holds


# rollback


@pytest.mark.parametrize(
    "closed", [HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION, HookType.PRE_ROLLOUT], ids=str
)
def test_a_rollback_hook_ends_a_run_that_waits(closed: HookType) -> None:
    world = a_world(HookType.ROLLBACK, closed, rollback=NO, **{closed.value.replace("-", "_"): SILENT})
    world.release(V2).rest(1200)
    assert world.status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
    services(world).says["rollback"] = YES
    world.until_phase(Phase.FAILED, within=120)
    assert (world.status.reason, world.status.canary_weight) == ("RollbackHook", 0)
    assert "webhook/rollback asks for it" in world.status.message


def test_a_rollback_hook_works_while_a_revision_waits_to_begin() -> None:
    """In Flagger it is only asked in Progressing, whatever its documentation says of Waiting."""
    world = a_world(HookType.ROLLBACK, HookType.CONFIRM_ROLLOUT, rollback=NO, confirm_rollout=NO)
    world.release(V2).rest(600)
    assert world.status.phase is Phase.WAITING
    services(world).says["rollback"] = YES
    world.until_phase(Phase.FAILED, within=120)
    services(world).says.clear()
    world.rest(600)
    assert (world.status.phase, world.status.last_applied_spec, world.live) == (Phase.FAILED, V2, 0)
    services(world).says["rollback"] = NO
    world.release(V3).until_phase(Phase.SUCCEEDED)


def test_a_rollback_hook_that_cannot_be_reached_is_told_once_and_nothing_else() -> None:
    world = a_world(HookType.ROLLBACK, HookType.CONFIRM_PROMOTION, rollback=SILENT, confirm_promotion=NO)
    world.release(V2).rest(3600)
    assert world.status.phase is Phase.WAITING_PROMOTION
    assert world.told.count("HooksUnavailable") == 1
    assert world.condition("AnalysisHealthy") == ("False", "HooksUnavailable")
    services(world).says |= {"rollback": NO, "confirm_promotion": YES}
    world.until_phase(Phase.SUCCEEDED)


def test_a_run_does_not_wait_for_a_rollback_hook() -> None:
    world = a_world(HookType.ROLLBACK, rollback=None).release(V2)
    world.until_phase(Phase.SUCCEEDED)


# post-rollout


@pytest.mark.parametrize(("good", "phase"), [(True, Phase.SUCCEEDED), (False, Phase.FAILED)])
def test_the_end_of_a_run_is_said_and_its_answer_changes_nothing(good: bool, phase: Phase) -> None:
    world = a_world(HookType.POST_ROLLOUT, HookType.ROLLOUT, post_rollout=NO, rollout=YES if good else NO)
    world.release(V2).until_phase(phase)
    world.until_quiet()
    assert world.status.phase is phase
    assert len(asked(world, "post_rollout")) == 1
    assert world.told.count("PostRolloutFailed") == 1
    assert world.status.farewell is None


def test_a_farewell_is_owed_across_a_crash_and_under_the_same_question() -> None:
    world = a_world(HookType.POST_ROLLOUT, post_rollout=None).release(V2).until_phase(Phase.SUCCEEDED).rest(300)
    owed = world.status.farewell
    assert owed is not None
    assert (owed.phase, owed.revision) == (Phase.SUCCEEDED, V2)
    world.answers.clear()  # another process
    services(world).says.clear()
    world.until(lambda w: w.status.farewell is None)
    assert len(asked(world)) == 1


def test_a_superseded_run_says_no_farewell() -> None:
    world = a_world(HookType.POST_ROLLOUT).release(V2).until(lambda w: w.status.canary_weight == 10)
    world.release(V3).until_phase(Phase.SUCCEEDED)
    world.until_quiet()
    assert len(asked(world)) == 1


def test_a_hook_that_was_taken_out_of_the_canary_is_owed_nothing() -> None:
    world = a_world(HookType.POST_ROLLOUT, post_rollout=None).release(V2).until_phase(Phase.SUCCEEDED)
    world.edit(hooks=()).rest(60)
    assert world.status.farewell is None


# crashes


def test_a_crash_asks_the_same_questions_again() -> None:
    def story(*, forget: bool) -> set[Question]:
        world = a_world(*HookType, rollback=NO, confirm_promotion=NO).release(V2)
        world.until_phase(Phase.WAITING_PROMOTION)
        if forget:
            world.answers.clear()
        world.rest(180)
        return {each for each in world.asked if each.kind is Ask.HOOK}

    assert story(forget=True) == story(forget=False)


def test_a_status_with_many_hooks_stays_small() -> None:
    from strategies.rollout.size import size

    hooks = tuple(
        HookSpec(name=f"{kind.value}-{'x' * 40}-{number}", type=kind) for kind in HookType for number in range(8)
    )
    world = World(spec=a_spec(hooks=hooks), answerer=Services({each.name: NO for each in hooks}))
    world.until_phase(Phase.INITIALIZED).release(V2).rest(1200)
    assert max(size(status) for status in world.journal) <= 4000
    assert world.now > START
    assert world.status.last_promoted_spec == V1
