"""The carrier: alerts arrive at least once, in order, each service in its own time, and none waits for ever."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from delivery.alerts.announcer import Announcer
from delivery.alerts.carrier import Carrier
from delivery.alerts.destination import ServiceDestination, mark, worth_telling
from delivery.alerts.facts import Facts, Severity
from delivery.alerts.repeats import Repeats
from delivery.alerts.services.service import Memory, Recipient, TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.alerts.telling import Telling
from delivery.cluster.objects import Change, Object
from delivery.outbound.outgoing import OutboundError, Outgoing, Reply
from strategies.status import Posted
from tests.alerts.scenes import RUN, TOKEN, canary, facts, note
from tests.controller_process.virtual import World

KEY = "shop/reviews"
Behaviour = Callable[[int], Exception | None]


@dataclass
class Destined:
    """A destination that does what it is told to."""

    name: str
    behaviour: Behaviour = lambda _: None
    service: str = "slack"
    version: str = "1"
    hears_muted: bool = False
    seconds: float = 0.0
    attempts: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def tell(self, facts: Facts, memory: Memory) -> bool:
        self.attempts.append(asyncio.get_running_loop().time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if error := self.behaviour(len(self.attempts)):
            raise error
        self.told.append(facts.reason)
        memory.set(f"m{len(self.told)}")
        return True


class News:
    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def __call__(self, key: str, name: str) -> None:
        self.all.append((key, name))


def make(world: World, *to: Destined, **options: Any) -> tuple[Carrier, News, dict[tuple[str, str], int]]:
    news, counts = News(), {}

    def count(service: str, outcome: str) -> None:
        counts[service, outcome] = counts.get((service, outcome), 0) + 1

    carrier = Carrier(lambda _: to, world.clock, random.Random(1), news, count=count, **options)
    return carrier, news, counts


@asynccontextmanager
async def running(carrier: Carrier | Telling) -> AsyncIterator[None]:
    task = asyncio.ensure_future(carrier.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as captured:
        yield captured


REASONS = ("NewRevision", "Advanced", "CheckFailed", "Promoted")
OUTBOX = [note(reason, number=number) for number, reason in enumerate(REASONS)]


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


# What a service is told of a run


class Hook:
    """A caller behind which everything is well."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, outgoing: Outgoing) -> Reply:
        self.sent.append(outgoing)
        return Reply(status=200, body=b'{"ok":true,"channel":"C1","ts":"1.1"}')


def service(hook: Hook, kind: str = "slack", severity: Severity = Severity.INFO, **to: str) -> ServiceDestination:
    async def resolve() -> tuple[str, Recipient]:
        return kind, Recipient(address="https://hooks.example.com/x", **to)

    return ServiceDestination(name="it", service=kind, severity=severity, resolve=resolve, caller=hook)


LONG = [
    note("NewRevision", number=0),
    *(note("Advanced", number=number) for number in range(1, 20)),
    *(note("CheckFailed", number=number, warning=True) for number in range(20, 30)),
    note("RolledBack", number=30, warning=True),
]


@pytest.mark.parametrize("kind", ["slack", "msteams", "discord", "rocket", "gchat"])
def test_a_hook_gets_at_most_three_messages_of_a_run_however_long(world: World, kind: str) -> None:
    async def story() -> None:
        hook = Hook()
        carrier = Carrier(lambda _: [service(hook, kind)], world.clock, random.Random(1), News())
        async with running(carrier):
            carrier.offer(KEY, canary(), LONG)
            await asyncio.sleep(10)
        bodies = [each.body.decode() for each in hook.sent]
        assert len(bodies) == 3
        for body, reason in zip(bodies, ("NewRevision", "CheckFailed", "RolledBack"), strict=True):
            assert reason in body

    world.run(story())


def test_machines_are_told_everything(world: World) -> None:
    async def story() -> None:
        hook = Hook()
        carrier = Carrier(lambda _: [service(hook, "cloudevents")], world.clock, random.Random(1), News())
        async with running(carrier):
            carrier.offer(KEY, canary(), LONG)
            await asyncio.sleep(10)
        assert len(hook.sent) == len(LONG)

    world.run(story())


@pytest.mark.parametrize(("severity", "count"), [("info", 3), ("warn", 2), ("error", 1)])
def test_severity_is_the_least_that_is_told(world: World, severity: str, count: int) -> None:
    """Flagger's empty severity mutes everything; here it is info."""

    async def story() -> None:
        hook = Hook()
        to = service(hook, severity=Severity(severity))
        carrier = Carrier(lambda _: [to], world.clock, random.Random(1), News())
        async with running(carrier):
            carrier.offer(KEY, canary(), LONG)
            await asyncio.sleep(10)
        assert len(hook.sent) == count

    world.run(story())


def test_a_bots_message_does_not_stay_at_a_warning_when_all_ended_well(world: World) -> None:
    async def story() -> None:
        hook = Hook()
        to = service(hook, severity=Severity.WARN, token=TOKEN)
        carrier = Carrier(lambda _: [to], world.clock, random.Random(1), News())
        notes = [note("NewRevision"), note("CheckFailed", number=2, warning=True), note("Promoted", number=3)]
        async with running(carrier):
            carrier.offer(KEY, canary(), notes)
            await asyncio.sleep(10)
        assert "chat.postMessage" in hook.sent[0].url
        assert b"CheckFailed" in hook.sent[0].body
        assert len(hook.sent) == 3  # the message, why, and the end, of which nobody asked to be told by itself
        assert any("chat.update" in each.url and b"Promoted" in each.body for each in hook.sent)

    world.run(story())


def test_secrets_are_never_logged(world: World, lines: list[Any]) -> None:
    class Leaky:
        async def send(self, outgoing: Outgoing) -> Reply:
            raise RuntimeError(f"{outgoing.url} {outgoing.headers}")

    async def story() -> None:
        to = service(Leaky(), token=TOKEN)  # type: ignore[arg-type]
        carrier = Carrier(lambda _: [to], world.clock, random.Random(1), News())
        async with running(carrier):
            carrier.offer(KEY, canary(), OUTBOX)
            await asyncio.sleep(10)
        assert lines
        assert TOKEN not in str(lines)
        assert "hooks.example.com/x" not in str(lines)

    world.run(story())


def test_what_belongs_to_no_run_is_told_by_itself() -> None:
    assert worth_telling(facts(note("Initialized", run="")), "")
    assert not worth_telling(facts(note("Advanced")), "")
