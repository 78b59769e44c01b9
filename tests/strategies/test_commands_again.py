"""A person has a revision tried again: a retry of what failed, a restart of what runs."""

import pytest

from strategies.commands import Verb
from strategies.status import Phase, Result
from tests.strategies.commanded import answer, refused
from tests.strategies.world import V2, V3, failing, healthy, initialised, progressing, steps

# retry


def test_a_failed_revision_is_tried_again():
    world = progressing(1, analysis=steps(5, 50, threshold=1))
    world.answerer = failing
    world.until_phase(Phase.FAILED).until_quiet()
    failed = world.status.history[-1].id
    world.give(Verb.RETRY)
    world.answerer = healthy
    world.decide()
    assert answer(world) == (True, f"revision {V2} is tried again")
    assert world.status.run is not None
    assert (world.status.run.revision, world.status.run.id != failed) == (V2, True)

    world.until_phase(Phase.SUCCEEDED)


def test_a_retry_right_after_a_rollback_waits_until_users_have_left():
    world = progressing(1).give(Verb.ABORT)
    world.decide()
    world.give(Verb.RETRY).decide()
    assert answer(world)[0]
    assert world.status.run is None

    world.until_phase(Phase.SUCCEEDED)


def test_a_revision_that_was_never_run_is_retried_by_its_name():
    world = initialised().edit(paused=True).release(V2)
    world.settle()
    world.give(Verb.ABORT).settle()
    world.edit(paused=False).settle()
    world.give(Verb.RETRY)
    assert world.command.of == V2

    world.until_phase(Phase.SUCCEEDED)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (initialised, "nothing failed"),
        (lambda: progressing(1), "a run is open; `delivery restart reviews` begins it again"),
        (
            lambda: initialised().edit(paused=True).release(V2),
            f"revision {V2} has no run yet: spec.paused is set; clear it to start",
        ),
    ],
)
def test_only_what_failed_is_retried(make, says: str):
    world = make()
    world.settle()
    world.give(Verb.RETRY).settle()

    assert refused(world) == says


# restart


def test_a_run_begins_again_at_its_first_step():
    world = progressing(2)
    first = world.status.run
    world.give(Verb.RESTART).decide()
    run, past = world.status.run, world.status.history[-1]
    assert (run.revision, run.step, run.floor) == (V2, -1, first.floor)
    assert (past.id, past.result, past.reason) == (first.id, Result.SUPERSEDED, "RestartedByHand")
    assert run.id != first.id
    assert world.status.canary_weight == 0

    world.until_phase(Phase.SUCCEEDED)
    assert world.weights()[-6:] == [0, 5, 10, 25, 50, 0]


def test_a_run_whose_target_has_changed_is_not_restarted():
    world = progressing(2).release(V3)
    world.give(Verb.RESTART).decide()

    assert refused(world) == "the target has changed, and its newest revision takes the run's place by itself"
