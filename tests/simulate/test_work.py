"""How rollouts are shared among processes."""

import signal
import threading
from concurrent.futures import Future

import pytest

from delivery.simulate.rollout import Outcome
from delivery.simulate.work import _as_they_come

MANY = 50_000
LIMIT = 30.0


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_leaves_nothing_locked_on_which_the_pool_would_wait_for_ever() -> None:
    futures: list[Future[list[Outcome]]] = [Future() for _ in range(MANY)]
    arriving = _as_they_come(futures)
    before = signal.signal(signal.SIGALRM, _interrupted)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        with pytest.raises(KeyboardInterrupt):
            next(arriving)
    finally:
        signal.signal(signal.SIGALRM, before)

    others = threading.Thread(target=lambda: [each.cancel() for each in futures], daemon=True)
    others.start()
    others.join(LIMIT)
    assert not others.is_alive()
    assert all(each.cancelled() for each in futures)


def test_results_come_in_the_order_of_their_ends() -> None:
    first, second, third = (Future[list[Outcome]]() for _ in range(3))
    second.set_result([])
    arriving = _as_they_come([first, second, third])
    third.set_result([])
    first.set_result([])
    assert list(arriving) == [second, third, first]
