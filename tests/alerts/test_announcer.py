"""The announcer: everything is told once, whatever fails on the way."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from delivery.alerts.announcer import Announcer
from delivery.alerts.sink import UndeliverableError
from delivery.cluster.errors import Conflict, Denied, Gone, Invalid, NotLeader, Unavailable, Unknown
from delivery.cluster.objects import Change, Object
from strategies.status import Announcement
from tests.controller_process.virtual import START, World

KEY = "shop/reviews"
CANARY = {"metadata": {"namespace": "shop", "name": "reviews", "uid": "u-1"}}


class Server:
    """Takes writes as an API server does: an Event that exists already is a conflict. Fails when told."""

    def __init__(self) -> None:
        self.events: dict[str, Object] = {}
        self.attempts: list[tuple[str, float]] = []
        self.failures: list[Exception] = []
        self.fails_always: Exception | None = None
        self.loses_answers = False
        self.seconds = 0.0
        self.at_once = self.most_at_once = 0

    async def write(self, change: Change, *, timeout: float = 10.0) -> Object:
        name = change.ref.name
        self.attempts.append((name, asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.fails_always or self.failures:
            raise self.fails_always or self.failures.pop(0)
        if name in self.events:
            raise Conflict(f"{change.ref} exists")
        self.events[name] = change.body
        if self.loses_answers:
            self.loses_answers = False
            raise Unknown("no answer")
        return change.body


class Told:
    """Records what has been reported as delivered."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.changed = asyncio.Event()

    def __call__(self, key: str, name: str) -> None:
        assert key == KEY
        self.ids.append(name)
        self.changed.set()

    async def wait(self, count: int) -> None:
        while len(self.ids) < count:
            self.changed.clear()
            await self.changed.wait()


def announcements(count: int, start: int = 0) -> list[Announcement]:
    return [
        Announcement(id=f"r1-{number}", at=START, reason="WeightRaised", message="more")
        for number in range(start, start + count)
    ]


def make(world: World, **options: Any) -> tuple[Announcer, Server, Told]:
    server, told = Server(), Told()
    return Announcer(server, world.clock, random.Random(1), told, **options), server, told


@asynccontextmanager
async def running(announcer: Announcer) -> AsyncIterator[None]:
    task = asyncio.ensure_future(announcer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def gaps(server: Server) -> list[float]:
    times = [at for _, at in server.attempts]
    return [later - at for at, later in pairwise(times)]


def test_what_is_offered_arrives_once_and_is_reported_until_forgotten(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        outbox = announcements(3)
        assert announcer.offer(KEY, CANARY, outbox) == 0
        announcer.offer(KEY, CANARY, outbox)
        async with running(announcer):
            await told.wait(3)
            announcer.offer(KEY, CANARY, outbox)
            await asyncio.sleep(60)
        assert sorted(told.ids) == ["r1-0", "r1-1", "r1-2"]
        assert len(server.attempts) == 3
        assert announcer.delivered(KEY) == {"r1-0", "r1-1", "r1-2"}
        assert announcer.delivered("shop/ratings") == frozenset()
        announcer.forget(KEY, ["r1-0", "r1-1", "unknown"])
        assert announcer.delivered(KEY) == {"r1-2"}
        announcer.forget(KEY)
        assert announcer.delivered(KEY) == frozenset()

    world.run(story())


def test_an_event_that_exists_already_has_been_delivered(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.events["reviews.r1-0"] = {}
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        assert len(server.attempts) == 1

    world.run(story())


def test_a_lost_answer_is_asked_for_again_and_found_done(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.loses_answers = True
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        assert len(server.attempts) == 2
        assert list(server.events) == ["reviews.r1-0"]

    world.run(story())


def test_a_server_that_is_down_is_asked_ever_later_up_to_a_minute(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.failures = [Unavailable("connection refused") for _ in range(9)]
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        for number, gap in enumerate(gaps(server)):
            wanted = min(60.0, 2.0**number)
            assert 0.8 * wanted <= gap <= wanted + 1e-6
        assert announcer.pending == 0

    world.run(story())


def test_a_missing_permission_is_logged_once_and_tried_again_slowly(
    world: World, lines: list[dict[str, Any]]
) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.failures = [Denied("events is forbidden") for _ in range(6)]
        announcer.offer(KEY, CANARY, announcements(2))
        async with running(announcer):
            await told.wait(2)
        assert [line["event"] for line in lines if "not allowed" in line["event"]] == [
            "not allowed to announce; tried again every 5 minutes"
        ]
        assert 3 * 240 <= server.attempts[-1][1] <= 3 * 300

    world.run(story())


@pytest.mark.parametrize("error", [Invalid("no such field"), Gone("namespace not found")])
def test_what_can_never_arrive_is_given_up_aloud(
    world: World, error: Exception, lines: list[dict[str, Any]]
) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.failures = [error]
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        assert len(server.attempts) == 1
        assert [line["log_level"] for line in lines] == ["error"]

    world.run(story())


def test_without_the_lease_nothing_is_said_and_nothing_lost(
    world: World, lines: list[dict[str, Any]]
) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.failures = [NotLeader("the Lease is somebody else's")] * 3
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        assert len(server.attempts) == 4
        assert lines == []

    world.run(story())


def test_a_full_queue_takes_no_more_and_drops_nothing(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world, limit=10)
        outbox = announcements(25)
        assert announcer.offer(KEY, CANARY, outbox) == 15
        assert announcer.pending == 10
        async with running(announcer):
            await told.wait(10)
            assert announcer.offer(KEY, CANARY, outbox) == 5
            await told.wait(20)
            assert announcer.offer(KEY, CANARY, outbox) == 0
            await told.wait(25)
        assert len(server.events) == len(server.attempts) == 25

    world.run(story())


def test_two_are_told_at_once_and_a_slow_one_is_cut_off(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.seconds = 1.0
        announcer.offer(KEY, CANARY, announcements(6))
        async with running(announcer):
            await told.wait(6)
            assert server.most_at_once == 2
            server.seconds = 3600.0
            announcer.offer(KEY, CANARY, announcements(1, start=6))
            await asyncio.sleep(15)
            server.seconds = 0.0
            await told.wait(7)
        assert server.attempts[-1][1] - server.attempts[-2][1] <= 16

    world.run(story())


def test_a_canary_that_is_gone_takes_what_was_on_its_way_along(world: World) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.fails_always = Unavailable("connection refused")
        announcer.offer(KEY, CANARY, announcements(3))
        async with running(announcer):
            await asyncio.sleep(5)
            announcer.forget(KEY)
            assert announcer.pending == 0
            tried = len(server.attempts)
            await asyncio.sleep(300)
        assert len(server.attempts) == tried
        assert told.ids == []

    world.run(story())


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.5, 2.0])
def test_a_stop_at_any_time_loses_nothing_for_the_next_run(world: World, seconds: float) -> None:
    async def story() -> None:
        announcer, server, told = make(world)
        server.seconds = 0.3
        server.failures = [Unavailable("connection refused") for _ in range(4)]
        announcer.offer(KEY, CANARY, announcements(5))
        async with running(announcer):
            await asyncio.sleep(seconds)
        async with running(announcer):
            await told.wait(5)
        assert sorted(told.ids) == [f"r1-{number}" for number in range(5)]

    world.run(story())


class Channel:
    """Another place to tell people."""

    name = "channel"

    def __init__(self, *, behaviour: Callable[[int], Exception | None]) -> None:
        self.behaviour = behaviour
        self.attempts = 0
        self.messages: list[str] = []

    async def tell(self, canary: Object, announcement: Announcement) -> None:
        self.attempts += 1
        if error := self.behaviour(self.attempts):
            raise error
        self.messages.append(announcement.id)


def test_a_sink_that_fails_does_not_make_the_others_hear_it_twice(world: World) -> None:
    async def story() -> None:
        channel = Channel(behaviour=lambda attempt: OSError("down") if attempt < 4 else None)
        deaf = Channel(behaviour=lambda attempt: UndeliverableError("no such channel"))
        announcer, server, told = make(world, sinks=(channel, deaf))
        announcer.offer(KEY, CANARY, announcements(1))
        async with running(announcer):
            await told.wait(1)
        assert len(server.attempts) == 1
        assert channel.messages == ["r1-0"]
        assert (channel.attempts, deaf.attempts) == (4, 1)

    world.run(story())
