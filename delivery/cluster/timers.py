"""Calls at a time, on APScheduler, kept from three of its habits.

It follows the wall clock: set back by an hour, everything comes an hour late. So each call is due at a monotonic time,
and a watchdog sets all jobs anew when the two clocks part. A job that is added again under an id that is still running
is dropped for good: ids carry a counter. A plain function runs in a thread: the job is a coroutine function.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from delivery.cluster.protocols import Clock

DRIFT_SECONDS = 1.0
"""How far the wall clock may part from the monotonic one, and how much too early a call may come."""

CHECK_SECONDS = 1.0
"""How often the watchdog compares the clocks."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    """What is pending under a key: the monotonic time at which it is due, the job's id, the function."""

    due: float
    job: str
    fire: Callable[[], None]


class ApschedulerTimers:
    """Timers on APScheduler's AsyncIOScheduler. What is set before `start` is armed by it; `stop` forgets everything.

    Make one inside the event loop that it serves. `fire` is called in that loop, must not block, and what it raises
    is logged. Calls come in the order of their times; those due at one moment in no particular order.
    """

    def __init__(self, clock: Clock, *, check_seconds: float = CHECK_SECONDS) -> None:
        self._clock = clock
        self._check_seconds = check_seconds
        self._offset = self._parting()
        self._pending: dict[str, _Call] = {}
        self._count = 0
        self._scheduler: Any = None
        self._watchdog: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to fire. Imports APScheduler, which not every command of the program needs."""
        from apscheduler.jobstores.memory import MemoryJobStore
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        if self._scheduler is not None:
            raise RuntimeError("timers: started already")
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.start()
        self._rearm()
        self._watchdog = asyncio.create_task(self._watch(), name="timers watchdog")

    async def stop(self) -> None:
        """Forget what is pending and let go of the loop."""
        self._pending.clear()
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.cancel()
            with suppress(asyncio.CancelledError):
                await watchdog
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.remove_all_jobs()
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the scheduler shuts down in a callback of its own

    def set(self, key: str, at: datetime, fire: Callable[[], None]) -> None:
        """Call `fire` at `at` (at once if that is past), replacing what was pending under `key`."""
        self._follow_the_clock()
        self.cancel(key)
        self._arm(key, self._clock.monotonic() + (at - self._clock.now()).total_seconds(), fire)

    def cancel(self, key: str) -> None:
        """Forget what is pending under `key`, if anything."""
        call = self._pending.pop(key, None)
        if call is not None:
            self._remove(call.job)

    def _arm(self, key: str, due: float, fire: Callable[[], None]) -> None:
        self._count += 1
        call = _Call(due, f"{key}#{self._count}", fire)
        self._pending[key] = call
        if self._scheduler is not None:
            left = timedelta(seconds=due - self._clock.monotonic())
            self._scheduler.add_job(
                self._run, "date", run_date=self._clock.now() + left, id=call.job, args=(key, call.job)
            )

    async def _run(self, key: str, job: str) -> None:
        call = self._pending.get(key)
        if call is None or call.job != job:
            return  # replaced or cancelled while the scheduler was starting it
        del self._pending[key]
        if call.due - self._clock.monotonic() > DRIFT_SECONDS:
            self._arm(key, call.due, call.fire)  # the wall clock was set forward
            return
        call.fire()

    def _remove(self, job: str) -> None:
        if self._scheduler is None:
            return
        from apscheduler.jobstores.base import JobLookupError

        with suppress(JobLookupError):  # it is running just now
            self._scheduler.remove_job(job)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._check_seconds)
            self._follow_the_clock()

    def _follow_the_clock(self) -> None:
        """Set every job anew if the clocks have parted."""
        parted = self._parting() - self._offset
        if abs(parted) > DRIFT_SECONDS:
            _log.warning("wall_clock_jumped", seconds=round(parted, 3), pending=len(self._pending))
            self._rearm()

    def _rearm(self) -> None:
        self._offset = self._parting()
        for key, call in list(self._pending.items()):
            self._remove(call.job)
            self._arm(key, call.due, call.fire)

    def _parting(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
