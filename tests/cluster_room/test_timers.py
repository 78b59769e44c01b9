"""Timers on the real APScheduler and the real event loop; the clocks are the test's."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import apscheduler.schedulers.base
import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.timers import ApschedulerTimers

PATIENCE = 20.0


class Machine:
    """A machine's clocks: the wall clock, which APScheduler looks at too, can be set."""

    def __init__(self):
        self.ahead = timedelta()
        self.passed = 0.0

    def now(self):
        return datetime.now(UTC) + self.ahead

    def monotonic(self):
        return time.monotonic() + self.passed


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()

    class WallClock(datetime):
        @classmethod
        def now(cls, tz=None):
            return machine.now().astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", WallClock)
    return machine


@pytest.fixture
async def timers(machine):
    timers = ApschedulerTimers(machine, check_seconds=0.01)
    await timers.start()
    yield timers
    await timers.stop()


class Fired:
    """What fired, and a way to wait for it."""

    def __init__(self):
        self.calls = []
        self._event = asyncio.Event()

    def __call__(self, name):
        def fire():
            self.calls.append(name)
            self._event.set()

        return fire

    async def until(self, count):
        async with asyncio.timeout(PATIENCE):
            while len(self.calls) < count:
                self._event.clear()
                await self._event.wait()
        return self.calls


def soon(machine, seconds=0.05):
    return machine.now() + timedelta(seconds=seconds)


async def test_calls_come_in_the_order_of_their_times_and_the_past_at_once(timers, machine):
    fired = Fired()
    timers.set("later", soon(machine, 0.2), fired("later"))
    timers.set("sooner", soon(machine, 0.1), fired("sooner"))
    timers.set("past", machine.now() - timedelta(days=3), fired("past"))
    assert await fired.until(3) == ["past", "sooner", "later"]


async def test_setting_again_replaces_and_cancelling_forgets(timers, machine):
    fired = Fired()
    timers.set("a", soon(machine), fired("first"))
    timers.set("a", soon(machine, 0.1), fired("second"))
    timers.set("b", soon(machine), fired("cancelled"))
    timers.cancel("b")
    timers.cancel("never set")
    timers.set("z", soon(machine, 0.3), fired("last"))
    assert await fired.until(2) == ["second", "last"]


async def test_a_call_may_set_its_own_key_again_from_inside(timers, machine):
    fired = Fired()

    def again():
        fired("a")()
        if len(fired.calls) < 5:
            timers.set("a", machine.now(), again)

    timers.set("a", machine.now(), again)
    assert await fired.until(5) == ["a"] * 5


async def test_what_is_cancelled_while_the_scheduler_starts_it_does_not_fire(timers, machine):
    fired = Fired()

    def first():
        fired("first")()
        timers.cancel("b")
        timers.cancel("a")

    timers.set("a", machine.now() - timedelta(seconds=1), first)
    timers.set("b", machine.now() - timedelta(seconds=1), fired("b"))
    timers.set("z", soon(machine, 0.1), fired("z"))
    assert await fired.until(2) == ["first", "z"]


async def test_what_is_replaced_while_the_scheduler_starts_it_fires_at_its_new_time(timers, machine):
    fired = Fired()

    def first():
        fired("first")()
        timers.set("b", soon(machine, 0.4), fired("b anew"))

    timers.set("a", machine.now() - timedelta(seconds=2), first)
    timers.set("b", machine.now() - timedelta(seconds=1), fired("b"))
    timers.set("z", soon(machine, 0.1), fired("z"))
    assert await fired.until(3) == ["first", "z", "b anew"]


async def test_one_that_fails_does_not_keep_the_others(timers, machine):
    fired = Fired()
    timers.set("a", machine.now(), lambda: 1 / 0)
    timers.set("b", soon(machine), fired("b"))
    assert await fired.until(1) == ["b"]


async def test_a_wall_clock_set_back_by_an_hour_delays_nothing(timers, machine):
    fired = Fired()
    timers.set("a", soon(machine, 0.2), fired("a"))
    machine.ahead -= timedelta(hours=1)
    assert await fired.until(1) == ["a"]


async def test_a_wall_clock_set_forward_by_an_hour_hurries_nothing(timers, machine):
    fired = Fired()
    timers.set("in half an hour", soon(machine, 1800), fired("in half an hour"))
    timers.set("soon", soon(machine, 0.05), fired("soon"))
    machine.ahead += timedelta(hours=1)
    timers.set("after", soon(machine, 0.1), fired("after"))
    assert await fired.until(2) == ["soon", "after"]
    machine.passed += 1800
    assert await fired.until(3) == ["soon", "after", "in half an hour"]


async def test_what_came_too_early_before_anybody_noticed_the_jump_waits_on(machine):
    timers, fired = ApschedulerTimers(machine, check_seconds=1000), Fired()
    await timers.start()
    try:
        timers.set("in half an hour", soon(machine, 1800), fired("in half an hour"))
        timers.set("soon", soon(machine, 0.05), fired("soon"))
        machine.ahead += timedelta(hours=1)
        await fired.until(1)
        timers.set("after", soon(machine, 0.1), fired("after"))
        assert await fired.until(2) == ["soon", "after"]
    finally:
        await timers.stop()


async def test_what_is_set_before_the_start_fires_after_it_and_nothing_after_the_stop(machine):
    timers, fired = ApschedulerTimers(machine), Fired()
    timers.set("early", machine.now(), fired("early"))
    await timers.start()
    assert await fired.until(1) == ["early"]
    timers.set("late", soon(machine, 0.01), fired("late"))
    await timers.stop()
    await timers.start()
    timers.set("other", soon(machine, 0.1), fired("other"))
    assert await fired.until(2) == ["early", "other"]
    await timers.stop()


async def test_starting_twice_is_refused(timers):
    with pytest.raises(RuntimeError, match="started already"):
        await timers.start()


async def test_stopping_leaves_no_task_behind(machine):
    before = asyncio.all_tasks()
    timers = ApschedulerTimers(machine)
    await timers.start()
    timers.set("a", soon(machine, 1000), lambda: None)
    await timers.stop()
    await timers.stop()
    assert asyncio.all_tasks() == before


def test_the_scheduler_is_imported_by_the_start_only():
    program = "import sys, delivery.cluster.timers; sys.exit('apscheduler' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_the_system_clock_is_utc_and_its_monotonic_time_is_the_loop_s():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    loop = asyncio.new_event_loop()
    assert before <= loop.time() <= clock.monotonic()
    loop.close()
