"""Runs an asyncio program beside a test, on a loop of its own.

A stand-in for a part of the cluster must go on while the test's own loop is blocked or gone, and must be the same one
for tests on different loops.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

SECONDS = 30.0


@contextmanager
def beside(run: Callable[[Callable[[], None]], Awaitable[None]], *, name: str) -> Iterator[None]:
    """Run `run(ready)` in a thread until the block ends; the block begins when it has called `ready()`.

    It is cancelled at the end. An error of its own is raised at the end of the block.
    """
    started = threading.Event()
    failures: list[BaseException] = []
    handle: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        handle.append((asyncio.get_running_loop(), task))
        await run(started.set)

    def thread() -> None:
        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            return
        except BaseException as failure:
            failures.append(failure)
        finally:
            started.set()

    worker = threading.Thread(target=thread, name=name, daemon=True)
    worker.start()
    try:
        if not started.wait(SECONDS):
            raise TimeoutError(f"{name} is not ready after {SECONDS:g} s")
        if failures:
            raise failures[0]
        yield
    finally:
        if handle and worker.is_alive():
            loop, task = handle[0]
            loop.call_soon_threadsafe(task.cancel)
        worker.join(SECONDS)
    if failures:
        raise failures[0]
