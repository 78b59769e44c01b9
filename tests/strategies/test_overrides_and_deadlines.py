"""A weight set by hand, a deadline that counts pods only, and pods that can be seen to be broken."""

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Result, Stage
from tests.strategies.world import V2, V3, failing, healthy, initialised, progressing, steps

CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-1 crashes: exit code 1")
STALE = Problem(reason="StaleCache", message="the watch of pods has no connection; the weight does not rise")


# Set by hand


def test_a_hand_edit_that_takes_users_off_the_canary_is_held():
    world = progressing(2)
    world.by_hand(3).rest(600)

    assert (world.live, world.status.run.override, world.status.reason) == (3, 3, "ManualOverride")
    assert world.told.count("ManualOverride") == 1
    assert world.status.checks[0].window > 5


def test_checks_and_rollback_go_on_under_an_override():
    world = progressing(2, analysis=steps(5, 10, 25, threshold=2))
    world.by_hand(3)
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()

    assert world.live == 0


def test_paused_set_and_cleared_resumes_after_an_override():
    world = progressing(2)
    world.by_hand(3).settle()
    world.edit(paused=True).settle()
    assert world.live == 3
    world.edit(paused=False).settle()
    assert (world.live, world.status.run.override) == (25, None)

    world.until_phase(Phase.SUCCEEDED)


def test_a_step_left_by_hand_is_measured_again_at_its_own_weight():
    world = progressing(2)
    world.by_hand(3).rest(600)
    world.edit(paused=True).settle()
    world.edit(paused=False).settle()

    assert (world.live, [check.passes for check in world.status.checks]) == (25, [0])


def test_an_override_while_paused_ends_when_the_pause_ends():
    world = progressing(2)
    world.edit(paused=True).settle()
    world.by_hand(3).settle()
    assert world.live == 3
    world.edit(paused=False).settle()

    assert world.live == 25


def test_a_new_revision_ends_an_override():
    world = progressing(2)
    world.by_hand(3).settle()
    world.release(V3)
    world.until_phase(Phase.SUCCEEDED)

    assert (world.primary.revision, world.status.history[-2].result) == (V3, Result.SUPERSEDED)


def test_a_further_edit_downwards_is_an_override_again():
    world = progressing(2)
    world.by_hand(10).settle()
    world.by_hand(0).settle()

    assert (world.live, world.status.run.override) == (0, 0)


def test_a_hand_edit_that_gives_the_canary_more_is_repaired():
    world = progressing(2)
    world.by_hand(80).settle()

    assert (world.live, world.status.run.override) == (25, None)
    assert "ManualOverride" not in world.told


def test_a_hand_edit_at_rest_is_repaired():
    world = initialised().by_hand(40)
    world.settle()
    assert (world.live, world.journal) == (0, [])


# Progress


def test_the_progress_deadline_counts_pods():
    world = initialised(progress_deadline_seconds=120.0).release(V2, healthy=False)
    world.settle()
    world.rest(119)
    assert world.status.phase is Phase.PROGRESSING

    world.rest(1)
    assert (world.status.phase, world.status.reason) == (Phase.FAILED, "ProgressDeadlineExceeded")
    assert world.status.history[-1].result is Result.ROLLED_BACK


def test_the_progress_deadline_counts_capacity():
    world = progressing(1, analysis=steps(5, 10), progress_deadline_seconds=120.0)
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 1
    world.until_phase(Phase.FAILED, within=400)

    assert world.status.reason == "ProgressDeadlineExceeded"
    assert "too few" in world.status.message


@pytest.mark.parametrize("held", ["paused", "hold", "refusal"])
def test_the_progress_deadline_stands_still_while_somebody_else_holds_the_run(held):
    # given a canary that has lost its pods for 60 s of 100
    world = progressing(1, progress_deadline_seconds=100.0)
    world.target.healthy = False
    world.target.ready = world.target.updated = 0
    world.rest(60)

    # when the run is held for an hour
    if held == "paused":
        world.edit(paused=True).rest(3600)
        world.edit(paused=False)
    else:
        setattr(world, held, STALE)
        world.rest(3600)
        setattr(world, held, None)
    world.rest(39)
    assert world.status.phase is Phase.PROGRESSING

    # then 40 s are left
    world.rest(2)
    assert world.status.reason == "ProgressDeadlineExceeded"


def test_the_progress_deadline_starts_again_when_the_pods_were_well():
    world = progressing(1, progress_deadline_seconds=100.0)
    world.answerer = lambda question: None
    world.target.healthy = False
    for _ in range(5):
        world.target.ready = 0
        world.rest(90)
        world.target.ready = 3
        world.rest(5)

    assert world.status.phase is Phase.PROGRESSING
    world.answerer = healthy
    world.until_phase(Phase.SUCCEEDED)


def test_prometheus_that_is_away_does_not_count():
    world = progressing(1, progress_deadline_seconds=100.0)
    world.answerer = lambda question: None
    world.rest(3600)

    assert (world.status.phase, world.live) == (Phase.PROGRESSING, 10)
    assert world.decision.questions


# Broken pods


@pytest.mark.parametrize("step", [-1, 0, 2])
def test_a_crashing_pod_fails_the_run_at_once(step):
    world = progressing(step) if step >= 0 else initialised().release(V2, healthy=False)
    world.settle()
    world.target.trouble = CRASH
    now = world.now
    world.decide()

    assert (world.status.phase, world.status.canary_weight, world.now) == (Phase.FAILED, 0, now)
    assert (world.status.reason, world.status.message) == ("PodHealth", CRASH.message)
    assert world.told[-1] == "RolledBack"
    assert world.condition("Promoted") == ("False", "Failed")


def test_a_rollback_beside_a_dead_primary_keeps_users_on_what_works_until_the_primary_is_back():
    # given a run whose primary has died
    world = progressing(1, analysis=steps(5, 10, threshold=1))
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 0
    world.answerer = failing

    # when its check fails
    world.until_phase(Phase.FAILED)
    world.settle()
    assert world.live == 100
    assert world.condition("Ready") == ("False", "PrimaryNotReady")

    # then one ready pod of the primary is enough
    world.primary.ready = world.primary.updated = 1
    world.settle()
    assert world.live == 0
    assert "1 of 3 pods" in world.status.condition("Ready").message or world.status.stage is Stage.DRAIN
