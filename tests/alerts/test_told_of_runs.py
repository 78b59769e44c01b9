"""What a service is told of a run: three messages, everything, or one that is edited, and no secret in any log."""

import asyncio
import random
from typing import Any

import pytest

from delivery.alerts.carrier import Carrier
from delivery.alerts.destination import ServiceDestination, worth_telling
from delivery.alerts.facts import Severity
from delivery.alerts.services.service import Recipient
from delivery.outbound.outgoing import Outgoing, Reply
from tests.alerts.carrying import KEY, OUTBOX, News, running
from tests.alerts.scenes import TOKEN, canary, facts, note
from tests.controller_process.virtual import World


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
