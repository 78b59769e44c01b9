"""The one work queue: keys in, one handler call per key at a time out.

Watches, timers, answers and commands all do the same thing, they name a Canary that deserves a look. The
queue turns that noise into work: a key is in it once however often it is named, is never handled twice at the
same time, waits longer after each failure, and passes the others when it is urgent (traffic has to be taken
away).

Nothing here iterates over a set and nothing polls: with a given event loop and a given random generator the
order is always the same, also on a loop that runs ready callbacks in any order.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from delivery.cluster.protocols import Clock

Handler = Callable[[str], Awaitable[None]]
OnError = Callable[[str, Exception, float], None]

FIRST_BACKOFF = 0.5  # seconds
MAX_BACKOFF = 60.0
NEWS_BACKOFF = 1.0
JITTER = 0.2
HANDLER_LIMIT = 300.0

log = structlog.get_logger(__name__)


class Retry(Exception):  # noqa: N818 - a request, not an error
    """Raised by a handler that wants the key again after `after` seconds (0 or more); not a failure."""

    def __init__(self, after: float) -> None:
        if after < 0:
            raise ValueError(f"after: {after!r} given, allowed: 0 or more seconds")
        super().__init__(f"again in {after:g} s")
        self.after = after


@dataclass(slots=True)
class _Backoff:
    """A key that waits for its next attempt: the pending call, when it is due and when it failed."""

    timer: asyncio.TimerHandle
    due: float
    failed: float


def _log_error(key: str, error: Exception, delay: float) -> None:
    log.error("tick failed", canary=key, retry_in_seconds=round(delay, 3), exc_info=error)


class WorkQueue:
    """Calls `handler` with each key that was added, never twice at once for the same key.

    - Urgent keys go first, then first in, first out. At most `workers` handlers run at once.
    - A key added while it is handled is handled once more afterwards.
    - A failed key comes back after 0.5 s, doubled by each further failure up to 60 s, less up to a fifth at
      random; success resets that. An urgent `add` ends the wait at once. A plain `add` brings the retry
      forward to 1 s after the failure, no further: an object that changes all the time does not defeat the
      backoff.
    - What was added *during* a failing attempt was perhaps added by the attempt itself: then urgent means the
      first backoff (0.5 s) and plain means 1 s, never at once.
    - An exception of a type in `fatal` ends `run` with that exception.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        workers: int = 8,
        clock: Clock,
        rng: random.Random,
        on_error: OnError = _log_error,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers: {workers!r} given, allowed: 1 or more")
        self._handler = handler
        self._workers = workers
        self._clock = clock
        self._rng = rng
        self._on_error = on_error
        self._fatal = fatal
        # Dictionaries stand in for ordered sets; their values are the monotonic times of the first `add`.
        self._urgent: dict[str, float] = {}
        self._normal: dict[str, float] = {}
        self._active: dict[str, float] = {}
        self._again: dict[str, bool] = {}
        self._backoffs: dict[str, _Backoff] = {}
        self._failures: dict[str, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._running = False
        self._started = 0.0

    # --- what goes in

    def add(self, key: str, *, urgent: bool = False) -> None:
        """Have `key` handled soon; cheap enough for every event. To be called in the loop's thread."""
        if key in self._active:
            self._again[key] = self._again.get(key, False) or urgent
        elif key in self._backoffs:
            self._hasten(key, urgent=urgent)
        else:
            self._enqueue(key, urgent=urgent)

    def _enqueue(self, key: str, *, urgent: bool) -> None:
        since = self._urgent.get(key, self._normal.get(key, self._clock.monotonic()))
        if urgent and key not in self._urgent:
            self._normal.pop(key, None)
            self._urgent[key] = since
        elif key not in self._urgent and key not in self._normal:
            self._normal[key] = since
        self._idle.clear()
        self._wake_one()

    def _hasten(self, key: str, *, urgent: bool) -> None:
        backoff = self._backoffs[key]
        now = self._clock.monotonic()
        due = now if urgent else max(now, backoff.failed + NEWS_BACKOFF)
        if urgent:
            self._end_backoff(key, urgent=True)
        elif due < backoff.due:
            backoff.timer.cancel()
            self._schedule(key, delay=due - now, failed=backoff.failed)

    def _schedule(self, key: str, *, delay: float, failed: float) -> None:
        timer = asyncio.get_running_loop().call_later(delay, self._end_backoff, key)
        self._backoffs[key] = _Backoff(timer, self._clock.monotonic() + delay, failed)

    def _end_backoff(self, key: str, *, urgent: bool = False) -> None:
        self._backoffs.pop(key).timer.cancel()
        self._enqueue(key, urgent=urgent)

    # --- what comes out

    async def run(self) -> None:
        """Handle keys until cancelled; handlers in progress are cancelled with it, other keys stay queued.

        Raises what a handler raised if its type is one of `fatal`; RuntimeError if it is running already.
        """
        if self._running:
            raise RuntimeError("the queue is running already")
        self._running, self._started = True, self._clock.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"worker {number}")
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self._running = False
            for key in tuple(self._backoffs):
                self._end_backoff(key)

    async def _work(self) -> None:
        while True:
            key = await self._next()
            try:
                await self._handle(key)
            finally:
                self._finish(key)

    async def _next(self) -> str:
        while not (self._urgent or self._normal):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        ready = self._urgent or self._normal
        key = next(iter(ready))
        del ready[key]
        self._active[key] = self._clock.monotonic()
        return key

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _handle(self, key: str) -> None:
        try:
            await self._handler(key)
        except self._fatal:
            raise
        except Retry as retry:
            self._failures.pop(key, None)
            self._back_off(key, retry.after)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._fail(key, RuntimeError("something that the handler waited for was cancelled"))
        except Exception as error:
            self._fail(key, error)
        else:
            self._failures.pop(key, None)

    def _fail(self, key: str, error: Exception) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        # The exponent is bounded because 2.0 ** 1100 would overflow on a key that has failed for a day.
        wanted = min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures - 1, 16))
        delay = wanted * (1.0 - JITTER * self._rng.random())
        self._on_error(key, error, self._back_off(key, delay))

    def _back_off(self, key: str, delay: float) -> float:
        urgent = self._again.pop(key, None)
        if urgent is not None:
            delay = min(delay, FIRST_BACKOFF if urgent else NEWS_BACKOFF)
        self._schedule(key, delay=delay, failed=self._clock.monotonic())
        return delay

    def _finish(self, key: str) -> None:
        del self._active[key]
        urgent = self._again.pop(key, None)
        if urgent is not None:
            self._enqueue(key, urgent=urgent)
        if not (self._active or self._urgent or self._normal):
            self._idle.set()

    # --- what can be seen of it

    async def drain(self) -> None:
        """Wait until nothing is queued or being handled. Keys that wait out a backoff do not count."""
        await self._idle.wait()

    @property
    def idle(self) -> bool:
        """Nothing is queued or being handled (keys in backoff do not count)."""
        return self._idle.is_set()

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._urgent) + len(self._normal)

    @property
    def active(self) -> tuple[str, ...]:
        """The keys being handled, longest first."""
        return tuple(self._active)

    @property
    def backing_off(self) -> tuple[str, ...]:
        """The keys that wait after a failure."""
        return tuple(self._backoffs)

    def failures(self, key: str) -> int:
        """How often `key` has failed since it last succeeded."""
        return self._failures.get(key, 0)

    def oldest_age(self) -> float:
        """Seconds for which the longest waiting key could have been handled; 0 when none waits.

        The time before `run` does not count: a follower's queue stands still, and that is as it should be.
        """
        since = [*self._urgent.values(), *self._normal.values()]
        if not since or not self._running:
            return 0.0
        return max(0.0, self._clock.monotonic() - max(self._started, min(since)))

    def probe(self) -> str:
        """Why this part is not healthy ("" if it is): not running, or a handler busy for over 5 minutes."""
        if not self._running:
            return "the work queue is not running"
        now = self._clock.monotonic()
        stuck = next((key for key, since in self._active.items() if now - since > HANDLER_LIMIT), None)
        return f"handling {stuck} has taken more than {HANDLER_LIMIT:g} s" if stuck else ""
