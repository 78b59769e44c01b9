"""Leaving a role: users first, pods last; deletion; targets that disappear."""

import itertools
from datetime import timedelta

import pytest

from metrics.verdict import Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.snapshot import Problem
from strategies.status import Phase, Result, Stage
from tests.strategies.world import (
    V1,
    V2,
    V3,
    Pods,
    World,
    failing,
    healthy,
    initialised,
    progressing,
    promoting,
    steps,
)

CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-1 crashes: exit code 1")


def rolled_back(**changes) -> World:
    """A canary that has just failed at 10 %; nothing is written yet."""
    world = progressing(1, **changes)
    world.target.trouble = CRASH
    world.decide()
    assert world.status.phase is Phase.FAILED
    return world


# Drain


def test_pods_go_only_after_the_routes_are_confirmed():
    world = rolled_back()
    world.writable = False
    world.rest(3600)
    assert (world.status.stage, world.target.replicas) == (Stage.ROUTES, 3)

    world.writable = True
    world.settle()
    assert world.status.stage is Stage.DRAIN


def test_the_canary_drains_for_drain_seconds_at_least():
    world = rolled_back(drain_seconds=45.0, scrape_interval_seconds=10.0)
    world.settle()
    since = world.status.stage_since
    world.until(lambda each: each.status.stage is Stage.NONE)

    assert world.now == since + timedelta(seconds=45 + 10)
    world.settle()
    assert world.target.replicas == 0


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, None])
def test_the_drain_waits_for_prometheus_but_at_most_drain_max_seconds(outcome):
    def answer(question: Question) -> Verdict | None:
        if question.kind is not Ask.DRAINED:
            return healthy(question)
        return Verdict(outcome, message="somebody still asks") if outcome else None

    world = rolled_back(drain_seconds=30.0, drain_max_seconds=200.0)
    world.answerer = answer
    world.settle()
    since = world.status.stage_since
    world.until(lambda each: each.status.stage is Stage.NONE)

    assert world.now == since + timedelta(seconds=200)


def test_the_drain_ends_with_the_first_window_without_requests():
    world = rolled_back(drain_seconds=30.0, drain_max_seconds=300.0, scrape_interval_seconds=10.0)
    world.answerer = lambda q: Verdict(Outcome.PASS if q.window >= 2 else Outcome.FAIL)
    world.settle()
    since = world.status.stage_since
    world.until(lambda each: each.status.stage is Stage.NONE)

    drained = [each for each in world.asked if each.kind is Ask.DRAINED]
    assert [each.window for each in drained] == [0, 1, 2]
    assert all(one.end <= other.start for one, other in itertools.pairwise(drained))
    assert world.now == since + timedelta(seconds=30 + 10 + 2 * 20)


def test_the_canarys_pods_stay_while_the_primary_is_not_whole():
    world = rolled_back()
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 1
    world.rest(3600)

    assert (world.live, world.target.replicas, world.status.stage) == (0, 3, Stage.DRAIN)
    assert world.condition("Ready") == ("False", "PrimaryNotReady")
    assert "1 of 3 pods" in world.status.condition("Ready").message
    assert world.wish().primary_floor == 3

    world.primary.healthy = True
    world.until_quiet()
    assert world.target.replicas == 0


# Deletion


@pytest.mark.parametrize("step", [0, 3])
def test_deleting_the_canary_mid_run_moves_users_to_the_primary_and_leaves_the_rest(step):
    world = progressing(step)
    world.deleting = True
    world.until_quiet()

    assert (world.live, world.finalizer, world.status.phase, world.status.stage) == (
        0,
        False,
        Phase.TERMINATING,
        Stage.NONE,
    )
    assert (world.target.ready, world.primary.ready, world.primary.revision) == (3, 3, V1)
    assert world.decision.questions == frozenset()


def test_the_finalizer_stays_until_users_are_safe():
    world = progressing(2)
    world.deleting = True
    world.writable = False
    world.rest(600)
    assert (world.live, world.finalizer) == (25, True)

    world.writable = True
    world.settle()
    assert (world.live, world.finalizer) == (0, False)


def test_deleting_beside_a_dead_primary_leaves_users_on_the_canary():
    world = progressing(2)
    world.primary.healthy = False
    world.primary.ready = 0
    world.deleting = True
    world.until_quiet()

    assert (world.live, world.finalizer) == (100, False)


def test_deleting_a_suspended_canary_still_moves_users():
    world = progressing(2)
    world.edit(suspend=True).settle()
    world.deleting = True
    world.until_quiet()

    assert (world.live, world.finalizer) == (0, False)


def test_deleting_while_initialising_leaves_what_serves():
    world = World()
    world.decide()
    world.converge()
    world.deleting = True
    world.until_quiet()

    assert (world.live, world.target.ready) == (None, 3)
    assert world.wish().traffic is None


def test_deleting_when_both_roles_were_down_and_the_canary_comes_back():
    # given neither role with a ready pod
    world = progressing(2)
    for pods in (world.target, world.primary):
        pods.healthy = False
        pods.ready = pods.updated = 0
    world.writable, world.confirmed = False, None
    world.deleting = True
    world.settle()

    # when the canary is back before the routes can be written
    world.target.healthy = True
    world.settle()
    world.writable = True
    world.settle()

    assert (world.live, world.finalizer) == (100, False)


# Targets that disappear


def test_a_target_deleted_mid_run_ends_it_and_the_same_revision_starts_again():
    # given V2 at 25 %
    world = progressing(2)

    # when the target is deleted
    world.target = None
    world.settle()
    assert (world.status.phase, world.status.reason, world.live) == (Phase.FAILED, "TargetDeleted", 0)
    assert world.status.history[-1].result is Result.ROLLED_BACK
    world.until_quiet()
    assert world.condition("Ready") == ("False", "TargetNotFound")

    # and created again
    world.target = Pods(V2, 3, 3, 3)
    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V2


def test_a_target_deleted_in_promoting_before_the_copy():
    world = promoting()
    world.target, world.resolvable = None, False
    world.settle()

    assert (world.status.phase, world.status.reason, world.live) == (Phase.FAILED, "TargetDeleted", 0)
    assert world.primary.revision == V1


def test_a_target_deleted_in_promoting_after_the_copy_finishes_the_promotion():
    world = promoting()
    world.converge()
    world.target = None
    world.until_phase(Phase.SUCCEEDED)

    assert (world.status.last_promoted_spec, world.live) == (V2, 0)


def test_a_target_deleted_at_rest_is_named_and_users_are_served_on():
    world = initialised()
    world.target = None
    world.until_quiet()
    assert (world.live, world.primary.ready) == (0, 3)
    assert world.condition("Ready") == ("False", "TargetNotFound")

    world.target = Pods(V1, 0)
    world.until_quiet()
    assert world.condition("Ready") == ("True", "Watching")


def test_a_primary_deleted_at_rest_is_made_again():
    world = initialised()
    world.primary = None
    world.settle()

    assert (world.primary.revision, world.primary.replicas) == (V1, 1)
    assert world.status.phase is Phase.INITIALIZED


def test_routes_deleted_at_rest_are_written_again():
    world = initialised()
    world.live = world.confirmed = None
    world.settle()

    assert (world.live, world.journal) == (0, [])


def test_a_second_failure_after_a_first_one_is_rolled_back_as_well():
    world = progressing(1, analysis=steps(5, 10, threshold=1))
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.until_quiet()
    world.release(V3)
    world.until(lambda each: each.live == 5)
    world.until_phase(Phase.FAILED)

    assert [past.result for past in world.status.history] == [Result.ROLLED_BACK, Result.ROLLED_BACK]
    assert world.status.revision == V3
    assert V2 not in (world.primary.revision, world.status.last_promoted_spec)


def test_a_primary_that_dies_beside_a_failed_revision_is_named():
    world = rolled_back()
    world.until_quiet()
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 0
    world.until_quiet()

    assert (world.status.phase, world.condition("Ready")) == (Phase.FAILED, ("False", "PrimaryNotReady"))
