"""A person tells a rollout what to do: each command is carried out once or refused once, with the reason why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from strategies.commands import Command, Verb
from strategies.observing import observe
from strategies.rollout import advance, refuse
from strategies.snapshot import Problem, Snapshot
from strategies.status import Phase, Result, Skip, Stage, Status
from tests.strategies.world import (
    START,
    V1,
    V2,
    V3,
    World,
    a_spec,
    failing,
    healthy,
    initialised,
    progressing,
    promoting,
    steps,
)


def answer(world: World) -> tuple[bool, str]:
    """What became of the last command."""
    told = world.status.command
    assert told is not None
    return told.accepted, told.message


def refused(world: World) -> str:
    """Why the command was refused, which was told once and changed nothing else."""
    accepted, message = answer(world)
    assert not accepted
    assert "CommandRefused" in world.told
    return message


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


# abort


def test_an_aborted_revision_counts_as_failed_until_it_changes():
    world = progressing(2).give(Verb.ABORT)
    world.rest(7200)

    assert (world.status.phase, world.status.reason, world.live) == (Phase.FAILED, "Aborted", 0)
    assert (world.status.history[-1].result, world.status.history[-1].reason) == (Result.ROLLED_BACK, "Aborted")
    assert world.target.replicas == 0
    world.release(V3).until_phase(Phase.SUCCEEDED)


def hold(world: World, how: str) -> None:
    """Something that keeps the run from going on."""
    if how == "paused":
        world.edit(paused=True)
    elif how == "paused by hand":
        world.give(Verb.PAUSE)
    elif how == "Prometheus away":
        world.answerer = lambda question: None
    elif how == "stale":
        world.hold = Problem(reason="StaleCache", message="stale")
    elif how == "refused":
        world.refusal = Problem(reason="HostTaken", message="taken")
    elif how == "set by hand":
        world.by_hand(3)
    elif how == "contested":
        world.contested = Problem(reason="Contested", message="somebody")


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


# promote


def test_promote_skips_the_rest_of_a_step_and_no_more():
    world = progressing(1)
    world.give(Verb.PROMOTE).tick()
    assert (world.status.run.step, world.status.canary_weight) == (2, 25)
    assert answer(world) == (True, "the rest of step 2 is skipped; pods and gates still count")
    assert world.status.run.skip is Skip.NONE
    since = world.now
    world.until(lambda each: each.status.run.step == 3)

    assert world.now - since >= timedelta(seconds=60)


def test_promote_full_goes_straight_to_the_promotion():
    world = progressing(0, analysis=steps(5, 50, 90))
    world.give(Verb.PROMOTE, full=True)
    world.until_phase(Phase.SUCCEEDED)

    assert world.weights() == [0, 5, 0]
    assert world.primary.revision == V2
    assert world.status.message.endswith("; it was promoted by hand, before the end of its analysis")


def test_what_is_promoted_by_hand_is_said_not_to_have_passed():
    world = progressing(0)
    world.give(Verb.PROMOTE, full=True).tick()

    assert [note.message for note in world.status.outbox if note.reason == "Promoting"] == [
        f"{V2} is promoted by hand, before the end of its analysis, and is copied to the primary"
    ]


def test_promote_full_waits_for_pods():
    world = initialised().release(V2, healthy=False)
    world.until(lambda each: each.status.run is not None)
    world.settle()
    world.give(Verb.PROMOTE, full=True).rest(60)
    assert answer(world)[0]
    assert (world.status.phase, world.status.run.skip) == (Phase.PROGRESSING, Skip.REST)
    world.target.healthy = True

    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V2


def test_promote_full_waits_for_the_capacity_of_the_primary():
    world = progressing(0)
    world.primary.ready = 1
    world.primary.healthy = False
    world.give(Verb.PROMOTE, full=True).rest(60)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING_PROMOTION, "PrimaryLacksCapacity")
    world.primary.healthy = True

    world.until_phase(Phase.SUCCEEDED)


def test_a_promotion_by_hand_that_waits_is_still_rolled_back_by_a_failing_check():
    world = progressing(0, analysis=steps(5, 50, threshold=1))
    world.primary.ready = 1
    world.primary.healthy = False
    world.give(Verb.PROMOTE, full=True).settle()
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert world.status.reason == "CheckFailed"


def test_where_versions_lead_a_promotion_by_hand_waits_until_the_canary_can_carry_everybody():
    world = progressing(0, analysis=steps(10, 50), shares_pods=True, versions_stay=True)
    world.target.replicas = world.target.ready = world.target.updated = 1
    world.give(Verb.PROMOTE, full=True).settle()

    assert (world.status.phase, world.status.reason) == (Phase.PROGRESSING, "CanaryLacksCapacity")
    assert world.wish().canary_min == 3


def test_a_word_given_before_the_canary_lost_its_pods_is_not_kept():
    world = progressing(1)
    world.primary.ready = 1
    world.give(Verb.PROMOTE, full=True).decide()
    world.target.ready = 0
    world.decide()

    assert (world.status.run.step, world.status.run.skip) == (-1, Skip.NONE)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("paused", "spec.paused is set; clear it first"),
        ("paused by hand", "it is paused; `delivery resume reviews` first"),
        ("set by hand", "the weight is held at 3 % by hand; `delivery resume reviews` first"),
    ],
)
def test_promote_does_not_end_what_other_people_hold(how: str, says: str):
    world = progressing(2)
    hold(world, how)
    world.settle()
    world.give(Verb.PROMOTE).settle()

    assert refused(world) == says


def test_there_is_nothing_to_skip_before_the_first_step():
    world = initialised().release(V2, healthy=False)
    world.until(lambda each: each.status.run is not None)
    world.give(Verb.PROMOTE).settle()

    assert refused(world) == "no step has begun that could be skipped: the canary's pods are being made ready"


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


# pause and resume


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
