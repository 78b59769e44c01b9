"""A person aborts: users leave at once, whatever else holds the run, and the revision counts as failed."""

import pytest

from strategies.commands import Verb
from strategies.status import Phase, Result
from tests.strategies.commanded import answer, hold, refused
from tests.strategies.world import V1, V2, V3, initialised, progressing, promoting, steps


def test_an_aborted_revision_counts_as_failed_until_it_changes():
    world = progressing(2).give(Verb.ABORT)
    world.rest(7200)

    assert (world.status.phase, world.status.reason, world.live) == (Phase.FAILED, "Aborted", 0)
    assert (world.status.history[-1].result, world.status.history[-1].reason) == (Result.ROLLED_BACK, "Aborted")
    assert world.target.replicas == 0
    world.release(V3).until_phase(Phase.SUCCEEDED)


@pytest.mark.parametrize(
    "how", ["paused", "paused by hand", "Prometheus away", "stale", "refused", "set by hand", "contested"]
)
def test_an_abort_waits_for_nothing(how: str):
    world = progressing(2)
    hold(world, how)
    world.rest(300)
    world.give(Verb.ABORT).tick()

    assert (world.status.phase, world.live) == (Phase.FAILED, 0)


def test_a_release_that_bakes_can_be_aborted():
    world = initialised(analysis=steps(50), bake_seconds=3600.0).release(V2)
    world.until(lambda each: each.live == 100)
    world.rest(600).give(Verb.ABORT).tick()

    assert (world.status.phase, world.live, world.primary.revision) == (Phase.FAILED, 0, V1)


def test_an_abort_leaves_users_where_pods_are():
    world = progressing(2)
    world.primary.ready = 0
    world.primary.healthy = False
    world.give(Verb.ABORT).decide()

    assert answer(world) == (
        True,
        "the run has ended; users stay with the canary, because no pod of the primary is ready",
    )
    assert world.status.canary_weight == 100


def test_a_revision_that_waits_can_be_aborted_before_its_run():
    world = initialised().edit(paused=True).release(V2)
    world.settle()
    assert world.status.phase is Phase.WAITING
    world.give(Verb.ABORT, of=V2).settle()
    assert answer(world) == (True, f"revision {V2} is not released; it counts as failed")
    world.edit(paused=False).rest(600)

    assert (world.status.phase, world.status.reason, world.live) == (Phase.FAILED, "Aborted", 0)


def test_an_abort_of_a_revision_that_waited_reaches_its_run_that_has_begun_meanwhile():
    world = progressing(0).give(Verb.ABORT, of=V2)
    world.settle()

    assert (answer(world)[0], world.status.phase) == (True, Phase.FAILED)


def test_an_abort_after_the_primary_was_given_the_revision_is_refused_and_says_how_to_go_back():
    world = promoting()
    world.primary.healthy = False
    world.settle()
    world.give(Verb.ABORT).decide()

    assert refused(world) == (
        f"the primary has been given revision {V2} already, and that is not stopped half-way; go back with "
        "`delivery undo reviews`"
    )
    assert world.status.phase is Phase.PROMOTING


def test_an_abort_before_the_primary_was_given_the_revision_ends_the_run():
    world = promoting().give(Verb.ABORT)
    world.settle()

    assert (world.status.phase, world.live, world.primary.revision) == (Phase.FAILED, 0, V1)


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        (Phase.INITIALIZED, "no run is open"),
        (Phase.SUCCEEDED, "no run is open"),
        (Phase.FAILED, "no run is open; the last one has failed already (Aborted)"),
    ],
)
def test_there_is_nothing_to_abort_between_runs(phase: Phase, says: str):
    world = {
        Phase.INITIALIZED: initialised,
        Phase.SUCCEEDED: lambda: initialised().release(V2).until_phase(Phase.SUCCEEDED).until_quiet(),
        Phase.FAILED: lambda: progressing(1).give(Verb.ABORT).until_quiet(),
    }[phase]()
    world.give(Verb.ABORT).settle()

    assert refused(world) == says
    assert world.status.phase is phase
