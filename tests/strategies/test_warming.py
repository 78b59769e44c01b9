"""Windows in which a pod of the canary is young say nothing about its version, and are left out."""

from dataclasses import replace
from datetime import datetime, timedelta

from metrics.verdict import Outcome
from strategies.questions import Ask, Question
from strategies.rollout.warming import PATIENCE
from strategies.status import Phase
from tests.strategies.world import SUCCESS_RATE, V2, World, failing, healthy, initialised, saying, steps

WARM = replace(SUCCESS_RATE, warmup_seconds=120.0)
SECOND = timedelta(seconds=1)


def young(**changes: object) -> World:
    """A run whose pods have just become ready, at its first step."""
    world = initialised(**{"checks": (WARM,), "analysis": steps(20, 50), **changes}).release(V2)
    world.target.since = (world.now, world.now, world.now)
    world.until(lambda each: each.status.run is not None and each.status.run.step == 0)
    return world


def asked(world: World) -> list[Question]:
    return [each for each in world.asked if each.kind is Ask.METRIC]


def appears(world: World, at: datetime) -> None:
    """One more pod, ready since a moment."""
    world.target.since = (*world.target.since, at)


def test_the_first_window_begins_when_all_pods_are_warm():
    world = young()
    ready = max(world.target.since)
    world.until(lambda each: bool(asked(each)))

    assert asked(world)[0].start == ready + 120 * SECOND
    assert asked(world)[0].window == 1


def test_people_are_told_what_a_young_canary_waits_for_and_nothing_is_said_to_be_wrong():
    world = young()
    world.rest(30)

    assert world.status.reason == "WarmingUp"
    assert "warmed up" in world.status.message
    assert world.condition("AnalysisHealthy")[0] == "True"


def test_a_pod_that_fails_while_it_is_young_fails_nothing():
    world = young(analysis=steps(20, threshold=1))
    cold = max(world.target.since) + 120 * SECOND
    world.answerer = lambda question: failing(question) if question.start < cold else healthy(question)

    world.until_phase(Phase.SUCCEEDED)
    assert "CheckFailed" not in world.told


def test_no_other_windows_than_before_are_left_out_once_the_pods_are_warm():
    world = young()
    world.until(lambda each: each.status.run.step == 1)
    stepped = world.status.run.step_since
    world.until_phase(Phase.PROMOTING)

    assert next(each for each in asked(world) if each.step == 1).start == stepped + 10 * SECOND


def test_a_pod_that_an_autoscaler_adds_leaves_out_the_windows_of_its_youth():
    world = young()
    world.answerer = saying(Outcome.INCONCLUSIVE, "none")
    world.until(lambda each: len(asked(each)) == 2)
    born = world.now
    appears(world, born)
    world.until(lambda each: len(asked(each)) == 3)

    # the window that was over when the pod became ready is judged, the one that had begun is not
    assert asked(world)[1].end <= born
    assert asked(world)[2].start == born + 120 * SECOND
    assert [each.window for each in asked(world)] == [1, 2, 3]


def test_a_pod_that_comes_when_the_step_has_passed_does_not_hold_it():
    world = young()
    world.until(lambda each: bool(each.answers) and each.status.run.step == 0 and bool(asked(each)))
    appears(world, world.now)
    world.settle()

    assert world.status.run.step == 1


def test_after_a_crash_the_same_windows_are_left_out_although_the_pod_has_gone():
    world = young()
    world.answerer = saying(Outcome.INCONCLUSIVE, "none")
    world.until(lambda each: len(asked(each)) == 2)
    born = world.now
    appears(world, born)
    world.decide()  # and then the controller dies
    world.target.since = world.target.since[:-1]
    world.answers.clear()
    world.now += timedelta(hours=1)
    world.until(lambda each: len(asked(each)) == 3)

    assert asked(world)[2].start == born + 120 * SECOND


def test_a_canary_whose_pods_come_and_go_all_the_time_is_judged_in_the_end():
    world = young(analysis=steps(20, threshold=1))
    opening = world.status.run.windows_from
    world.answerer = failing
    for _ in range(200):
        world.target.since = (world.now,)
        world.rest(30)
        if world.status.phase is Phase.FAILED:
            break

    assert world.status.reason == "CheckFailed"
    assert world.now <= opening + (PATIENCE + 2) * 120 * SECOND


def test_each_metric_has_a_warm_up_of_its_own():
    cold = replace(SUCCESS_RATE, name="cold", warmup_seconds=0.0)
    world = young(checks=(WARM, cold))
    opening = world.status.run.windows_from
    world.until(lambda each: {question.name for question in asked(each)} == {"cold", WARM.name})

    first = {each.name: each.start for each in reversed(asked(world))}
    assert first["cold"] == opening
    assert first[WARM.name] == max(world.target.since) + 120 * SECOND
    assert world.status.run.step == 0
