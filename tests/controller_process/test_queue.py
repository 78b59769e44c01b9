"""The work queue: what waits, what goes first, what comes back and when."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from delivery.controller.queue import Retry, WorkQueue


class Handler:
    """Records what it is called with; waits or fails as told."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.calls: list[tuple[str, float]] = []
        self.running: dict[str, int] = {}
        self.most_at_once = 0
        self.behaviour: Callable[[str], Awaitable[None]] | None = None

    async def __call__(self, key: str) -> None:
        self.calls.append((key, self.clock.monotonic()))
        self.running[key] = self.running.get(key, 0) + 1
        assert self.running[key] == 1, "two handlers for one key at once"
        self.most_at_once = max(self.most_at_once, sum(self.running.values()))
        try:
            if self.behaviour:
                await self.behaviour(key)
        finally:
            self.running[key] -= 1

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.calls]

    @property
    def times(self) -> list[float]:
        return [at for _, at in self.calls]


async def until(condition: Callable[[], bool], *, every: float) -> None:
    """Look again and again, in virtual time."""
    while not condition():  # noqa: ASYNC110 - virtual time passes at once
        await asyncio.sleep(every)


@asynccontextmanager
async def running(queue: WorkQueue) -> Any:
    task = asyncio.ensure_future(queue.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def make(world: Any, **options: Any) -> tuple[WorkQueue, Handler]:
    handler = Handler(world.clock)
    options.setdefault("on_error", lambda key, error, delay: None)
    return WorkQueue(handler, clock=world.clock, rng=random.Random(1), **options), handler


def test_a_key_named_often_is_handled_once(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world)
        for _ in range(5):
            queue.add("ns/a")
        assert queue.depth == 1
        async with running(queue):
            await queue.drain()
        assert handler.keys == ["ns/a"]

    world.run(story())


def test_a_key_named_while_it_is_handled_is_handled_once_more(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world)
        release = asyncio.Event()

        async def wait(key: str) -> None:
            await release.wait()

        handler.behaviour = wait
        async with running(queue):
            queue.add("ns/a")
            await until(lambda: bool(queue.active), every=0)
            for _ in range(3):
                queue.add("ns/a")
            release.set()
            await queue.drain()
        assert handler.keys == ["ns/a", "ns/a"]

    world.run(story())


def test_no_more_than_the_workers_run_at_once_and_none_is_left_out(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world, workers=3)

        async def take_a_while(key: str) -> None:
            await asyncio.sleep(1)

        handler.behaviour = take_a_while
        names = [f"ns/{number}" for number in range(10)]
        async with running(queue):
            for name in names:
                queue.add(name)
            await queue.drain()
        assert handler.keys == names, "first in, first out"
        assert handler.most_at_once == 3

    world.run(story())


def test_urgent_keys_go_first_also_when_they_were_queued_already(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world, workers=1)
        for name in ("ns/a", "ns/b", "ns/c"):
            queue.add(name)
        queue.add("ns/c", urgent=True)
        queue.add("ns/d", urgent=True)
        queue.add("ns/c")
        async with running(queue):
            await queue.drain()
        assert handler.keys == ["ns/c", "ns/d", "ns/a", "ns/b"]

    world.run(story())


def test_a_failing_key_comes_back_ever_later_and_success_forgets_it(world: Any) -> None:
    async def story() -> None:
        delays: list[float] = []
        queue, handler = make(world, on_error=lambda key, error, delay: delays.append(delay))

        async def fail_ten_times(key: str) -> None:
            if len(handler.calls) != 11:
                raise OSError("no route to host")

        handler.behaviour = fail_ten_times
        async with running(queue):
            queue.add("ns/a")
            await until(lambda: len(handler.calls) >= 11, every=0.25)
            gaps = [later - at for at, later in zip(handler.times, handler.times[1:], strict=False)]
            assert gaps == pytest.approx(delays)
            for number, delay in enumerate(delays):
                wanted = min(60.0, 0.5 * 2**number)
                assert wanted * 0.8 <= delay <= wanted
            assert len(set(delays)) == len(delays), "jittered"
            assert queue.failures("ns/a") == 0
            assert queue.backing_off == ()
            queue.add("ns/a")
            await queue.drain()
            assert queue.failures("ns/a") == 1
            assert delays[-1] <= 0.5, "counts from the start again"

    world.run(story())


def test_urgent_news_break_through_the_backoff_and_plain_news_wait_a_second(world: Any) -> None:
    async def story(urgent: bool) -> None:
        queue, handler = make(world)

        async def fail(key: str) -> None:
            raise OSError("no route to host")

        handler.behaviour = fail
        async with running(queue):
            queue.add("ns/a")
            await until(lambda: queue.failures("ns/a") >= 5, every=0.01)
            failed = handler.times[-1]
            assert len(handler.calls) == 5
            await asyncio.sleep(0.2)
            now = world.clock.monotonic()
            queue.add("ns/a", urgent=urgent)
            await until(lambda: len(handler.calls) >= 6, every=0.01)
            assert handler.times[-1] == pytest.approx(now if urgent else failed + 1.0)

    async def both() -> None:
        await story(True)
        await story(False)

    world.run(both())


@pytest.mark.parametrize(("urgent", "limit"), [(True, 0.5), (False, 1.0)])
def test_a_handler_that_names_itself_and_fails_does_not_spin(world: Any, urgent: bool, limit: float) -> None:
    async def story() -> None:
        queue, handler = make(world)

        async def add_and_fail(key: str) -> None:
            queue.add(key, urgent=urgent)
            raise OSError("no route to host")

        handler.behaviour = add_and_fail
        async with running(queue):
            queue.add("ns/a")
            await asyncio.sleep(20)
        gaps = [later - at for at, later in zip(handler.times, handler.times[1:], strict=False)]
        assert gaps[-1] == pytest.approx(limit)
        assert len(gaps) <= 20 / limit + 2

    world.run(story())


def test_a_handler_may_say_when_it_wants_the_key_again(world: Any) -> None:
    async def story() -> None:
        errors: list[str] = []
        queue, handler = make(world, on_error=lambda key, error, delay: errors.append(key))

        async def later(key: str) -> None:
            if len(handler.calls) == 1:
                raise Retry(7)

        handler.behaviour = later
        async with running(queue):
            queue.add("ns/a")
            await until(lambda: len(handler.calls) >= 2, every=1)
        assert handler.times == pytest.approx([0, 7])
        assert errors == []

    world.run(story())


def test_one_key_that_fails_does_not_hold_up_the_others(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world, workers=1)

        async def fail_a(key: str) -> None:
            if key == "ns/a":
                raise OSError("no route to host")

        handler.behaviour = fail_a
        async with running(queue):
            queue.add("ns/a")
            queue.add("ns/b")
            await queue.drain()
            assert handler.calls == [("ns/a", 0.0), ("ns/b", 0.0)]
            assert queue.idle

    world.run(story())


def test_a_fatal_error_ends_the_run_with_itself(world: Any) -> None:
    class LostError(Exception):
        pass

    async def story() -> None:
        queue, handler = make(world, fatal=(LostError,))

        async def lose(key: str) -> None:
            raise LostError("the lease went to somebody else")

        handler.behaviour = lose
        queue.add("ns/a")
        with pytest.raises(LostError):
            await queue.run()
        assert queue.probe() == "the work queue is not running"

    world.run(story())


def test_a_cancelled_wait_inside_a_handler_does_not_take_its_worker_away(world: Any) -> None:
    async def story() -> None:
        errors: list[str] = []
        queue, handler = make(world, workers=1, on_error=lambda key, error, delay: errors.append(key))

        async def wait_for_a_cancelled_one(key: str) -> None:
            if key == "ns/a" and len(handler.calls) == 1:
                inner = asyncio.ensure_future(asyncio.sleep(60))
                inner.cancel()
                await inner

        handler.behaviour = wait_for_a_cancelled_one
        async with running(queue):
            queue.add("ns/a")
            queue.add("ns/b")
            await queue.drain()
        assert handler.keys == ["ns/a", "ns/b"]
        assert errors == ["ns/a"]

    world.run(story())


def test_cancelling_the_run_cancels_what_is_being_handled_and_leaves_no_timer(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world)
        cancelled: list[str] = []

        async def hang_or_fail(key: str) -> None:
            if key == "ns/fails":
                raise OSError("no route to host")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(key)
                raise

        handler.behaviour = hang_or_fail
        async with running(queue):
            queue.add("ns/fails")
            queue.add("ns/hangs")
            await until(lambda: queue.backing_off == ("ns/fails",) and bool(queue.active), every=0)
        assert cancelled == ["ns/hangs"]
        assert queue.backing_off == ()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    world.run(story())


def test_depth_age_and_a_stuck_handler_can_be_seen(world: Any) -> None:
    async def story() -> None:
        queue, handler = make(world, workers=1)
        never = asyncio.Event()

        async def hang(key: str) -> None:
            await never.wait()

        handler.behaviour = hang
        queue.add("ns/a")
        await asyncio.sleep(100)
        assert queue.oldest_age() == 0.0, "nobody is supposed to handle it yet"
        async with running(queue):
            await asyncio.sleep(1)
            queue.add("ns/b")
            await asyncio.sleep(10)
            assert (queue.depth, queue.oldest_age(), queue.active) == (1, pytest.approx(10), ("ns/a",))
            assert queue.probe() == ""
            await asyncio.sleep(300)
            assert queue.probe() == "handling ns/a has taken more than 300 s"

    world.run(story())


def test_the_order_is_the_same_for_the_same_seed(world: Any) -> None:
    def history(seed: int) -> list[tuple[str, float]]:
        world = world_type(seed)
        calls: list[tuple[str, float]] = []

        async def story() -> None:
            queue, handler = make(world, workers=4)
            rng = random.Random(seed)

            async def sometimes_fail(key: str) -> None:
                await asyncio.sleep(rng.random())
                if rng.random() < 0.4:
                    raise OSError("no route to host")

            handler.behaviour = sometimes_fail
            async with running(queue):
                for _ in range(60):
                    queue.add(f"ns/{rng.randrange(12)}", urgent=rng.random() < 0.2)
                    await asyncio.sleep(rng.random() * 0.2)
                await queue.drain()
            calls.extend(handler.calls)

        world.run(story())
        return calls

    world.loop.close()
    world_type = type(world)
    assert history(3) == history(3)
    assert history(3) != history(4)


def test_wrong_settings_are_refused_by_name(world: Any) -> None:
    with pytest.raises(ValueError, match="workers: 0 given, allowed: 1 or more"):
        make(world, workers=0)
    with pytest.raises(ValueError, match="after: -1 given"):
        Retry(-1)
    world.loop.close()
