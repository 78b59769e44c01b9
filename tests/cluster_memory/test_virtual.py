"""The loop of the simulation: virtual time, every order of awaits, replay, and processes that stop or die."""

import asyncio
import contextlib
import gc
import hashlib
import os
import subprocess
import sys
import warnings
from datetime import timedelta

import pytest

from delivery.cluster.memory import EPOCH, InstanceError, StuckError, VirtualClock, VirtualLoop, VirtualTimers


def test_sleeping_for_an_hour_takes_no_time_and_moves_the_clock(loop):
    clock = VirtualClock(loop)
    loop.run_until_complete(asyncio.wait_for(_sleep(3600), 4000))
    assert clock.monotonic() == 3600
    assert clock.now() == EPOCH + timedelta(hours=1)


async def _sleep(seconds):
    await asyncio.sleep(seconds)


def test_asyncio_s_own_tools_work(loop):
    async def story():
        queue, event, lock = asyncio.Queue(maxsize=1), asyncio.Event(), asyncio.Lock()
        got = []

        async def consumer():
            while (item := await queue.get()) is not None:
                async with lock:
                    got.append(item)
            event.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(consumer())
            for item in (1, 2, 3, None):
                await queue.put(item)
            await event.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        results = await asyncio.gather(asyncio.sleep(3, "a"), asyncio.sleep(2, "b"))
        return got, results, loop.time()

    assert loop.run_until_complete(story()) == ([1, 2, 3], ["a", "b"], 13)


def _orders(seeds, make):
    found = set()
    for seed in seeds:
        loop = VirtualLoop(seed)
        order = []
        make(loop, order)
        loop.advance(10)
        loop.close()
        found.add("".join(order))
    return found


def test_every_order_of_ready_handles_occurs():
    def make(loop, order):
        for letter in "abc":
            loop.call_soon(order.append, letter)

    assert _orders(range(200), make) == {"abc", "acb", "bac", "bca", "cab", "cba"}


def test_timers_due_at_the_same_time_and_ready_handles_come_in_every_order():
    def make(loop, order):
        def at_one():
            order.append("a")
            loop.call_soon(order.append, "b")

        loop.call_later(1, at_one)
        loop.call_later(1, order.append, "c")

    assert _orders(range(200), make) == {"abc", "acb", "cab"}


def test_every_interleaving_of_awaits_in_two_tasks_occurs():
    def make(loop, order):
        async def walk(letters):
            for letter in letters:
                order.append(letter)
                await asyncio.sleep(0)

        loop.spawn(walk("ab"))
        loop.spawn(walk("xy"))

    assert _orders(range(300), make) == {"abxy", "axby", "axyb", "xaby", "xayb", "xyab"}


def test_without_a_seed_it_is_first_in_first_out():
    loop, order = VirtualLoop(None), []
    for letter in "abcdef":
        loop.call_soon(order.append, letter)
        loop.call_later(1, order.append, letter.upper())
    loop.advance(1)
    loop.close()
    assert "".join(order) == "abcdefABCDEF"


def trace_of(seed):
    """The hash of everything that a little program of three processes did."""
    loop = VirtualLoop(seed)
    digest = hashlib.sha256()
    loop.on_step = lambda: digest.update(str(loop.last).encode())
    rng, queue = loop.random("program"), asyncio.Queue()

    async def produce(name):
        for number in range(20):
            await asyncio.sleep(rng.choice([0, 0.5, rng.random()]))
            await queue.put(f"{name}{number}")

    async def consume():
        while True:
            digest.update((await queue.get()).encode())

    async def fail():
        await asyncio.sleep(1)
        raise KeyError

    async def group():
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as tasks:  # keeps a set, and cancels in its order
                for _ in range(20):
                    tasks.create_task(consume())
                tasks.create_task(fail())
        futures = [loop.create_future() for _ in range(20)]
        loop.call_later(1, lambda: [future.set_result(None) for future in set(futures)])
        await asyncio.wait(futures)

    for name in "ab":
        loop.spawn(produce(name), instance=name)
    loop.spawn(group(), instance="d")
    loop.spawn(consume(), instance="c")
    loop.call_later(2, loop.pause, "a")
    loop.call_later(4, loop.resume, "a")
    loop.call_later(6, loop.kill, "b")
    loop.advance(30)
    loop.close()
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_sequence_and_another_one_another():
    assert trace_of(7) == trace_of(7)
    assert len({trace_of(seed) for seed in range(20)}) == 20


def test_the_sequence_does_not_depend_on_the_hash_seed():
    program = (
        f"import importlib.util as u; s = u.spec_from_file_location('t', {__file__!r});"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.trace_of(7))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert found == {trace_of(7)}


def _ticking(loop, ticks, period=1.0):
    async def tick():
        try:
            while True:
                await asyncio.sleep(period)
                ticks.append(loop.time())
        finally:
            ticks.append("cleanup")

    return tick()


def test_a_paused_process_stands_still_while_time_goes_on_and_then_catches_up(loop):
    paused, other = [], []
    loop.spawn(_ticking(loop, paused), instance="a")
    loop.spawn(_ticking(loop, other), instance="b")
    loop.advance(2.5)
    loop.pause("a")
    loop.advance(10)
    assert paused == [1, 2]
    assert len(other) == 12
    assert loop.is_paused("a")
    loop.resume("a")
    loop.advance(1)
    assert paused == [1, 2, 12.5, 13.5]


def test_what_a_paused_process_waits_for_wakes_it_only_when_it_is_resumed(loop):
    async def wait(event, seen):
        await event.wait()
        seen.append(loop.time())

    event, seen = asyncio.Event(), []
    loop.spawn(wait(event, seen), instance="a")
    loop.advance(1)
    loop.pause("a")
    event.set()
    loop.advance(5)
    assert seen == []
    loop.resume("a")
    loop.advance(0)
    assert seen == [6]


def test_a_killed_process_never_runs_again_not_even_its_cleanup(loop):
    ticks, other = [], []
    loop.spawn(_ticking(loop, ticks), instance="a")
    loop.spawn(_ticking(loop, other), instance="b")
    loop.advance(1)
    loop.kill("a")
    gc.collect()
    loop.advance(10)
    gc.collect()
    assert ticks == [1]
    assert len(other) == 11
    with pytest.raises(ValueError, match="'a' was killed"):
        loop.spawn(asyncio.sleep(1), instance="a")


def test_a_child_task_and_a_timer_belong_to_their_process(loop):
    ticks, fired = [], []

    async def parent():
        task = asyncio.create_task(_ticking(loop, ticks))
        VirtualTimers(loop).set("k", EPOCH + timedelta(seconds=5), lambda: fired.append(loop.time()))
        await task

    loop.spawn(parent(), instance="a")
    loop.advance(1)
    loop.kill("a")
    loop.advance(10)
    assert ticks == [1]
    assert fired == []


def test_killed_and_abandoned_tasks_make_no_noise_at_the_end(caplog):
    async def stubborn():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            await asyncio.sleep(1)

    async def generate():
        try:
            while True:
                yield 1
                await asyncio.sleep(1)
        finally:
            await asyncio.sleep(1)

    async def iterate():
        async for _ in generate():
            await asyncio.sleep(1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop = VirtualLoop(3)
        for instance in ("a", "b"):
            loop.spawn(stubborn(), instance=instance)
            loop.spawn(iterate(), instance=instance)
        loop.advance(2.5)
        loop.kill("a")
        loop.spawn(stubborn(), instance="never started")
        loop.close()
        del loop
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert caplog.records == []


def test_system_exit_ends_its_process_and_nothing_else(loop):
    ticks, ended = [], []

    async def leave():
        await asyncio.sleep(3)
        sys.exit(1)

    loop.spawn(_ticking(loop, ticks), instance="a")
    loop.spawn(leave(), instance="a", on_exit=ended.append)
    loop.advance(10)
    assert len(ticks) in (2, 3)  # the third tick comes at the same moment
    assert isinstance(ended[0], SystemExit)
    assert loop.is_dead("a")


def test_an_exception_that_nobody_asked_for_reaches_the_test(loop):
    async def fail():
        raise KeyError("spec")

    loop.spawn(fail(), instance="a")
    with pytest.raises(InstanceError, match=r"a failed .*KeyError"):
        loop.advance(1)
    loop.call_soon([].pop)
    with pytest.raises(InstanceError, match="IndexError"):
        loop.advance(1)


def test_a_livelock_is_named_with_its_last_steps():
    loop = VirtualLoop(1, max_steps_per_instant=50)

    async def spin():
        while True:  # noqa: ASYNC110 - a livelock is what is wanted
            await asyncio.sleep(0)

    loop.spawn(spin(), instance="a")
    with pytest.raises(StuckError, match=r"livelock: 51 steps(?s:.*)spin-1"):
        loop.advance(1)
    loop.close()


def test_a_wait_that_nothing_can_end_is_named(loop):
    with pytest.raises(StuckError, match="nothing is ready"):
        loop.run_until_complete(asyncio.Event().wait())


def test_run_until_tells_whether_it_came_to_pass(loop):
    ticks = []
    loop.spawn(_ticking(loop, ticks))
    assert loop.run_until(lambda: len(ticks) == 3, max_time=10)
    assert loop.time() == 3
    assert not loop.run_until(lambda: len(ticks) == 30, max_time=10)
    assert loop.time() == 13


def test_quiescence_is_seen(loop):
    loop.spawn(_sleep(3))
    assert not loop.run_until(lambda: False, max_time=100)
    assert loop.quiescent
    assert loop.time() == 3


def test_the_hook_runs_after_every_step_and_can_stop_the_run(loop):
    seen = []

    def check():
        seen.append(loop.last.number)
        if loop.time() >= 2:
            raise AssertionError("broken")

    loop.on_step = check
    loop.spawn(_ticking(loop, []), instance="a")
    with pytest.raises(AssertionError, match="broken"):
        loop.advance(5)
    assert seen == list(range(1, loop.steps + 1))


def test_timers_keep_one_call_per_key(loop):
    timers, fired = VirtualTimers(loop), []
    at = [EPOCH + timedelta(seconds=second) for second in range(5)]
    timers.set("a", at[1], lambda: fired.append("first"))
    timers.set("a", at[2], lambda: fired.append("second"))
    timers.set("b", at[3], lambda: fired.append("b"))
    timers.set("c", EPOCH - timedelta(days=1), lambda: fired.append("past"))
    assert timers.pending()["a"] == at[2]
    timers.cancel("b")
    timers.cancel("unknown")
    loop.advance(5)
    assert fired == ["past", "second"]
    assert timers.pending() == {}


def test_a_timer_may_set_itself_again_from_inside(loop):
    timers, clock, fired = VirtualTimers(loop), VirtualClock(loop), []

    def again():
        fired.append(loop.time())
        timers.set("a", clock.now() + timedelta(seconds=1), again)

    timers.set("a", clock.now() + timedelta(seconds=1), again)
    loop.advance(3.5)
    assert fired == [1, 2, 3]


def test_threads_are_refused(loop):
    with pytest.raises(RuntimeError, match="can't be replayed"):
        loop.run_in_executor(None, print)
