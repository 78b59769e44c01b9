"""An event loop in which time is virtual and the order of everything is drawn from a seed.

A rollout controller fails in the orders of events that nobody thought of. Here each handle that is ready may
be the next one, so every interleaving of awaits can occur; which one does is a function of the seed alone, so
a failure found once is found again. Nothing waits: when nothing is ready, time jumps to the next timer.

Several simulated processes ("instances") share the loop. A context variable says to which one a handle
belongs, so that one of them can be paused (SIGSTOP) or killed (SIGKILL) while the others and the world go on.
"""

import asyncio
import random
import sys
from asyncio import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from delivery.cluster.memory.agenda import Agenda
from delivery.cluster.memory.burial import bury
from delivery.cluster.memory.handles import (
    INSTANCE,
    WORLD,
    AnyHandle,
    InstanceError,
    NumberedFuture,
    NumberedTask,
    ReadyHandle,
    Step,
    StuckError,
    Timer,
    label_of,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class VirtualLoop(asyncio.BaseEventLoop):
    """A single-threaded event loop without I/O and without a wall clock.

    `seed` decides the order of ready handles; None means first in, first out. `max_steps` bounds the handles executed
    in the loop's life and `max_steps_per_instant` those without time passing; over either, StuckError tells the last
    steps. `on_step` is called after every executed handle; what it raises ends the run and reaches its caller.
    """

    def __init__(
        self, seed: int | None = 0, *, max_steps: int = 5_000_000, max_steps_per_instant: int = 100_000
    ) -> None:
        super().__init__()
        self.seed = seed
        self.on_step: Callable[[], None] | None = None
        self.errors: list[str] = []
        self.steps = 0
        self.world = copy_context()
        self.world.run(INSTANCE.set, WORLD)
        self._agenda = Agenda(seed)
        self._max_steps, self._max_instant = max_steps, max_steps_per_instant
        self._now, self._instant_steps, self._sequence = 0.0, 0, 0
        self._prune_tasks_at = 1000
        self._live_tasks: list[asyncio.Task[Any]] = []
        self._names: dict[str, int] = {}
        self._recent: deque[tuple[int, float, AnyHandle]] = deque(maxlen=30)
        self._failures: list[tuple[str, BaseException]] = []
        self._closing = False
        self.set_exception_handler(self._on_error)

    # -- what asyncio asks of a loop

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Make `callback` one of the handles that may be next."""
        self._check_open()
        context = copy_context() if context is None else context
        handle = ReadyHandle(callback, args, self, context)
        handle.instance, handle.calls = context.get(INSTANCE, WORLD), callback
        self._agenda.push(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call after `delay` virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call when the virtual time is `when`; if that is past, as one of the handles that are ready now."""
        self._check_open()
        context = copy_context() if context is None else context
        timer = Timer(when, callback, args, self, context)
        timer.instance, timer.calls = context.get(INSTANCE, WORLD), callback
        self._sequence += 1
        self._agenda.schedule(when, self._sequence, timer)
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        """A future whose place in sets is the same in every run."""
        self._sequence += 1
        return NumberedFuture(self._sequence, loop=self)

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None, **kwargs: Any
    ) -> asyncio.Task[Any]:
        """A task whose name is the same in every run, kept until it is done or the loop is closed."""
        self._check_open()
        if name is None:
            base = str(getattr(coro, "__qualname__", "task"))
            self._names[base] = number = self._names.get(base, 0) + 1
            name = f"{base}-{number}"
        self._sequence += 1
        task = NumberedTask(self._sequence, coro, loop=self, name=str(name), context=context, **kwargs)
        self._live_tasks.append(task)
        if len(self._live_tasks) > self._prune_tasks_at:
            self._live_tasks = [task for task in self._live_tasks if not task.done()]
            self._prune_tasks_at = max(1000, 2 * len(self._live_tasks))
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: a thread would bring real time and a foreign order into the simulation."""
        raise RuntimeError(
            "run_in_executor on a VirtualLoop: threads can't be replayed; give the simulation an async "
            "replacement of what runs in a thread"
        )

    def close(self) -> None:
        """Close, and let go of every task that is still pending without a word."""
        if self.is_closed() or self.is_running():
            super().close()
            return
        self._closing = True
        while self._live_tasks:
            bury(self._live_tasks.pop())
        self._agenda.clear()
        self._recent.clear()
        super().close()

    # -- simulated processes

    def spawn(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        instance: str = WORLD,
        on_exit: Callable[[BaseException | None], None] | None = None,
    ) -> asyncio.Task[T]:
        """Run `coro` as (part of) the process `instance`.

        `on_exit` is told, in the world, how it ended (None: returned or cancelled). Without it an exception
        makes run_until or advance raise InstanceError. A killed process never ends. SystemExit kills its
        instance.
        """
        if self._agenda.is_dead(instance):
            coro.close()
            raise ValueError(f"spawn: instance {instance!r} was killed; a new process needs a new name")
        context = copy_context()
        context.run(INSTANCE.set, instance)
        task: asyncio.Task[T] = self.create_task(coro, context=context)

        def ended(task: asyncio.Task[T]) -> None:
            error = None if task.cancelled() else task.exception()
            if on_exit is not None:
                on_exit(error)
            elif error is not None:
                self._failures.append((instance, error))

        task.add_done_callback(ended, context=self.world.copy())
        return task

    def pause(self, instance: str) -> None:
        """Stop a process (SIGSTOP): its ready handles and due timers are set aside while time goes on."""
        self._refuse_world("pause", instance)
        self._agenda.pause(instance)

    def resume(self, instance: str) -> None:
        """Let a paused process go on (SIGCONT); everything that came due meanwhile is ready at once."""
        self._agenda.resume(instance)

    def kill(self, instance: str) -> None:
        """End a process (SIGKILL): none of its code runs again, no `finally` either.

        Code that kills its own instance runs on to its next await. The name can't be used again.
        """
        self._refuse_world("kill", instance)
        self._agenda.kill(instance)

    def is_dead(self, instance: str) -> bool:
        """Was it killed?"""
        return self._agenda.is_dead(instance)

    def is_paused(self, instance: str) -> bool:
        """Is it paused?"""
        return instance in self._agenda.paused

    # -- running

    def run_until(self, predicate: Callable[[], bool], max_time: float) -> bool:
        """Run until `predicate` holds (asked after every step), for at most `max_time` virtual seconds more.

        False when it does not hold by then, or when nothing is left to run.
        """
        limit = self._now + max_time
        with self._running():
            while not predicate():
                if not self._step(limit):
                    self._now = self._now if self.quiescent else limit
                    return predicate()
        return True

    def advance(self, seconds: float) -> None:
        """Run everything that comes due in the next `seconds` of virtual time, which then have passed."""
        limit = self._now + seconds
        with self._running():
            while self._step(limit):
                pass
        self._now = limit

    @property
    def quiescent(self) -> bool:
        """Is nothing ready and no timer pending (those of paused instances not counted)?"""
        return self._agenda.is_empty

    @property
    def last(self) -> Step | None:
        """The step executed last."""
        return self._told(self._recent[-1]) if self._recent else None

    def story(self) -> list[Step]:
        """The last steps, oldest first."""
        return [self._told(entry) for entry in self._recent]

    def random(self, name: str) -> random.Random:
        """A random generator of its own for `name`, drawn from the seed."""
        return random.Random(f"{name}/{self.seed}")  # noqa: S311 - no secret

    def _run_once(self) -> None:
        """One pass of asyncio's own run_forever and run_until_complete."""
        if not self._step(float("inf")) and not self._stopping:
            raise StuckError(self._report("nothing is ready and no timer is pending, but the run goes on"))

    _stopping: bool

    def _step(self, limit: float) -> bool:
        """Execute one ready handle; False when none comes due by `limit`."""
        while True:
            handle = self._agenda.take(self._now)
            if handle is None:
                if not self._jump(limit):
                    return False
            elif not handle.cancelled():
                self._execute(handle)
                return True

    def _execute(self, handle: AnyHandle) -> None:
        self.steps += 1
        self._instant_steps += 1
        self._recent.append((self.steps, self._now, handle))
        if self.steps > self._max_steps or self._instant_steps > self._max_instant:
            counts = f"{self.steps} steps, {self._instant_steps} without time passing"
            raise StuckError(self._report(f"livelock: {counts}"))
        try:
            handle._run()  # noqa: SLF001 - how a loop runs a handle
        except SystemExit:
            if handle.instance == WORLD:
                raise
            self.kill(handle.instance)
        if self.on_step is not None:
            self.on_step()
        if self._failures:
            self._raise_failure()

    def _jump(self, limit: float) -> bool:
        due = self._agenda.next_at()
        if due is None or due > limit:
            return False
        self._now, self._instant_steps = due, 0
        return True

    @contextmanager
    def _running(self) -> Iterator[None]:
        self._check_open()
        if _get_running_loop() is not None:
            raise RuntimeError("a VirtualLoop can't be run from inside a running event loop")
        hooks = sys.get_asyncgen_hooks()
        _set_running_loop(self)
        sys.set_asyncgen_hooks(finalizer=self._finalize_generator)
        try:
            yield
        finally:
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def _finalize_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        if not self._closing:
            self.call_soon(self.create_task, generator.aclose())

    def _check_open(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")

    def _refuse_world(self, action: str, instance: str) -> None:
        if instance == WORLD:
            raise ValueError(f"{action}: {instance!r} is all but the processes; name one that was spawned")

    def _on_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, handle = context.get("exception"), context.get("handle")
        self.errors.append(f"{context.get('message')}: {error!r}")
        if error is not None and handle is not None:
            self._failures.append((getattr(handle, "instance", WORLD), error))

    def _raise_failure(self) -> NoReturn:
        instance, error = self._failures.pop(0)
        raise InstanceError(f"{instance} failed at {self._now:.6f}: {error!r}") from error

    def _told(self, entry: tuple[int, float, AnyHandle]) -> Step:
        number, time, handle = entry
        return Step(number, time, handle.instance, label_of(handle.calls))

    def _report(self, what: str) -> str:
        steps = "\n  ".join(str(step) for step in self.story())
        waiting = ", ".join(task.get_name() for task in self._live_tasks if not task.done())
        paused = ", ".join(self._agenda.paused) or "none"
        return (
            f"{what} (seed {self.seed}, time {self._now:.6f}, paused: {paused})\n"
            f"  pending tasks: {waiting or 'none'}\n  {steps}"
        )
