"""A circuit breaker: who has not answered several times in a row is left alone for a while.

Without it, one dead server would hold every thread for a whole timeout per question, and the questions to healthy
servers would wait behind. After the pause one question is let through as a probe; its outcome decides.
"""

from collections.abc import Callable


class Breaker:
    """Opens after `failures` failures in a row, for `pause` seconds. Used from one thread only."""

    def __init__(self, *, monotonic: Callable[[], float], failures: int = 5, pause: float = 30.0) -> None:
        self._monotonic = monotonic
        self._limit = failures
        self._pause = pause
        self._failed = 0
        self._retry_at: float | None = None
        self._probing = False

    def permit(self) -> bool:
        """May a question be asked now? True obliges to report its outcome: succeeded, failed or abandoned."""
        if self._retry_at is None:
            return True
        if self._probing or self._monotonic() < self._retry_at:
            return False
        self._probing = True
        return True

    @property
    def retry_in(self) -> float:
        """Seconds until a question may be asked again, 0 if it may now."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - self._monotonic())

    def succeeded(self) -> None:
        """There was an answer: all is well again."""
        self._failed, self._retry_at, self._probing = 0, None, False

    def failed(self) -> None:
        """There was no answer."""
        self._failed += 1
        if self._probing or (self._retry_at is None and self._failed >= self._limit):
            self._retry_at = self._monotonic() + self._pause
        self._probing = False

    def abandoned(self) -> None:
        """Nobody waited for the answer: it says nothing about the server."""
        self._probing = False
