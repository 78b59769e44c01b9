"""The status: small, honest, written only when something has happened."""

from dataclasses import replace
from datetime import timedelta

import pytest

from metrics.verdict import Outcome
from strategies.json_names import camel
from strategies.rollout.turn import MAX_OUTBOX, base36
from strategies.snapshot import Problem, Routes
from strategies.spec import CheckSpec
from strategies.status import (
    Condition,
    Phase,
    Posted,
    Run,
    Stage,
    Status,
)
from tests.strategies.world import START, V1, V2, V3, World, failing, initialised, progressing, saying, steps


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


def test_a_runs_values_are_plain():
    run = Run(id="a-1", revision=V1, started=START)
    status = Status(run=run, phase=Phase.PROGRESSING, stage=Stage.NONE)
    condition = Condition(type="Ready", status="True", reason="Watching", last_transition_time=START)
    assert replace(status, conditions=(condition,)).condition("Ready") is condition
    assert status.condition("Ready") is None
    assert camel("last_applied_spec") == "lastAppliedSpec"
