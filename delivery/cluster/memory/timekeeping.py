"""Time for the cluster in memory: virtual for tests, this machine's for people, behind the same Protocols."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from delivery.cluster.memory.virtual import VirtualLoop
from delivery.cluster.protocols import Clock

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall clock's time at a virtual loop's second 0."""


class VirtualClock:
    """`delivery.cluster.protocols.Clock` on virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()


class VirtualTimers:
    """`delivery.cluster.protocols.Timers` on virtual time. A timer belongs to the instance that set it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._pending: dict[str, asyncio.TimerHandle] = {}

    def set(self, key: str, at: datetime, fire: Callable[[], None]) -> None:
        self.cancel(key)

        def due() -> None:
            if self._pending.get(key) is handle:
                del self._pending[key]
            fire()

        handle = self._loop.call_at(max((at - EPOCH).total_seconds(), self._loop.time()), due)
        self._pending[key] = handle

    def cancel(self, key: str) -> None:
        handle = self._pending.pop(key, None)
        if handle is not None:
            handle.cancel()

    def pending(self) -> dict[str, datetime]:
        """When each pending call is due, by key."""
        return {key: EPOCH + timedelta(seconds=handle.when()) for key, handle in self._pending.items()}


class Schedule(Protocol):
    """What the workload controllers need of time: to know it, to be called later, and chance that is repeatable."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, UTC."""

    def call_later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        """Call after `delay` seconds."""

    def random(self, name: str) -> random.Random:
        """A generator of its own for `name`."""


class VirtualSchedule:
    """`Schedule` on virtual time: calls belong to the world, not to the process in whose step they were asked for."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop, self._clock = loop, VirtualClock(loop)

    def now(self) -> datetime:
        return self._clock.now()

    def call_later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self._loop.call_later(delay, call, *args, context=self._loop.world)

    def random(self, name: str) -> random.Random:
        return self._loop.random(name)


class RealSchedule:
    """`Schedule` on the running event loop. `seed` repeats delays, but not the order of events: time is real.

    What a call raises is handed to the event loop's exception handler, and the world goes on. `stop` is for good.
    """

    def __init__(self, clock: Clock, *, seed: int | str) -> None:
        self._clock, self._seed = clock, seed
        self._loop = asyncio.get_running_loop()
        self._stopped = False

    def now(self) -> datetime:
        return self._clock.now()

    def call_later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self._loop.call_later(delay, self._call, call, *args)

    def random(self, name: str) -> random.Random:
        return random.Random(f"{name}/{self._seed}")  # noqa: S311 - no secret

    def stop(self) -> None:
        """Call nothing any more."""
        self._stopped = True

    def _call(self, call: Callable[..., None], *args: Any) -> None:
        if not self._stopped:
            call(*args)
