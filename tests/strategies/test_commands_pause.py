"""A person pauses and resumes: the weight is held, while checks and rollback go on."""

from strategies.commands import Verb
from strategies.status import Phase
from tests.strategies.commanded import answer, refused
from tests.strategies.world import V2, failing, initialised, progressing, promoting, steps


def test_a_pause_holds_the_weight_while_checks_and_rollback_go_on():
    world = progressing(1, analysis=steps(5, 10, 25, threshold=2)).give(Verb.PAUSE, reason="lunch")
    world.rest(7200)
    assert (world.live, world.status.reason) == (10, "Paused")
    assert world.status.message == (
        f"paused by ann since {world.status.paused.since:%Y-%m-%d %H:%M:%S} UTC (lunch); to go on: "
        "`delivery resume reviews`"
    )
    assert world.condition("Paused") == ("True", "PausedByHand")
    assert world.status.checks[0].window > 10
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert world.told.count("PausedByHand") == 0, "the command's own Event has said so"


def test_a_resume_ends_a_pause():
    world = progressing(1).give(Verb.PAUSE)
    world.rest(600)
    world.give(Verb.RESUME).settle()
    assert answer(world) == (True, "it goes on")
    assert world.condition("Paused") == ("", "")

    world.until_phase(Phase.SUCCEEDED)


def test_a_pause_between_runs_holds_the_next_one():
    world = initialised().give(Verb.PAUSE)
    world.settle()
    assert answer(world) == (True, "held before the next run; checks and rollback go on")
    world.release(V2).rest(600)
    assert (world.status.phase, world.status.reason, world.target.replicas) == (Phase.WAITING, "Paused", 0)
    world.give(Verb.RESUME)

    world.until_phase(Phase.SUCCEEDED)


def test_a_pause_holds_a_promotion():
    world = promoting().give(Verb.PAUSE)
    world.rest(600)
    assert (world.status.phase, world.status.reason, world.live) == (Phase.PROMOTING, "Paused", 50)
    world.give(Verb.RESUME)

    world.until_phase(Phase.SUCCEEDED)


def test_a_resume_ends_the_hold_after_an_edit_by_hand():
    world = progressing(2)
    world.by_hand(3).rest(600)
    world.give(Verb.RESUME).settle()

    assert (world.live, world.status.run.override) == (25, None)
    assert [check.passes for check in world.status.checks] == [0], "what was measured at 3 % says nothing of 25 %"


def test_a_resume_leaves_what_the_spec_says():
    world = progressing(2).edit(paused=True)
    world.give(Verb.RESUME).settle()
    assert refused(world) == "spec.paused is set; clear it in the Canary"
    world.give(Verb.PAUSE).settle()
    world.give(Verb.RESUME).settle()

    assert answer(world) == (True, "spec.paused is set and still holds it")
    assert world.status.reason == "Paused"


def test_who_paused_first_is_named_to_the_second():
    world = progressing(2).give(Verb.PAUSE)
    world.settle()
    world.give(Verb.PAUSE).settle()

    assert refused(world) == f"it is paused already, by ann since {world.status.paused.since:%H:%M} UTC"


def test_the_time_of_a_pause_is_not_held_against_the_run():
    world = progressing(1, analysis=steps(5, 10, max_duration_seconds=3600.0)).give(Verb.PAUSE)
    world.rest(7200)
    world.give(Verb.RESUME)

    world.until_phase(Phase.SUCCEEDED)
