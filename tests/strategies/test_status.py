"""The status: small, honest, written only when something has happened."""

import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from delivery.api.status import dump
from metrics.verdict import MEMORIES_BYTES, MEMORY_BYTES, Evidence, Outcome
from strategies.commands import MAX_BY, MAX_ID, MAX_REASON
from strategies.gates import GateKind, GateRecord, Word
from strategies.json_names import camel
from strategies.rollout.budget import MAX_BYTES, fit
from strategies.rollout.commanding import EARLIER, MAX_ANSWER
from strategies.rollout.conditions import ORDER
from strategies.rollout.size import size
from strategies.rollout.turn import MAX_OUTBOX, base36
from strategies.snapshot import Problem, Routes
from strategies.spec import CheckSpec, GateSpec
from strategies.status import (
    Announcement,
    Answered,
    Check,
    Condition,
    Past,
    Pause,
    Phase,
    Posted,
    Result,
    Run,
    Stage,
    Status,
)
from tests.strategies.world import START, V1, V2, V3, World, failing, initialised, progressing, saying, steps


def written(status: Status) -> str:
    """The status as JSON: camelCase names, nothing empty, instants as Kubernetes writes them."""

    def bare(value):
        if isinstance(value, dict):
            return {camel(name): bare(each) for name, each in value.items() if each not in (None, "", ())}
        return [bare(each) for each in value] if isinstance(value, list | tuple) else value

    text = bare(asdict(status))
    return json.dumps(
        text, separators=(",", ":"), ensure_ascii=False, default=lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    )


# Telling people


def test_a_note_is_struck_with_the_next_change_after_it_was_delivered():
    world = initialised().release(V2)
    world.until(lambda each: each.status.canary_weight == 10)

    assert [note.reason for note in world.status.outbox] == ["Advanced"]  # those before were delivered


def test_notes_delivered_at_rest_are_struck_within_a_minute():
    world = initialised().release(V2)
    world.until_phase(Phase.SUCCEEDED)
    ended = world.now
    world.until_quiet()

    assert world.status.outbox == ()
    assert world.now <= ended + timedelta(seconds=60)


def test_what_was_posted_is_kept_with_the_next_change_and_until_another_run_has_begun():
    world = initialised().release(V2)
    world.until(lambda each: each.status.canary_weight == 10)
    run = world.status.run.id
    world.posted = (Posted(to="slack", run=run, word="C1:1.2"), Posted(to="slack", run="another", word="C1:0.1"))
    assert world.status.posted == ()
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.posted == world.posted[:1]
    world.posted = ()
    world.release(V3)
    world.until(lambda each: each.status.run is not None)
    world.until(lambda each: each.status.canary_weight == 10)
    world.posted = (Posted(to="slack", run=world.status.run.id, word="C1:3.4"),)
    world.until_phase(Phase.SUCCEEDED)
    assert world.status.posted == world.posted


def test_notes_that_nobody_could_be_told_are_kept_within_bounds_and_warnings_longest():
    world = initialised(analysis=steps(1, 2, 3, 4, 5, 6, 7, 8, 9, threshold=100))
    world.delivering = False
    world.answerer = lambda q: failing(q) if q.window == 1 and q.name != "traffic" else saying(Outcome.PASS)(q)
    world.release(V2)
    world.until_phase(Phase.PROMOTING)

    assert len(world.status.outbox) == MAX_OUTBOX
    assert "CheckFailed" in [note.reason for note in world.status.outbox]


def test_the_ids_of_notes_are_unique_for_ever():
    # given a full outbox, and several notes with the same reason in one moment
    checks = tuple(CheckSpec(name=f"check-{number}", window_seconds=60.0 + number) for number in range(4))
    world = progressing(0, checks=checks, analysis=steps(5, threshold=1000))
    world.delivering = False
    world.answerer = failing
    ids: list[str] = []
    for _ in range(40):
        known = {note.id for note in world.status.outbox}
        world.now += timedelta(seconds=70)
        world.settle()
        ids += [note.id for note in world.status.outbox if note.id not in known]
    told = {note.id for note in world.status.outbox}

    assert len(ids) == len(set(ids))
    assert len(told) == len(world.status.outbox) == MAX_OUTBOX


def test_the_ids_of_notes_may_stand_in_an_objects_name():
    world = initialised().release(V2)
    world.until_phase(Phase.SUCCEEDED)
    for status in world.journal:
        for note in status.outbox:
            assert note.id == note.id.lower()
            assert all(letter.isalnum() or letter == "-" for letter in note.id)
            assert len(note.id) < 80


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (35, "z"), (36, "10"), (1709326515968, "lt94vgu8")])
def test_base_36(number, text):
    assert int(text, 36) == number
    assert base36(number) == text


# Conditions


def test_a_conditions_transition_time_changes_with_its_status_only():
    world = progressing(0)
    world.answerer = saying(Outcome.INCONCLUSIVE, "3 requests")
    world.until(lambda each: each.condition("AnalysisHealthy") == ("False", "NoData"))
    since = world.status.condition("AnalysisHealthy").last_transition_time
    world.answerer = saying(Outcome.ERROR, "refused")
    world.until(lambda each: each.condition("AnalysisHealthy") == ("False", "MetricsUnavailable"))

    assert world.status.condition("AnalysisHealthy").last_transition_time == since
    assert world.now > since


def test_conditions_follow_the_generation_that_was_seen():
    world = initialised().edit(analysis=steps(1, 2))
    world.settle()

    assert world.status.observed_generation == 2
    assert {each.observed_generation for each in world.status.conditions} == {2}


def test_a_condition_that_turns_bad_is_told_once():
    world = initialised()
    world.refusal = Problem(reason="HostTaken", message="VirtualService other has the host; remove it")
    world.rest(3600)

    assert world.told == ["HostTaken"]
    assert world.condition("Ready") == ("False", "HostTaken")


def test_traffic_synced_turns_false_when_converge_failed_or_takes_too_long():
    world = initialised()

    def seen(**routes) -> tuple[str, str]:
        live = replace(world.snapshot(), routes=Routes(canary_weight=40, **routes))
        world.snapshot = lambda: live  # type: ignore[method-assign]
        world.decide()
        return world.condition("TrafficSynced")

    class Seen(World):
        """A world whose routes are as the story says."""

    world = Seen(**{name: getattr(world, name) for name in World.__dataclass_fields__})
    assert world.condition("TrafficSynced") == ("True", "Synced")
    assert seen(failing_seconds=3.0) == ("True", "Synced")
    assert seen(failing_seconds=11.0) == ("False", "NotConverged")
    denied = Problem(reason="WriteDenied", message="may not patch virtualservices")
    assert seen(failing_seconds=1.0, problem=denied) == ("False", "WriteDenied")
    assert seen(in_sync=True) == ("True", "Synced")


def test_the_fence_is_recorded_while_a_run_is_open_and_not_at_rest():
    world = initialised()
    world.epoch = 7
    world.settle()
    assert world.journal == []

    world.release(V2).settle()
    assert world.status.fence == 7
    world.epoch = 8
    world.decide()
    assert world.status.fence == 8


def test_an_idle_tick_changes_nothing():
    world = initialised()
    for _ in range(5):
        world.rest(86400)

    assert world.journal == []
    assert (world.decision.wake_at, world.decision.questions) == (None, frozenset())


# Size


LONG = "x" * 1000


def past_run(number: int) -> Past:
    """A run that is over, at its longest."""
    ended = START - timedelta(days=1)
    return Past(
        id=f"222222-lt94vgu{number}",
        revision=V3,
        started=ended,
        ended=ended,
        result=Result.ROLLED_BACK,
        reason="ProgressDeadlineExceeded",
        weight=50,
        floor=100,
    )


def note(number: int) -> Announcement:
    """Something that nobody could be told, at its longest."""
    return Announcement(
        id=f"222222-lt94vgu8-{number}-progressdeadlineexceeded",
        at=START,
        reason="ProgressDeadlineExceeded",
        message=LONG[:240],
        warning=True,
    )


def judged(name: str) -> Check:
    """A check after many windows, at its longest."""
    return Check(
        name=name,
        window=1000,
        end=START,
        outcome=Outcome.ERROR,
        value=0.123456789012345,
        limit=LONG[:60],
        message=LONG[:160],
        passes=1000,
    )


def worst() -> World:
    """Everything that a status can hold, at its longest, in the middle of a run."""
    world = progressing(
        0, checks=tuple(CheckSpec(name=f"a-metric-with-a-long-name-{n}", window_seconds=60) for n in "12345")
    )
    world.status = replace(
        world.status,
        message=LONG[:240],
        history=tuple(past_run(n) for n in range(5)),
        outbox=tuple(note(n) for n in range(MAX_OUTBOX)),
        checks=tuple(judged(spec.name) for spec in world.spec.checks),
    )
    bad = Problem(reason="SomethingIsVeryWrong", message=LONG)
    world.refusal = world.hold = world.contested = bad
    world.delivering = False
    world.edit(blocking=tuple(f"analysis.webhooks[{n}].rollback" for n in range(50)))
    world.writable = False
    return world


def remembering(world: World) -> World:
    """With the longest memories and evidence that judges may have."""
    evidence = Evidence(
        canary_requests=123456.789,
        canary_bad=12345.678,
        primary_requests=123456.789,
        primary_bad=12345.678,
        strength=12.3456,
        needed=300.0,
        edge=1234.5,
        missing=12345.678,
        load=1.2345,
        changed_by="y" * 160,
    )
    memories = ("m" * MEMORY_BYTES, "m" * (MEMORIES_BYTES - MEMORY_BYTES), "", "", "")
    undecided = [replace(check, outcome=Outcome.INCONCLUSIVE, evidence=evidence) for check in world.status.checks]
    checks = (
        replace(check, judge="compare 25/0.3333/0.1" if memory else "", memory=memory)
        for check, memory in zip(undecided, memories, strict=True)
    )
    world.status = replace(world.status, checks=tuple(checks))
    return world


def test_memories_are_never_cut_and_the_status_stays_under_4_kb():
    world = remembering(worst())
    world.decide()

    assert size(world.status) <= MAX_BYTES < 4096
    assert [len(check.memory) for check in world.status.checks] == [MEMORY_BYTES, 250, 0, 0, 0]
    assert all(check.undecided for check in world.status.checks)
    assert {each.reason for each in world.status.conditions} >= {"SomethingIsVeryWrong", "FieldsWithoutEffect"}


def test_which_gates_are_open_stays_in_a_full_status():
    world = remembering(worst())
    long = [GateSpec(name=f"{number}".ljust(24, "x"), before=GateKind.TRAFFIC_INCREASE) for number in range(4)]
    gates = tuple(
        GateRecord(
            gate=each.name, of=world.status.run.id, word=Word.PROCEEDED, at=world.now, by="b" * 80, reason="r" * 80,
            approval="a" * 200,
        )
        for each in long
    )  # fmt: skip
    world.status = replace(world.status, gates=gates)
    world.edit(gates=tuple(long)).decide()

    assert size(world.status) <= MAX_BYTES < 4096
    assert [each.gate for each in world.status.gates] == [each.name for each in long]
    assert all(each.is_of(world.status.run.id) and each.word.opens for each in world.status.gates)
    before = world.status
    world.decide()
    assert world.status == before


def commanded(world: World) -> World:
    """With the longest answer to a command, and the longest pause."""
    ids = tuple(f"{number}" * MAX_ID for number in range(1 + EARLIER))
    by, reason = "b" * MAX_BY, "r" * MAX_REASON
    told = {"verb": "restart", "by": by, "message": "m" * MAX_ANSWER, "earlier": ids[1:]}
    command = Answered(id=ids[0], at=world.now, accepted=False, **told)
    world.status = replace(world.status, command=command, paused=Pause(since=world.now, by=by, reason=reason))
    return world


def everything() -> World:
    """All that a status can hold at once, and what must not be given up in each part of it."""
    world = commanded(remembering(worst()))
    gates = tuple(GateSpec(name=f"{number}".ljust(24, "x"), before=GateKind.TRAFFIC_INCREASE) for number in range(4))
    opened = (
        GateRecord(gate=each.name, of=world.status.run.id, word=Word.PROCEEDED, at=world.now, by="b" * 80)
        for each in gates
    )
    world.status = replace(world.status, gates=tuple(opened))
    return world.edit(gates=gates)


def bytes_written(status: Status) -> int:
    return len(json.dumps(dump(status), ensure_ascii=False, separators=(",", ":")).encode())


def test_a_full_status_of_which_nothing_more_can_be_given_up_is_not_much_larger_and_comes_to_rest():
    world = everything()
    world.decide()

    assert bytes_written(world.status) < 4200  # see ARCHITECTURE.md: this much and no more over what was promised
    assert [len(check.memory) for check in world.status.checks] == [MEMORY_BYTES, 250, 0, 0, 0]
    assert all(check.undecided for check in world.status.checks)
    assert len(world.status.gates) == 4
    assert (world.status.command.id, world.status.paused.by) == ("0" * MAX_ID, "b" * MAX_BY)
    before = world.status
    world.decide()
    assert world.status == before


def test_a_full_status_with_every_condition_that_there_is_has_less_than_5500_bytes():
    world = everything()
    conditions = tuple(
        Condition(
            type=each, status="Unknown", reason="ProgressDeadlineExceeded", message=LONG[:240],
            last_transition_time=START, observed_generation=12345,
        )
        for each in ORDER
    )  # fmt: skip

    assert bytes_written(fit(replace(world.status, conditions=conditions))) < 5500


def test_who_paused_it_and_which_command_was_answered_stay_in_a_full_status():
    world = commanded(worst())
    world.decide()

    assert size(world.status) <= MAX_BYTES < 4096
    assert world.status.command.id == "0" * MAX_ID
    assert world.status.paused.by == "b" * MAX_BY
    assert world.condition("Paused") == ("True", "PausedByHand")


def test_a_status_stays_under_4_kb():
    world = worst()
    world.decide()

    assert len(written(world.status).encode()) < 4096
    assert world.status.history
    assert world.status.run is not None
    assert len(world.status.conditions) == 6


def test_a_status_that_had_to_be_shortened_comes_to_rest():
    world = worst()
    world.settle()
    before = len(world.journal)
    world.settle()

    assert len(world.journal) == before
    assert len(written(world.status).encode()) < 4096


def test_an_ordinary_status_loses_nothing():
    world = initialised(analysis=steps(5, 10, 25, threshold=2)).release(V2)
    world.until(lambda each: each.status.canary_weight == 10)
    assert len(written(world.status)) < 3000
    assert world.status.message == "at 10 %, windows are being judged"


def test_a_runs_values_are_plain():
    run = Run(id="a-1", revision=V1, started=START)
    status = Status(run=run, phase=Phase.PROGRESSING, stage=Stage.NONE)
    condition = Condition(type="Ready", status="True", reason="Watching", last_transition_time=START)
    assert replace(status, conditions=(condition,)).condition("Ready") is condition
    assert status.condition("Ready") is None
    assert camel("last_applied_spec") == "lastAppliedSpec"
