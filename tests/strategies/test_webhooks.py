"""Webhooks of every type, as the state machine sees them: when each is asked, and what its answer does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from metrics.verdict import Outcome, Verdict
from strategies.gates import HookType
from strategies.questions import Ask, Question
from strategies.spec import HookSpec
from strategies.status import Phase, Result
from tests.strategies.world import START, V1, V2, V3, World, a_spec, healthy, steps

YES, NO = Verdict(Outcome.PASS), Verdict(Outcome.FAIL, message="HTTP 403")
SILENT = Verdict(Outcome.ERROR, message="http://hook cannot be reached")
AWAY = SILENT


@dataclass
class Services:
    """What each hook answers by its name, until somebody changes it; healthy otherwise."""

    says: dict[str, Verdict | Callable[[Question], Verdict | None] | None] = field(default_factory=dict)

    def __call__(self, question: Question) -> Verdict | None:
        if question.kind is not Ask.HOOK:
            return healthy(question)
        says = self.says.get(question.name, YES)
        return says(question) if callable(says) else says


def a_world(*types: HookType, threshold: int = 3, iterations: int = 0, **says: Verdict | None) -> World:
    """An initialised Canary with a hook of each type, named after it with underscores."""
    hooks = tuple(HookSpec(name=each.value.replace("-", "_"), type=each) for each in types)
    analysis = steps(*(() if iterations else (10, 50)), threshold=threshold, iterations=iterations)
    world = World(spec=a_spec(analysis=analysis, hooks=hooks), answerer=Services(dict(says)))
    return world.until_phase(Phase.INITIALIZED)


def services(world: World) -> Services:
    assert isinstance(world.answerer, Services)
    return world.answerer


def asked(world: World, name: str = "") -> list[Question]:
    return [each for each in world.asked if each.kind is Ask.HOOK and name in ("", each.name)]


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


# confirm-rollout


def test_a_run_waits_for_confirm_rollout_and_its_pods_stay_away() -> None:
    world = a_world(HookType.CONFIRM_ROLLOUT, confirm_rollout=NO).release(V2).rest(600)
    assert (world.status.phase, world.status.reason, world.status.run) == (Phase.WAITING, "GateClosed", None)
    assert "webhook/confirm_rollout: HTTP 403" in world.status.message
    assert world.target is not None
    assert world.target.replicas == 0
    assert world.condition("GateClosed") == ("True", "GateClosed")
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)
    assert world.condition("GateClosed") == ("", "")


def test_a_closed_gate_is_told_once_and_writes_nothing_while_it_stays_closed() -> None:
    world = a_world(HookType.CONFIRM_ROLLOUT, confirm_rollout=NO).release(V2).rest(600)
    writes = len(world.journal)
    world.rest(6 * 3600)
    assert world.told.count("GateClosed") == 1
    assert len(world.journal) == writes
    assert len(asked(world)) > 300  # it was asked every minute meanwhile


def test_a_gate_whose_service_is_away_stays_closed_and_is_told_once() -> None:
    world = a_world(HookType.CONFIRM_ROLLOUT, confirm_rollout=SILENT).release(V2).rest(3600)
    assert world.status.phase is Phase.WAITING
    assert "cannot be reached" in world.status.message
    assert world.told.count("GateClosed") == 1


def test_a_muted_gate_becomes_an_event_and_alerts_nobody() -> None:
    hook = HookSpec(name="quiet", type=HookType.CONFIRM_ROLLOUT, muted=True)
    world = World(spec=a_spec(hooks=(hook,)), answerer=Services({"quiet": NO})).until_phase(Phase.INITIALIZED)
    world.delivering = False
    world.release(V2).rest(60)
    assert [note.muted for note in world.status.outbox if note.reason == "GateClosed"] == [True]


def test_a_newer_revision_is_confirmed_by_itself() -> None:
    world = a_world(HookType.CONFIRM_ROLLOUT).release(V2).until(lambda w: w.status.canary_weight == 10)
    services(world).says["confirm_rollout"] = NO
    world.release(V3).rest(600)
    assert (world.status.phase, world.live) == (Phase.WAITING, 0)
    assert {each.run for each in asked(world)} == {V2, V3}


def test_all_hooks_of_a_point_are_open_in_the_same_round() -> None:
    hooks = tuple(HookSpec(name=name, type=HookType.CONFIRM_ROLLOUT) for name in ("first", "second"))
    world = World(spec=a_spec(hooks=hooks), answerer=Services({"second": NO})).until_phase(Phase.INITIALIZED)
    world.release(V2).rest(90)
    services(world).says |= {"first": NO, "second": YES}
    world.rest(120)
    assert world.status.phase is Phase.WAITING
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)


# pre-rollout


def test_a_pre_rollout_hook_runs_once_before_any_request_reaches_the_canary() -> None:
    world = a_world(HookType.PRE_ROLLOUT, pre_rollout=None).release(V2).rest(600)
    assert (world.status.phase, world.status.canary_weight, world.status.reason) == (Phase.PROGRESSING, 0, "PreRollout")
    assert world.target is not None
    assert world.target.replicas > 0
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)
    assert len(asked(world)) == 1


def test_failing_pre_rollout_hooks_count_toward_the_threshold() -> None:
    world = a_world(HookType.PRE_ROLLOUT, pre_rollout=NO).release(V2)
    world.until(lambda w: w.status.failed_checks == 1)
    assert world.status.canary_weight == 0
    world.until_phase(Phase.FAILED)
    assert world.status.history[-1].result is Result.ROLLED_BACK
    assert "webhook/pre_rollout: HTTP 403 (3 of 3 failed checks)" in world.status.message
    assert max(world.weights()) == 0
    first, second, third = (each.at for each in asked(world))
    assert third - second >= timedelta(seconds=60)
    assert second - first >= timedelta(seconds=60)
    assert [each.window for each in asked(world)] == [1, 2, 3]


def test_several_hooks_that_fail_together_count_once() -> None:
    hooks = tuple(HookSpec(name=name, type=HookType.PRE_ROLLOUT) for name in ("load", "smoke"))
    world = World(spec=a_spec(analysis=steps(10), hooks=hooks), answerer=Services({"load": NO, "smoke": NO}))
    world.until_phase(Phase.INITIALIZED).release(V2).until(lambda w: w.status.failed_checks > 0)
    world.rest(30)
    assert world.status.failed_checks == 1


def test_a_pre_rollout_hook_that_cannot_be_reached_neither_fails_nor_passes() -> None:
    world = a_world(HookType.PRE_ROLLOUT, pre_rollout=SILENT).release(V2).rest(3600)
    assert (world.status.phase, world.status.failed_checks, world.status.canary_weight) == (Phase.PROGRESSING, 0, 0)
    assert world.condition("AnalysisHealthy") == ("False", "HooksUnavailable")
    assert world.told.count("HooksUnavailable") == 1
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)


def test_what_has_passed_is_not_sent_again_when_another_hook_fails() -> None:
    hooks = tuple(HookSpec(name=name, type=HookType.PRE_ROLLOUT) for name in ("migrate", "smoke"))
    world = World(spec=a_spec(analysis=steps(10), hooks=hooks), answerer=Services({"smoke": NO}))
    world.until_phase(Phase.INITIALIZED).release(V2).until(lambda w: w.status.failed_checks == 2)
    assert len(asked(world, "migrate")) == 1
    assert len(asked(world, "smoke")) == 2


def test_a_canary_that_was_withdrawn_is_tested_again_under_another_number() -> None:
    world = a_world(HookType.PRE_ROLLOUT).release(V2).until(lambda w: w.status.canary_weight == 10)
    assert world.target is not None
    world.target.ready = 0
    world.target.healthy = False
    world.until(lambda w: w.status.canary_weight == 0)
    world.target.healthy = True
    world.until(lambda w: w.status.canary_weight == 10)
    assert [each.window for each in asked(world)] == [1, 2]


# rollout


def test_a_rollout_hook_is_called_at_the_beginning_of_each_interval() -> None:
    world = a_world(HookType.ROLLOUT).release(V2).until_phase(Phase.SUCCEEDED)
    opened = {status.run.windows_from for status in world.journal if status.run and status.run.windows_from}
    assert opened <= {each.at for each in asked(world)}
    assert len({each.window for each in asked(world)}) == len(asked(world))


def test_failing_rollout_hooks_roll_back_at_the_threshold() -> None:
    world = a_world(HookType.ROLLOUT, rollout=NO).release(V2).until_phase(Phase.FAILED)
    assert world.weights()[:2] == [0, 10]
    assert max(world.weights()) == 10
    assert "webhook/rollout: HTTP 403 (3 of 3 failed checks)" in world.status.message
    assert world.told.count("CheckFailed") == 2


def test_a_rollout_hook_that_cannot_be_reached_holds_the_weight() -> None:
    world = a_world(HookType.ROLLOUT, rollout=SILENT).release(V2).rest(7200)
    assert (world.status.canary_weight, world.status.failed_checks) == (10, 0)
    assert world.condition("AnalysisHealthy") == ("False", "HooksUnavailable")
    assert world.told.count("HooksUnavailable") == 1
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)


def test_a_rollout_hook_that_failed_once_costs_one_more_interval() -> None:
    world = a_world(HookType.ROLLOUT)
    services(world).says["rollout"] = lambda question: NO if question.window == 1 else YES
    world.release(V2).until_phase(Phase.SUCCEEDED)
    assert [each.step for each in asked(world)][:3] == [0, 0, 1]


def test_rollout_hooks_go_on_while_the_promotion_waits() -> None:
    world = a_world(HookType.ROLLOUT, HookType.CONFIRM_PROMOTION, confirm_promotion=NO)
    world.release(V2).until_phase(Phase.WAITING_PROMOTION).rest(600)
    before = len(asked(world, "rollout"))
    world.rest(600)
    assert len(asked(world, "rollout")) >= before + 8
    services(world).says["rollout"] = NO
    world.until_phase(Phase.FAILED)


def test_a_hook_that_hangs_keeps_no_failing_metric_from_rolling_back() -> None:
    world = a_world(HookType.ROLLOUT, rollout=None).release(V2).until(lambda w: w.status.canary_weight == 10)
    quiet = services(world)
    world.answerer = lambda question: (
        Verdict(Outcome.FAIL, message="errors") if question.kind is Ask.METRIC else quiet(question)
    )
    world.until_phase(Phase.FAILED, within=600)


# confirm-traffic-increase


def test_the_canary_gets_no_more_before_it_is_confirmed() -> None:
    world = a_world(HookType.CONFIRM_TRAFFIC_INCREASE).release(V2).until(lambda w: w.status.canary_weight == 10)
    services(world).says["confirm_traffic_increase"] = NO
    world.rest(3600)
    assert (world.status.phase, world.status.canary_weight, world.status.reason) == (
        Phase.PROGRESSING,
        10,
        "GateClosed",
    )
    assert world.told.count("GateClosed") == 1
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)
    assert {each.step for each in asked(world)} == {0, 1}


def test_a_threshold_is_acted_on_while_an_increase_waits() -> None:
    world = a_world(HookType.CONFIRM_TRAFFIC_INCREASE).release(V2).until(lambda w: w.status.canary_weight == 10)
    services(world).says["confirm_traffic_increase"] = NO
    world.rest(600)
    quiet = services(world)
    world.answerer = lambda question: (
        Verdict(Outcome.FAIL, message="errors") if question.kind is Ask.METRIC else quiet(question)
    )
    world.until_phase(Phase.FAILED, within=600)
    assert world.status.canary_weight == 0


# confirm-promotion


def test_the_promotion_waits_in_a_phase_of_its_own_and_keeps_what_it_had() -> None:
    world = a_world(HookType.CONFIRM_PROMOTION, confirm_promotion=NO).release(V2)
    world.until_phase(Phase.WAITING_PROMOTION).rest(3600)
    assert (world.status.canary_weight, world.status.iterations) == (50, 0)
    services(world).says.clear()
    world.until_phase(Phase.SUCCEEDED)


def test_blue_green_asks_before_the_switch_and_before_the_promotion() -> None:
    world = a_world(HookType.CONFIRM_PROMOTION, iterations=2).release(V2).until_phase(Phase.SUCCEEDED)
    assert [each.step for each in asked(world)] == [1, 2]


def test_skip_analysis_asks_only_whether_the_run_may_begin() -> None:
    world = a_world(*HookType, rollback=NO).edit(skip_analysis=True).release(V2).until_phase(Phase.SUCCEEDED)
    world.until_quiet()
    assert {each.name for each in asked(world)} == {"confirm_rollout", "rollback", "post_rollout"}


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


def test_a_hook_slower_than_the_interval_is_not_asked_over_and_over() -> None:
    slow = HookSpec(name="slow", type=HookType.CONFIRM_ROLLOUT, patience_seconds=600)
    world = World(spec=a_spec(hooks=(slow,)), answerer=Services({"slow": None})).until_phase(Phase.INITIALIZED)
    world.release(V2).rest(599)
    assert len(asked(world)) == 1


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
