"""Services behind webhooks in the simulation: they outlive every controller and remember what they were sent."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from delivery.outbound.outgoing import OutboundError, Outgoing, Reply

Says = int | Callable[[dict[str, Any]], int] | None
"""A status, one that depends on the payload, or None: nobody is there."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One request: when, where to, what, and under which key."""

    at: float
    path: str
    payload: dict[str, Any]
    key: str
    headers: dict[str, str]


@dataclass(slots=True)
class SimulatedCaller:
    """Answers by the path of the address, 200 unless something else is said, `slow` seconds later."""

    says: dict[str, Says] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    slow: float = 0.5

    async def send(self, outgoing: Outgoing) -> Reply:
        """See Caller."""
        path = urlsplit(outgoing.url).path
        payload, headers = json.loads(outgoing.body), dict(outgoing.headers)
        now = asyncio.get_running_loop().time()
        self.heard.append(Heard(now, path, payload, headers.get("Idempotency-Key", ""), headers))
        await asyncio.sleep(self.slow)
        says = self.says.get(path, 200)
        if says is None:
            raise OutboundError(f"{outgoing.where} cannot be reached: Connection refused")
        return Reply(status=says(payload) if callable(says) else says)

    def at(self, path: str) -> list[Heard]:
        """What one service was sent."""
        return [each for each in self.heard if each.path == path]

    def keys(self, path: str) -> set[str]:
        """The keys of it: what has the same key is the same thing."""
        return {each.key for each in self.at(path)}
