"""Services that take one request a message and keep nothing of it: what differs is the request alone."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from delivery.alerts.messages import Message
from delivery.alerts.services import replies
from delivery.alerts.services.service import Memory, Recipient, Send
from delivery.outbound.outgoing import Outgoing, Reply

Render = Callable[[Recipient, Message], Outgoing]
"""Pure: the request that tells a recipient."""
Judge = Callable[[Outgoing, Reply], None]
"""Raises what an answer means; see replies.check."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A Service that is one pure function."""

    render: Render
    judge: Judge = replies.check
    brief: bool = True
    edits: bool = False

    async def tell(self, send: Send, to: Recipient, message: Message, memory: Memory) -> None:
        """See Service."""
        outgoing = self.render(to, message)
        self.judge(outgoing, await send(outgoing))


def encoded(body: Any) -> bytes:
    """JSON as it is sent: UTF-8, without blanks."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def colour(message: Message) -> str:
    """One colour a severity, as RRGGBB: green for a good end, blue for news, amber, red."""
    if message.good:
        return "2EB67D"
    return {"info": "0076D7", "warn": "ECB22E", "error": "E01E5A"}[message.severity.value]


def cut(text: str, limit: int) -> str:
    """The text, cut to what a service takes."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
