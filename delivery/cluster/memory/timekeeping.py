"""The clock and the timers of the virtual loop, behind the same Protocols as the real ones."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from delivery.cluster.memory.virtual import VirtualLoop

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
