"""What is sent, what comes back, and the seam at which tests put a service that does not exist."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

MOST_BYTES = 64 * 1024
"""Of an answer's body are kept; nobody here needs more than a sentence of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. Its contents may be secret, so that its repr says only where it goes.

    `timeout_seconds` is for one attempt, redirects and body included. `retries`: how often it is tried again when there
    was no answer, or one that asks to come again (429, 500 to 599). `ca` are authorities in PEM beside no others;
    `verify` False accepts any certificate. `proxy` is the URL of an HTTP proxy, or "".
    """

    url: str = field(repr=False)
    method: str = "POST"
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_seconds: float = 10.0
    retries: int = 0
    ca: str = field(default="", repr=False)
    verify: bool = True
    proxy: str = field(default="", repr=False)

    @property
    def where(self) -> str:
        """Scheme, host and port, for logs and messages: a path may be a secret, as those of chat services are."""
        return displayed(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, whatever its status says. `headers` have names in lower case; `body` is cut at MOST_BYTES.

    `received` is when it came, by our clock.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    received: datetime | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        """Any status from 200 to 299."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """The first header of this name, in lower case; "" if there is none."""
        return next((value for known, value in self.headers if known == name), "")


class OutboundError(Exception):
    """There is no answer. The message names scheme, host and port and is fit for people and logs."""


class RefusedAddressError(OutboundError):
    """The address must not be called; trying again changes nothing until somebody changes it."""


class Caller(Protocol):
    """Who sends requests."""

    async def send(self, outgoing: Outgoing) -> Reply:
        """The last attempt's answer. Raises OutboundError when it had none."""


class Nowhere:
    """The Caller of a process that calls nobody, such as a rehearsal."""

    async def send(self, outgoing: Outgoing) -> Reply:
        """Refuses."""
        raise RefusedAddressError(f"{outgoing.where} is not called: this process calls nobody")


def displayed(url: str) -> str:
    """Scheme, host and port of a URL; without user, path and query, which may be secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that is no URL"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port is not None else ''}"[:200]
