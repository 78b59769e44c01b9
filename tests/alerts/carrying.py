"""A carrier with destinations that do what they are told to, for stories about what arrives."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from delivery.alerts.carrier import Carrier
from delivery.alerts.facts import Facts
from delivery.alerts.services.service import Memory
from delivery.alerts.telling import Telling
from tests.alerts.scenes import note
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


REASONS = ("NewRevision", "Advanced", "CheckFailed", "Promoted")
OUTBOX = [note(reason, number=number) for number, reason in enumerate(REASONS)]
