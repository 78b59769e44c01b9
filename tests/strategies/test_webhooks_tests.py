"""Webhooks that test a version, before a user meets it and in each interval: their answers count as checks do."""

from datetime import timedelta

from metrics.verdict import Outcome, Verdict
from strategies.gates import HookType
from strategies.questions import Ask
from strategies.spec import HookSpec
from strategies.status import Phase, Result
from tests.strategies.hooked import NO, SILENT, YES, Services, a_world, asked, services
from tests.strategies.world import V2, World, a_spec, steps

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
