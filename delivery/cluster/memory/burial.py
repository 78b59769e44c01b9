"""Lets go of tasks that will never run again, without the noise that asyncio makes about them.

A killed process leaves suspended coroutines. Dropping one makes the interpreter throw GeneratorExit into it,
whenever its last reference goes; so they are kept as long as the simulation is looked at, and closed here,
once, afterwards.
"""

import asyncio
import inspect
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

_ATTEMPTS = 100
_undead: list[object] = []  # they await again and again when closed: dropping them would only be louder


def bury(task: asyncio.Task[Any]) -> None:
    """Close a task's coroutine, whatever its cleanup does, and silence the warning about a pending task."""
    if task.done():
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio's only switch for it
    coro = task.get_coro()
    if inspect.iscoroutine(coro):
        _close(coro)


def _close(coro: Coroutine[Any, Any, Any]) -> None:
    for _ in range(_ATTEMPTS):
        # a `finally` that awaits answers GeneratorExit with RuntimeError and stays suspended at its await
        with suppress(BaseException):
            coro.close()
        if inspect.getcoroutinestate(coro) == inspect.CORO_CLOSED:
            return
    _undead.append(coro)
