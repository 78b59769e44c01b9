"""The carrier: alerts arrive at least once, in order, each service in its own time, and none waits for ever."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest

from delivery.alerts.announcer import Announcer
from delivery.alerts.destination import mark
from delivery.alerts.repeats import Repeats
from delivery.alerts.services.service import TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.alerts.telling import Telling
from delivery.cluster.objects import Change, Object
from delivery.outbound.outgoing import OutboundError
from strategies.status import Posted
from tests.alerts.carrying import KEY, OUTBOX, REASONS, Destined, make, running
from tests.alerts.scenes import RUN, canary, note
from tests.controller_process.virtual import World


def test_everybody_is_told_everything_in_order_and_once(world: World) -> None:
    async def story() -> None:
        one, other = Destined("one"), Destined("other", seconds=2.0)
        carrier, news, counts = make(world, one, other)
        async with running(carrier):
            assert carrier.offer(KEY, canary(), OUTBOX) == 0
            carrier.offer(KEY, canary(), OUTBOX)
            await asyncio.sleep(20)
        assert one.told == other.told == list(REASONS)
        assert other.most_at_once == 1
        assert [name for _, name in news.all] == [each.id for each in OUTBOX]
        assert carrier.delivered(KEY) == {each.id for each in OUTBOX}
        assert counts == {("slack", "delivered"): 8}
        assert carrier.pending == 0

    world.run(story())


def test_a_dead_service_keeps_nobody_else_waiting(world: World) -> None:
    async def story() -> None:
        dead, alive = Destined("dead", lambda _: OutboundError("refused")), Destined("alive")
        carrier, _, _ = make(world, dead, alive)
        async with running(carrier):
            for number in range(50):
                carrier.offer(f"shop/{number}", canary(), OUTBOX[:1])
            await asyncio.sleep(1)
            assert len(alive.told) == 50
        assert carrier.delivered("shop/1") == frozenset()

    world.run(story())


def test_a_service_that_hangs_is_asked_by_four_at_a_time(world: World) -> None:
    async def story() -> None:
        slow = Destined("slow", seconds=3600)
        carrier, _, _ = make(world, slow)
        async with running(carrier):
            for number in range(20):
                carrier.offer(f"shop/{number}", canary(), OUTBOX[:1])
            await asyncio.sleep(10)
            assert (slow.most_at_once, len(slow.attempts)) == (4, 4)
            await asyncio.sleep(25)
            assert len(slow.attempts) > 4

    world.run(story())


def test_a_service_that_is_down_for_a_day_is_asked_ever_later_and_given_up_aloud(
    world: World, lines: list[Any]
) -> None:
    """An outbox cannot grow for ever: what nobody could be told within an hour is counted and logged."""

    async def story() -> None:
        down = Destined("down", lambda _: OutboundError("refused"))
        carrier, news, counts = make(world, down)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(3599)
            assert news.all == []
            gaps = [later - at for at, later in pairwise(down.attempts)]
            for number, gap in enumerate(gaps[:8]):
                assert 0.8 * min(60.0, 2.0**number) <= gap <= min(60.0, 2.0**number) + 1e-6
            await asyncio.sleep(24 * 3600)
        assert news.all == [(KEY, OUTBOX[0].id)]
        assert counts["slack", "expired"] == 1
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["alert given up after an hour"]

    world.run(story())


def test_who_was_told_after_some_failures_is_waited_for_as_shortly_as_at_first(world: World) -> None:
    async def story() -> None:
        moody = Destined("moody", lambda attempt: OutboundError("down") if attempt in (1, 2, 3, 4, 6) else None)
        carrier, _, _ = make(world, moody)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:2])
            await asyncio.sleep(60)
        assert moody.told == list(REASONS[:2])
        gaps = [later - at for at, later in pairwise(moody.attempts)]
        assert gaps[3] >= 0.8 * 8.0
        assert gaps[5] <= 1.0

    world.run(story())


def test_it_comes_again_when_the_service_says(world: World) -> None:
    async def story() -> None:
        busy = Destined("busy", lambda attempt: TryAgainError("429", 120.0) if attempt == 1 else None)
        carrier, _, _ = make(world, busy)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(119)
            assert busy.told == []
            await asyncio.sleep(2)
            assert busy.told == ["NewRevision"]

    world.run(story())


def test_what_can_never_arrive_is_given_up_and_the_next_is_told(world: World, lines: list[Any]) -> None:
    async def story() -> None:
        picky = Destined("picky", lambda attempt: UndeliverableError("too long") if attempt == 1 else None)
        carrier, _, counts = make(world, picky)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX)
            await asyncio.sleep(5)
        assert picky.told == list(REASONS[1:])
        assert counts["slack", "refused"] == 1
        assert [line["event"] for line in lines] == ["alert given up"]

    world.run(story())


def test_a_killed_process_tells_again_what_the_outbox_still_holds(world: World) -> None:
    """Sent, and killed before the note was struck: at least once."""

    async def story() -> None:
        service = Destined("one")
        first, _, _ = make(world, service)
        async with running(first):
            first.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
        second, _, _ = make(world, service)
        async with running(second):
            second.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
        assert service.told == ["NewRevision"] * 2

    world.run(story())


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.5, 4.0])
def test_a_stop_at_any_time_loses_nothing_for_the_next_run(world: World, seconds: float) -> None:
    async def story() -> None:
        service = Destined("one", lambda attempt: OutboundError("down") if attempt in (1, 3) else None, seconds=0.3)
        carrier, _, _ = make(world, service)
        carrier.offer(KEY, canary(), OUTBOX)
        async with running(carrier):
            await asyncio.sleep(seconds)
        async with running(carrier):
            await asyncio.sleep(60)
        assert list(dict.fromkeys(service.told)) == list(REASONS)
        assert carrier.pending == 0

    world.run(story())


def test_messages_are_found_again_by_the_status_after_a_restart(world: World) -> None:
    async def story() -> None:
        service = Destined("one")
        carrier, _, _ = make(world, service)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
        kept = carrier.posted(KEY)
        assert kept == (Posted(to=mark("one"), run=RUN, word="m1"),)
        later, _, _ = make(world, service)
        later.recall(KEY, kept)
        assert later.posted(KEY) == kept

    world.run(story())


def test_a_provider_that_cannot_be_used_is_a_fault_until_somebody_corrects_it(world: World) -> None:
    async def story() -> None:
        wrong = Destined("wrong", lambda _: UnusableError("SlackRefused", "correct the token"))
        carrier, news, _ = make(world, wrong)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
            fault = carrier.fault(KEY)
            assert fault is not None
            assert (fault.reason, fault.message) == ("SlackRefused", "correct the token")
            assert news.all == [(KEY, "")]
            wrong.version = "2"
            assert carrier.fault(KEY) is None
            wrong.behaviour = lambda _: None
            await asyncio.sleep(61)
        assert (carrier.fault(KEY), wrong.told) == (None, ["NewRevision"])

    world.run(story())


def test_who_was_corrected_is_told_at_once_and_not_a_minute_later(world: World) -> None:
    async def story() -> None:
        wrong = Destined("wrong", lambda _: UnusableError("SecretNotFound", "create it"))
        other = Destined("other", lambda _: UnusableError("SecretNotFound", "create it"))
        carrier, _, _ = make(world, wrong, other)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(3)
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(3)
            assert (len(wrong.attempts), len(other.attempts)) == (1, 1), "nothing has changed"
            wrong.version, wrong.behaviour = "2", lambda _: None
            carrier.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
            assert wrong.told == ["NewRevision"]
            assert len(other.attempts) == 1

    world.run(story())


def test_a_muted_note_and_a_canary_that_tells_nobody_are_done_at_once(world: World) -> None:
    async def story() -> None:
        service = Destined("one")
        carrier, news, _ = make(world, service)
        muted = note("GateClosed", warning=True, muted=True)
        carrier.offer(KEY, canary(), [muted])
        assert carrier.delivered(KEY) == {muted.id}
        nobody, _, _ = make(world)
        nobody.offer(KEY, canary(), OUTBOX)
        assert nobody.delivered(KEY) == {each.id for each in OUTBOX}
        assert news.all == []

    world.run(story())


def test_a_canary_that_is_gone_takes_what_was_on_its_way_along(world: World) -> None:
    async def story() -> None:
        down = Destined("down", lambda _: OutboundError("refused"))
        carrier, _, _ = make(world, down)
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX)
            await asyncio.sleep(5)
            carrier.forget(KEY)
            tried = len(down.attempts)
            await asyncio.sleep(300)
        assert (len(down.attempts), carrier.pending) == (tried, 0)

    world.run(story())


def test_a_full_queue_takes_no_more_and_drops_nothing(world: World) -> None:
    async def story() -> None:
        carrier, _, _ = make(world, Destined("one"), limit=3)
        assert carrier.offer(KEY, canary(), OUTBOX) == 1
        async with running(carrier):
            await asyncio.sleep(1)
            assert carrier.offer(KEY, canary(), OUTBOX) == 0

    world.run(story())


class Server:
    """Takes every Event."""

    async def write(self, change: Change, *, timeout: float = 10.0) -> Object:
        return change.body


def test_a_note_leaves_the_outbox_when_events_and_alerts_have_it(world: World) -> None:
    async def story() -> None:
        down = Destined("down", lambda attempt: OutboundError("down") if attempt < 4 else None)
        carrier, _, _ = make(world, down)
        events = Announcer(Server(), world.clock, random.Random(1), lambda _key, _name: None)
        telling = Telling(events, carrier, Repeats(world.clock, lambda _key, _name: None))
        async with running(telling):
            telling.offer(KEY, canary(), OUTBOX[:1])
            await asyncio.sleep(1)
            assert events.delivered(KEY) == {OUTBOX[0].id}
            assert telling.delivered(KEY) == frozenset()
            await asyncio.sleep(30)
            assert telling.delivered(KEY) == {OUTBOX[0].id}
            telling.forget(KEY, [OUTBOX[0].id])
            assert telling.delivered(KEY) == frozenset()

    world.run(story())
