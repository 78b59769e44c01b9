"""A status that holds more than it has room for: what is given up first, and what stays."""

import json
from dataclasses import replace
from datetime import timedelta

from delivery.api.status import dump
from metrics.verdict import MEMORIES_BYTES, MEMORY_BYTES, Evidence, Outcome
from strategies.commands import MAX_BY, MAX_ID, MAX_REASON
from strategies.gates import GateKind, GateRecord, Word
from strategies.rollout.budget import MAX_BYTES, fit
from strategies.rollout.commanding import EARLIER, MAX_ANSWER
from strategies.rollout.conditions import ORDER
from strategies.rollout.size import size
from strategies.rollout.turn import MAX_OUTBOX
from strategies.snapshot import Problem
from strategies.spec import CheckSpec, GateSpec
from strategies.status import (
    Announcement,
    Answered,
    Check,
    Condition,
    Past,
    Pause,
    Result,
    Status,
)
from tests.strategies.world import START, V2, V3, World, initialised, progressing, steps

LONG = "x" * 1000


def bytes_written(status: Status) -> int:
    return len(json.dumps(dump(status), ensure_ascii=False, separators=(",", ":")).encode())


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

    assert bytes_written(world.status) < 4096
    assert world.status.history
    assert world.status.run is not None
    assert len(world.status.conditions) == 6


def test_a_status_that_had_to_be_shortened_comes_to_rest():
    world = worst()
    world.settle()
    before = len(world.journal)
    world.settle()

    assert len(world.journal) == before
    assert bytes_written(world.status) < 4096


def test_an_ordinary_status_loses_nothing():
    world = initialised(analysis=steps(5, 10, 25, threshold=2)).release(V2)
    world.until(lambda each: each.status.canary_weight == 10)
    assert bytes_written(world.status) < 3000
    assert world.status.message == "at 10 %, windows are being judged"
