"""A loop whose time is virtual and whose ready callbacks run in any order, and a clock that follows it."""

import asyncio
import heapq
import random
import selectors
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2030, 1, 1, tzinfo=UTC)


class _NoWaiting(selectors.SelectSelector):
    """Never sleeps: when the loop would wait for a timer, virtual time moves there instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is pending")
        if not ready and timeout:
            self.loop.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time which shuffles what is ready by a seed."""

    def __init__(self, seed: int) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self.elapsed = 0.0
        self.rng = random.Random(seed)
        super().__init__(selector)

    def time(self) -> float:
        return self.elapsed

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._when <= self.elapsed:  # type: ignore[attr-defined]
            handle = heapq.heappop(self._scheduled)  # type: ignore[attr-defined]
            handle._scheduled = False
            self._ready.append(handle)  # type: ignore[attr-defined]
        ready = list(self._ready)  # type: ignore[attr-defined]
        self.rng.shuffle(ready)
        self._ready: deque[Any] = deque(ready)
        super()._run_once()  # type: ignore[misc]


@dataclass
class LoopClock:
    """A clock that follows a virtual loop."""

    loop: VirtualLoop

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.elapsed)

    def monotonic(self) -> float:
        return self.loop.elapsed


@dataclass
class World:
    """Runs a coroutine to its end in virtual time."""

    seed: int = 0
    loop: VirtualLoop = field(init=False)
    clock: LoopClock = field(init=False)

    def __post_init__(self) -> None:
        self.loop = VirtualLoop(self.seed)
        self.clock = LoopClock(self.loop)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        try:
            self.loop.run_until_complete(story)
        finally:
            self.loop.close()
