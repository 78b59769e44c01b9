"""What the virtual loop executes: handles that know whose they are and can be told in words.

Apart from the loop, because the rest of the simulation (the transport, the tests' stories) speaks of
instances and steps too.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

WORLD = "world"
"""The instance of everything that is no simulated process: API server, kubelets, the test itself."""

INSTANCE: ContextVar[str] = ContextVar("instance", default=WORLD)
"""The simulated process to which the running code belongs."""


class StuckError(RuntimeError):
    """The simulation can't go on: a livelock (too many steps), or nothing left that could end a wait."""


class InstanceError(RuntimeError):
    """A spawned coroutine or a callback ended with an exception that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One executed handle: its number, the virtual time in seconds, whose it was and what it called."""

    number: int
    time: float
    instance: str
    label: str

    def __str__(self) -> str:
        return f"#{self.number} {self.time:.6f} {self.instance} {self.label}"


def label_of(callback: Callable[..., object]) -> str:
    """What a handle calls, in words that are the same in every run: a task's name or a function's."""
    owner: Any = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return owner.get_name()
    return str(getattr(callback, "__qualname__", type(callback).__name__))


class ReadyHandle(asyncio.Handle):
    """A handle with the instance to which it belongs and what it calls (kept after a cancellation)."""

    __slots__ = ("calls", "instance")
    calls: Callable[..., object]
    instance: str


class Timer(asyncio.TimerHandle):
    """A timer with the instance to which it belongs and what it calls (kept after a cancellation)."""

    __slots__ = ("calls", "instance")
    calls: Callable[..., object]
    instance: str


class NumberedTask(asyncio.Task[Any]):
    """A task that hashes by its number: sets of tasks (asyncio's task groups keep one) have the same order again."""

    def __init__(self, number: int, coro: Any, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class NumberedFuture(asyncio.Future[Any]):
    """A future that hashes by its number, as NumberedTask."""

    def __init__(self, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(**options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


AnyHandle = ReadyHandle | Timer
