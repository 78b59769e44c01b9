"""A person tells a rollout what to do: each command is carried out once or refused once, with the reason why."""

from dataclasses import replace

import pytest

from strategies.commands import Command, Verb
from strategies.observing import observe
from strategies.rollout import advance, refuse
from strategies.snapshot import Problem, Snapshot
from strategies.status import Phase, Skip, Stage, Status
from tests.strategies.commanded import answer, refused
from tests.strategies.world import START, V3, a_spec, progressing

# Exactly once


def test_a_command_is_answered_in_the_same_status_as_its_effect():
    world = progressing(2).give(Verb.ABORT, "c-1", reason="errors at checkout")
    before = len(world.journal)
    world.decide()

    (status,) = world.journal[before:]
    assert (status.phase, status.stage, status.canary_weight, status.run) == (Phase.FAILED, Stage.ROUTES, 0, None)
    assert status.command is not None
    assert (status.command.id, status.command.verb, status.command.by) == ("c-1", "abort", "ann")
    assert answer(world) == (True, "the run has ended and users go to the primary; the revision counts as failed")
    assert world.told[-2:] == ["CommandAccepted", "RolledBack"]
    notes = [note.message for note in status.outbox]
    assert "abort by ann (errors at checkout)" in notes
    assert "Rolled back at 25 %: aborted by ann: errors at checkout" in notes


@pytest.mark.parametrize("verb", list(Verb))
def test_a_command_that_stays_on_the_canary_is_carried_out_once(verb: Verb):
    world = progressing(2).give(verb, "c-1").rest(30)
    known = world.status.command
    world.rest(3600)

    assert world.status.command == known
    assert world.told.count("CommandAccepted") + world.told.count("CommandRefused") == 1


def test_an_older_command_that_comes_back_is_not_carried_out_again():
    world = progressing(2).give(Verb.PAUSE, "c-1")
    world.settle()
    world.give(Verb.RESUME, "c-2").settle()
    world.give(Verb.PAUSE, "c-1").settle()

    assert world.status.paused is None
    assert world.status.command is not None
    assert (world.status.command.id, world.status.command.earlier) == ("c-2", ("c-1",))


def test_few_ids_are_remembered():
    world = progressing(0)
    for number in range(20):
        world.give(Verb.RESUME if number % 2 else Verb.PAUSE, f"c-{number}").settle()

    assert world.status.command is not None
    assert world.status.command.earlier == ("c-18", "c-17", "c-16", "c-15")


def test_a_command_that_cannot_be_read_is_answered():
    world = progressing(2)
    world.command = Command(id="unread-1", problem="annotation: no JSON")
    world.settle()

    assert refused(world) == "annotation: no JSON"
    assert (world.status.phase, world.status.command.verb) == (Phase.PROGRESSING, "")
    assert not world.tick()


# What it is meant for


def test_a_command_for_another_run_is_refused():
    world = progressing(2)
    ended = world.status.run.id
    world.release(V3).settle()
    world.give(Verb.ABORT, of=ended).settle()

    assert refused(world) == f"it was meant for {ended}, which is over (Superseded, NewerRevision)"
    assert (world.status.phase, world.status.run.revision) == (Phase.PROGRESSING, V3)


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.RESTART])
def test_a_step_toward_the_new_version_names_its_run(verb: Verb):
    world = progressing(2).give(verb, of="")
    world.command = replace(world.command, of="")
    run = world.status.run.id
    world.settle()

    assert refused(world) == f"{verb.value} has to name the run that it is meant for, in `run`; now it would be {run}"
    assert (world.status.run.id, world.status.run.skip) == (run, Skip.NONE)


def test_a_retry_that_is_found_again_after_its_run_failed_too_starts_no_third_one():
    world = progressing(2).give(Verb.ABORT)
    world.until_quiet()
    world.give(Verb.RETRY, "c-retry")
    retry = world.command
    world.until(lambda each: each.status.run is not None and each.status.run.step == 0)
    world.give(Verb.ABORT).until_quiet()
    world.status = replace(world.status, command=None)  # a program that knew of no commands wrote it
    world.command = retry
    world.settle()

    assert "which is over" in refused(world)
    assert world.status.phase is Phase.FAILED


@pytest.mark.parametrize("verb", [each for each in Verb if each is not Verb.PAUSE])
def test_a_command_found_on_a_lost_status_is_not_carried_out(verb: Verb):
    world = progressing(2).give(verb, "c-1", of="")
    world.status = Status()
    world.settle()
    assert refused(world).startswith("it was found on a Canary without a status")

    world.until(lambda each: each.status.run is not None)
    world.until_phase(Phase.SUCCEEDED)
    assert world.told.count("CommandRefused") == 1
    assert "CommandAccepted" not in world.told


def test_a_pause_found_on_a_lost_status_holds_as_it_did():
    world = progressing(2).give(Verb.PAUSE, "c-1")
    world.settle()
    world.status = Status()
    world.rest(7200)

    assert world.status.phase is Phase.WAITING
    assert world.status.paused is not None
    assert world.status.canary_weight == 0


# Where nothing is done


@pytest.mark.parametrize("verb", list(Verb))
def test_a_suspended_canary_refuses_all_commands(verb: Verb):
    world = progressing(2).edit(suspend=True)
    world.give(verb).settle()

    assert refused(world) == "spec.suspend is set and nothing is done; clear it first"


@pytest.mark.parametrize("verb", list(Verb))
def test_a_canary_that_is_being_deleted_refuses_all_commands(verb: Verb):
    world = progressing(2)
    world.deleting = True
    world.give(verb).settle()

    assert answer(world) == (False, "the Canary is being deleted")
    assert world.status.phase is Phase.TERMINATING


def test_a_canary_of_whose_spec_nothing_can_be_used_answers_all_the_same():
    world = progressing(2).give(Verb.ABORT)
    problem = Problem(reason="InvalidSpec", message="spec: nothing")
    status = refuse(world.status, problem, generation=2, now=world.now, command=world.command)
    assert status.command is not None
    assert (status.command.accepted, status.command.message) == (
        False,
        "the Canary's spec cannot be used; correct it first",
    )

    assert refuse(status, problem, generation=2, now=world.now, command=world.command) == status


def test_who_looks_on_refuses_all_commands_and_remembers_them_when_it_moves_traffic_itself():
    command = Command(id="c-1", verb=Verb.ABORT, by="ann")
    spec, seen = a_spec(observe=True), Snapshot(command=command)
    status = observe(spec, Status(), seen, {}, START).status
    assert status.command is not None
    assert (status.command.accepted, status.command.message) == (
        False,
        "spec.mode is observe: somebody else moves traffic, and is to be told",
    )
    assert observe(spec, status, seen, {}, START).status == status

    assert advance(a_spec(), status, seen, {}, START).status.command == status.command
