"""Webhooks that a rollout waits for: before it begins, before users are moved, and before the promotion."""

from metrics.verdict import Outcome, Verdict
from strategies.gates import HookType
from strategies.questions import Ask
from strategies.spec import HookSpec
from strategies.status import Phase
from tests.strategies.hooked import NO, SILENT, YES, Services, a_world, asked, services
from tests.strategies.world import V2, V3, World, a_spec

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


def test_a_gate_that_is_closed_beside_a_muted_one_is_told_once_whoever_answers_first() -> None:
    hooks = (
        HookSpec(name="quiet", type=HookType.CONFIRM_ROLLOUT, muted=True),
        HookSpec(name="loud", type=HookType.CONFIRM_ROLLOUT),
    )
    for first, second in (("quiet", "loud"), ("loud", "quiet")):
        world = World(spec=a_spec(hooks=hooks), answerer=Services({first: NO})).until_phase(Phase.INITIALIZED)
        world.delivering = False
        services(world).says[second] = None
        world.release(V2).rest(5)
        services(world).says[second] = NO
        world.rest(600)
        told = [note.muted for note in world.status.outbox if note.reason == "GateClosed"]
        assert told.count(False) == 1, (first, told)
        assert told.count(True) <= 1


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


def test_a_hook_slower_than_the_interval_is_not_asked_over_and_over() -> None:
    slow = HookSpec(name="slow", type=HookType.CONFIRM_ROLLOUT, patience_seconds=600)
    world = World(spec=a_spec(hooks=(slow,)), answerer=Services({"slow": None})).until_phase(Phase.INITIALIZED)
    world.release(V2).rest(599)
    assert len(asked(world)) == 1
