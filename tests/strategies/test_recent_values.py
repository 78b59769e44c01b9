"""The last few values of each check stand in the status, for people who want to see where they go."""

from dataclasses import replace

from metrics.verdict import Outcome, Verdict
from strategies.questions import Ask, Question
from strategies.rollout.budget import fit
from strategies.rollout.counting import MAX_RECENT
from strategies.rollout.size import size
from tests.strategies.test_full_status import worst
from tests.strategies.world import V2, healthy, initialised, steps


def rising(question: Question) -> Verdict | None:
    """Window n has n and a bit percent; every third cannot be measured."""
    if question.kind is not Ask.METRIC:
        return healthy(question)
    if question.window % 3 == 0:
        return Verdict(outcome=Outcome.ERROR, message="nobody answers")
    return Verdict(outcome=Outcome.PASS, value=question.window + 0.123456)


def test_the_last_values_are_kept_in_order_and_no_more_than_a_few() -> None:
    world = initialised(analysis=steps(5, 10, 15, 20, 25, 30, 35, 40, 45, 50)).release(V2)
    world.answerer = rising
    world.until(lambda each: each.status.canary_weight == 20)

    assert world.status.checks[0].recent == (1.123, 2.123, 4.123), "windows without a value leave no gap"
    world.until(lambda each: each.status.canary_weight == 50)
    (recent,) = {each.recent for each in world.status.checks}
    assert len(recent) == MAX_RECENT
    assert list(recent) == sorted(recent)


def test_a_new_run_begins_without_values() -> None:
    world = initialised(analysis=steps(5, 10)).release(V2)
    world.answerer = rising
    world.until(lambda each: bool(each.status.checks and each.status.checks[0].recent))
    world.release("v3")
    world.until(lambda each: each.status.run is not None and each.status.run.revision == "v3")

    assert not any(each.recent for each in world.status.checks)


def test_they_are_the_first_to_go_when_a_status_is_too_large() -> None:
    status = worst().status
    fitting = fit(replace(status, checks=tuple(replace(each, message="", limit="") for each in status.checks)))
    room = replace(fitting, checks=tuple(replace(each, recent=(1234.5,) * MAX_RECENT) for each in fitting.checks))
    while size(room) <= 4000:
        room = replace(room, message=room.message + "x" * 50)
    cut = fit(room)

    assert size(cut) <= 4000
    assert not any(each.recent for each in cut.checks)
    assert cut.outbox == room.outbox
    assert cut.history == room.history
