"""Judges that learn over the windows of a run: what they know stands in the status, and a crash changes nothing."""

from dataclasses import replace
from datetime import timedelta

from metrics.verdict import MEMORY_BYTES, Evidence, Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.spec import Policy
from strategies.status import Phase
from tests.strategies.world import DURATION, SUCCESS_RATE, V3, World, healthy, progressing, steps

COMPARED = replace(SUCCESS_RATE, judge="compare 25/1/0.1")
EVIDENCE = Evidence(
    canary_requests=1204,
    canary_bad=57,
    primary_requests=4790,
    primary_bad=11,
    changed_by="it would have passed with at most 12 failed requests",
)


def learning(question: Question) -> Verdict | None:
    """Each window adds one letter to what is known; ten letters are enough to fail."""
    if question.kind is not Ask.METRIC:
        return healthy(question)
    memory = question.memory + "abcdefghij"[len(question.memory)]
    outcome = Outcome.FAIL if len(memory) == 10 else Outcome.INCONCLUSIVE
    return Verdict(outcome, message="compared", memory=memory, evidence=EVIDENCE)


def compared(**changes: object) -> World:
    world = progressing(
        0, **{"checks": (COMPARED,), "analysis": steps(20, threshold=1, on_inconclusive=Policy.HOLD), **changes}
    )
    world.answerer = learning
    return world


def asked(world: World) -> list[Question]:
    return [each for each in world.asked if each.kind is Ask.METRIC]


def test_each_window_is_asked_with_the_memory_of_the_windows_before_it():
    world = compared()
    world.until_phase(Phase.FAILED)

    assert [each.memory for each in asked(world)] == ["abcdefghij"[:count] for count in range(10)]
    assert [each.window for each in asked(world)] == list(range(1, 11))
    assert {each.judge for each in asked(world)} == {COMPARED.judge}


def test_after_a_crash_the_same_is_asked_with_the_same_memory_and_ends_the_same():
    undisturbed = compared()
    undisturbed.until_phase(Phase.FAILED)

    world = compared()
    for _ in range(400):
        world.answers.clear()  # killed before an answer was recorded
        world.tick()
        world.tick()
        if world.status.phase is Phase.FAILED:
            break
        world.now = world.decision.wake_at or world.now

    assert world.status.checks == undisturbed.status.checks
    assert asked(world) == asked(undisturbed)


def test_windows_missed_during_an_absence_are_judged_one_after_the_other():
    world = compared()
    world.now += timedelta(hours=1)
    world.until_phase(Phase.FAILED)

    assert [each.memory for each in asked(world)] == ["abcdefghij"[:count] for count in range(10)]


def test_other_settings_begin_without_a_memory():
    world = compared()
    world.until(lambda each: bool(each.status.checks) and each.status.checks[0].memory == "abc")
    world.asked.clear()

    world.edit(checks=(replace(COMPARED, judge="compare 50/1/0.1"),))
    world.until(lambda each: bool(asked(each)))

    assert asked(world)[0].memory == ""


def test_an_error_takes_nothing_from_the_memory():
    world = compared()
    world.until(lambda each: bool(each.status.checks) and each.status.checks[0].memory == "abc")
    world.answerer = lambda question: Verdict(Outcome.ERROR, message="away")
    world.until(lambda each: each.status.checks[0].outcome is Outcome.ERROR)

    assert world.status.checks[0].memory == "abc"


def test_a_new_run_begins_without_a_memory():
    world = compared()
    world.until(lambda each: bool(each.status.checks) and each.status.checks[0].memory == "abc")
    world.asked.clear()

    world.release(V3)
    world.until(lambda each: bool(asked(each)))

    assert asked(world)[0].memory == ""


def test_a_memory_that_no_status_has_room_for_is_an_error_and_nothing_is_forgotten():
    world = compared()
    world.until(lambda each: bool(each.status.checks) and each.status.checks[0].memory == "abc")
    world.answerer = lambda question: Verdict(Outcome.INCONCLUSIVE, memory="x" * (MEMORY_BYTES + 1))
    world.until(lambda each: each.status.checks[0].outcome is Outcome.ERROR)

    assert world.status.checks[0].memory == "abc"
    assert "bytes" in world.status.checks[0].message
    assert world.status.phase is Phase.PROGRESSING


def test_the_evidence_of_the_last_window_stands_beside_its_check():
    world = compared()
    world.until(lambda each: bool(each.status.checks))

    assert world.status.checks[0].evidence == EVIDENCE


def test_evidence_is_recorded_in_few_digits_and_only_in_numbers_that_json_has():
    long = replace(EVIDENCE, strength=float("inf"), canary_bad=1 / 3, load=0.123456789)
    world = compared()
    world.answerer = lambda question: Verdict(Outcome.INCONCLUSIVE, evidence=long)
    world.until(lambda each: bool(each.status.checks))

    assert world.status.checks[0].evidence == replace(EVIDENCE, canary_bad=0.333, load=0.123)


def test_memories_of_all_checks_together_have_a_limit_too():
    other = replace(DURATION, judge="compare 25/1/0.1")
    world = compared(checks=(COMPARED, other))
    world.answerer = lambda question: healthy(question)._replace(memory="x" * 1000)
    world.until(lambda each: len(each.status.checks) == 2)

    assert [(check.outcome, len(check.memory)) for check in world.status.checks] == [
        (Outcome.PASS, 1000),
        (Outcome.ERROR, 0),
    ]
