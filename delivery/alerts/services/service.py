"""The seam at which a service is added: what it is given, and how it says that something is wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from delivery.alerts.messages import Link, Message
from delivery.outbound.outgoing import Outgoing, Reply
from strategies.reasons import Reason

Send = Callable[[Outgoing], Awaitable[Reply]]

TIMEOUT = 10.0
"""Seconds that one request may take."""


class TryAgainError(Exception):
    """It has not arrived and may arrive later; `after` are the seconds that the service asks to wait, if it does."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class UnusableError(Exception):
    """It cannot arrive until somebody corrects the AlertProvider or its Secret. The message says what to do.

    `reason` is one word for the condition. Neither may hold anything secret.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who is told, with all that it takes: an AlertProvider and its Secret at the moment of an alert."""

    address: str = field(repr=False)
    token: str = field(default="", repr=False)
    channel: str = ""
    username: str = ""
    proxy: str = field(default="", repr=False)
    template: str = field(default="", repr=False)
    links: tuple[Link, ...] = ()
    legacy_card: bool = False
    kept_in: str = ""
    """What holds address and token, as people know it; "" where nobody but the controller does."""

    def request(
        self, body: bytes, *, url: str = "", kind: str = "application/json", headers: tuple[tuple[str, str], ...] = ()
    ) -> Outgoing:
        """A POST to the recipient, or to another URL of it."""
        typed = ("Content-Type", kind)
        return Outgoing(
            url=url or self.address,
            body=body,
            headers=(typed, *headers),
            timeout_seconds=TIMEOUT,
            proxy=self.proxy,
        )


class Memory(Protocol):
    """What is remembered of a run's messages to one recipient, beyond the process's life: one short word."""

    def get(self) -> str:
        """The word; "" if there is none, or it was lost."""

    def set(self, word: str) -> None:
        """Remember it, instead of the one before."""


class Service(Protocol):
    """How one service is talked to. `brief`: it gets at most three messages a run; else all."""

    @property
    def brief(self) -> bool:
        """Whether people read along, and nothing can be edited."""

    @property
    def edits(self) -> bool:
        """Whether a message can be kept up to date after it was sent."""

    async def tell(self, send: Send, to: Recipient, message: Message, memory: Memory) -> None:
        """Returns when it has arrived.

        Raises TryAgainError, UnusableError, UndeliverableError (this message will never arrive) or OutboundError.
        """
