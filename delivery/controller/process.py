"""From the start of the process to its exit code.

A clean stop is part of the loop's promises: it gives the Lease back, so that the other replica takes over at once.
So the first signal asks for it, and only a second one kills.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from delivery.cluster.errors import ClusterError, Fenced, NotLeader

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger(__name__)


LOST: tuple[type[Exception], ...] = (NotLeader, Fenced)


def run_process(main: Callable[[], Awaitable[None]], *, lost: tuple[type[Exception], ...] = LOST) -> int:
    """Run `main` to its end and answer the exit code of the process. `lost` are the errors of a lost Lease.

    0: it returned, or a SIGTERM or SIGINT cancelled it and it ended without an error. 1: it raised (the Lease was
    lost, something crashed), which is logged. A second signal has its default effect: the process dies.
    """
    return asyncio.run(_run(main, lost))


async def _run(main: Callable[[], Awaitable[None]], lost: tuple[type[Exception], ...]) -> int:
    task = asyncio.ensure_future(main())
    with _stopping_on_signals(task) as received:
        try:
            await task
        except asyncio.CancelledError:
            if not received:
                log.error("stopped: cancelled from within")
                return 1
        except BaseException as error:
            _log_end(error, lost)
            return 1
    log.info("stopped", signal=received[0].name if received else None)
    return 0


@contextmanager
def _stopping_on_signals(task: "asyncio.Future[None]") -> Iterator[list[signal.Signals]]:
    """The first signal cancels the task and gives the signals their default effect back.

    By `signal.signal` and not by the loop's handlers: a library that takes the loop's over (kopf does) can then put
    ours back without knowing them.
    """
    received: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(_cancel, task, received[0])

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _cancel(task: "asyncio.Future[None]", number: signal.Signals) -> None:
    log.info("stopping", signal=number.name)
    task.cancel()


def _log_end(error: BaseException, lost: tuple[type[Exception], ...]) -> None:
    """One line that names the reason; a traceback only where a person has to look into the code."""
    causes = tuple(_leaves(error))
    reason = "; ".join(dict.fromkeys(f"{type(cause).__name__}: {cause}" for cause in causes))
    expected = all(isinstance(cause, (ClusterError, OSError, ValueError, *lost)) for cause in causes)
    lease = any(isinstance(cause, lost) for cause in causes)
    event = "stopped: the Lease was lost" if lease else "stopped by an error"
    log.error(event, reason=reason, exc_info=None if expected else error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
