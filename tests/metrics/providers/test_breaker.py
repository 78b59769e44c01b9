"""A server that does not answer is left alone for a while."""

import pytest

from metrics.providers.breaker import Breaker
from tests.metrics.conftest import ManualClock


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(monotonic=clock, failures=5, pause=30)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.permit()
        breaker.failed()


def test_it_opens_after_five_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 5)
    assert not breaker.permit()
    assert breaker.retry_in == 30


def test_an_answer_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)
    assert breaker.permit()


def test_after_the_pause_one_probe_is_let_through_and_closes_it(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 5)
    clock.now += 30
    assert breaker.permit()
    assert not breaker.permit()
    breaker.succeeded()
    assert breaker.permit()
    assert breaker.retry_in == 0


def test_a_failed_probe_opens_it_again_for_the_whole_pause(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 5)
    clock.now += 30
    fail(breaker, 1)
    clock.now += 29
    assert not breaker.permit()
    clock.now += 1
    assert breaker.permit()


def test_an_abandoned_probe_lets_the_next_one_through(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 5)
    clock.now += 30
    assert breaker.permit()
    breaker.abandoned()
    assert breaker.permit()


def test_late_failures_of_earlier_questions_do_not_prolong_the_pause(breaker: Breaker, clock: ManualClock) -> None:
    for _ in range(8):
        assert breaker.permit()
    for _ in range(5):
        breaker.failed()
    clock.now += 20
    for _ in range(3):
        breaker.failed()
    assert breaker.retry_in == 10
