"""A newer revision, or the promoted one again, at every moment of a run."""

from datetime import timedelta

from strategies.status import Phase, Result, Stage
from tests.strategies.world import V1, V2, V3, failing, healthy, initialised, progressing, promoting, steps


def results(world) -> list[tuple[str, Result]]:
    return [(past.revision, past.result) for past in world.status.history]


def test_a_newer_revision_mid_run_takes_users_off_the_canary_at_once_and_starts_again():
    # given V2 at 25 %
    world = progressing(2)
    first = world.status.run.id

    # when V3 comes
    world.release(V3, healthy=False)
    world.decide()

    # then that same decision gives users back, and V2 is history
    assert (world.status.canary_weight, world.status.run.revision, world.status.run.step) == (0, V3, -1)
    assert results(world) == [(V2, Result.SUPERSEDED)]
    assert world.status.history[-1].weight == 25
    assert world.status.run.id != first
    assert (world.status.checks, world.status.failed_checks) == ((), 0)

    # and V3 goes the whole way
    world.target.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.weights()[-6:] == [0, 5, 10, 25, 50, 0]
    assert world.primary.revision == V3


def test_back_to_the_promoted_revision_mid_run_cancels_it():
    world = progressing(2).release(V1)
    world.decide()

    assert (world.status.phase, world.status.canary_weight) == (Phase.SUCCEEDED, 0)
    assert results(world) == [(V2, Result.CANCELLED)]
    assert world.status.revision == V1
    world.until_quiet()
    assert (world.status.stage, world.target.replicas, world.primary.revision) == (Stage.NONE, 0, V1)
    assert world.status.reason == "RevertedToPromoted"


def test_the_promoted_revision_again_before_the_template_was_copied_cancels_the_promotion():
    # given a promotion of which nothing is written yet
    world = promoting()
    assert world.primary.revision == V1
    world.release(V1)
    world.decide()

    assert (world.status.phase, world.status.canary_weight) == (Phase.SUCCEEDED, 0)
    assert results(world) == [(V2, Result.CANCELLED)]
    world.until_quiet()
    assert world.primary.revision == V1


def test_a_newer_revision_in_promoting_before_the_copy_promotes_what_was_analysed_if_it_can_be_found():
    world = promoting().release(V3)
    world.until(lambda each: each.status.run is not None and each.status.run.revision == V3)

    assert results(world) == [(V2, Result.PROMOTED)]
    assert world.status.last_promoted_spec == V2


def test_a_newer_revision_in_promoting_before_the_copy_starts_the_run_again_if_nothing_is_left_of_the_old_one():
    world = promoting()
    world.resolvable = False
    world.release(V3)
    world.decide()

    assert (world.status.phase, world.status.run.revision, world.status.canary_weight) == (Phase.PROGRESSING, V3, 0)
    assert results(world) == [(V2, Result.SUPERSEDED)]
    world.converge()
    assert world.primary.revision == V1


def test_a_newer_revision_in_promoting_after_the_copy_takes_users_off_the_canary_and_finishes():
    # given the analysed template on the primary, whose pods are still coming
    world = promoting()
    world.converge()
    world.primary.healthy = False
    world.resolvable = False
    assert world.primary.revision == V2

    # when V3 replaces the canary's pods
    world.release(V3)
    world.settle()
    assert (world.status.phase, world.live) == (Phase.PROMOTING, 0)

    # then V2 is promoted, and V3 gets its own run
    world.primary.healthy = True
    world.until(lambda each: each.status.run is not None and each.status.run.revision == V3)
    assert results(world) == [(V2, Result.PROMOTED)]


def test_a_newer_revision_in_finalising_gets_its_own_run_afterwards():
    world = progressing(3)
    world.until_phase(Phase.FINALISING)
    world.release(V3)
    world.until_phase(Phase.PROGRESSING)

    assert results(world) == [(V2, Result.PROMOTED)]
    assert (world.primary.revision, world.status.run.revision) == (V2, V3)


def test_a_fix_while_failed_starts_a_run_without_waiting_for_the_drain():
    # given a run that has just been rolled back
    world = progressing(1, analysis=steps(5, 10, threshold=1))
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()
    assert world.status.stage is Stage.DRAIN

    # when a fix comes
    world.answerer = healthy
    failed_at = world.now
    world.release(V3)
    world.settle()

    assert world.now == failed_at
    assert world.status.run.revision == V3
    world.until_phase(Phase.SUCCEEDED)
    assert results(world) == [(V2, Result.ROLLED_BACK), (V3, Result.PROMOTED)]


def test_a_fix_that_may_not_start_yet_does_not_cut_the_drain_short():
    # given a canary that is being drained
    world = progressing(1, drain_seconds=30.0)
    world.answerer = failing
    world.edit(analysis=steps(5, 10, threshold=1))
    world.until_phase(Phase.FAILED)
    world.answerer = healthy
    world.settle()
    drained_from = world.status.stage_since

    # when a fix comes but the Canary is paused
    world.edit(paused=True)
    world.release(V3)
    world.settle()

    # then the canary's pods and the floor stay until the drain is over
    assert world.status.stage is Stage.DRAIN
    assert world.target.replicas == 3
    world.until_phase(Phase.WAITING)
    assert world.now >= drained_from + timedelta(seconds=30)


def test_a_failed_revision_is_not_tried_again_by_itself():
    world = progressing(1, analysis=steps(5, 10, threshold=1))
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.until_quiet()
    world.answerer = healthy
    world.rest(24 * 3600)

    assert (world.status.phase, world.status.stage, world.target.replicas) == (Phase.FAILED, Stage.NONE, 0)


def test_back_to_the_promoted_revision_while_failed_is_peace():
    world = progressing(1, analysis=steps(5, 10, threshold=1))
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.until_quiet()
    world.release(V1).until_quiet()

    assert (world.status.phase, world.status.reason, world.status.revision) == (
        Phase.SUCCEEDED,
        "RevertedToPromoted",
        V1,
    )


def test_a_revision_that_is_released_again_after_it_was_reverted_gets_a_run():
    world = initialised().release(V2)
    world.until(lambda each: each.live == 5)
    world.release(V1).until_quiet()
    world.release(V2)
    world.until_phase(Phase.SUCCEEDED)
    world.until_quiet()

    assert results(world) == [(V2, Result.CANCELLED), (V2, Result.PROMOTED)]
    assert len({past.id for past in world.status.history}) == 2


def test_the_history_keeps_the_last_five_runs():
    world = initialised(skip_analysis=True)
    for number in range(7):
        world.release(f"v1-{number:012d}")
        world.until_phase(Phase.PROGRESSING)
        world.until_phase(Phase.SUCCEEDED)
        world.until_quiet()

    assert [past.revision for past in world.status.history] == [f"v1-{number:012d}" for number in range(2, 7)]
