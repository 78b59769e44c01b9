"""Sends requests over HTTP, with one deadline an attempt and a bound on everything that comes back."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from delivery.outbound.api_server import Addresses
from delivery.outbound.guard import Guard
from delivery.outbound.outgoing import MOST_BYTES, OutboundError, Outgoing, RefusedAddressError, Reply, displayed
from delivery.outbound.resolving import GuardedResolver, Lookup
from delivery.outbound.retry_after import retry_after

REDIRECTS = 5
KEEPS_METHOD = (307, 308)
"""Redirects that are followed. The others turn a POST into a GET: a login page's 200 would open a gate."""
FIRST_PAUSE = 1.0  # seconds, doubled each time
LONGEST_PAUSE = 30.0
"""Seconds between two attempts, whatever an answer asks for: who waits for a webhook can ask it again later."""
CONNECTIONS = 256
HARMLESS = frozenset({"accept", "content-type", "idempotency-key"})
"""Headers that go along when a redirect leads to somebody else; any other could be a secret."""

Sleep = Callable[[float], Awaitable[None]]


class HttpCaller:
    """The Caller of the process. Use it as a context manager: it owns sockets.

    `guard` says who may be called, `lookup` resolves names (by default aiohttp's own resolver), `endpoints` knows where
    the API server is besides.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        rng: random.Random,
        lookup: Lookup | None = None,
        endpoints: Addresses | None = None,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._resolver = GuardedResolver(guard, lookup, endpoints)
        self._rng = rng
        self._sleep = sleep
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HttpCaller":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is going on."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    async def send(self, outgoing: Outgoing) -> Reply:
        """See Caller."""
        pause = FIRST_PAUSE
        for left in range(outgoing.retries, -1, -1):
            reply, error = await self._attempt(outgoing)
            if reply is not None and not _comes_again(reply):
                return reply
            if left == 0 or isinstance(error, RefusedAddressError):
                break
            asked = retry_after(reply, at_most=LONGEST_PAUSE) if reply is not None else None
            await self._sleep(max(pause * (1.0 - 0.2 * self._rng.random()), asked or 0.0))
            pause = min(LONGEST_PAUSE, 2 * pause)
        if reply is not None:
            return reply
        raise error if error is not None else OutboundError(f"{outgoing.where} gave no answer")

    async def _attempt(self, outgoing: Outgoing) -> tuple[Reply | None, OutboundError | None]:
        """An answer, or why there is none."""
        try:
            async with asyncio.timeout(outgoing.timeout_seconds):
                return await self._follow(outgoing), None
        except OutboundError as error:
            return None, error
        except TimeoutError:
            return None, OutboundError(f"{outgoing.where} gave no answer within {outgoing.timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, _no_answer(outgoing.where, error)

    async def _follow(self, outgoing: Outgoing) -> Reply:
        url, headers = outgoing.url, dict(outgoing.headers)
        for _ in range(REDIRECTS + 1):
            reply = await self._exchange(outgoing, url, headers)
            location = reply.header("location")
            if reply.status not in KEEPS_METHOD or not location:
                return reply
            url, headers = _elsewhere(url, location, headers)
        raise OutboundError(f"{outgoing.where} redirects more than {REDIRECTS} times")

    async def _exchange(self, outgoing: Outgoing, url: str, headers: dict[str, str]) -> Reply:
        """One request and its answer, without following it."""
        target, host = _target(url)
        options: dict[str, Any] = {}
        if outgoing.proxy:  # the connector resolves the proxy only
            options["proxy"], proxy = _target(outgoing.proxy)
            await self._resolver.foresee(host, where=displayed(url))
            await self._resolver.check(proxy, where=displayed(outgoing.proxy))
        else:
            await self._resolver.check(host, where=displayed(url))
        async with self._open().request(
            outgoing.method,
            target,
            data=outgoing.body,
            headers=headers,
            allow_redirects=False,
            ssl=_tls(outgoing.ca, outgoing.verify),
            **options,
        ) as response:
            body = await _bounded(response)
            kept = tuple((name.lower(), value) for name, value in response.headers.items())
            return Reply(status=response.status, headers=kept, body=body, received=self._now())

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver, use_dns_cache=False, force_close=True, limit=CONNECTIONS
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # each attempt has its own
                headers={"User-Agent": "progressive-delivery"},
            )
        return self._session


def _target(url: str) -> tuple[URL, str]:
    """A URL, and its host as the client library will call it: it takes 127。0。0。1 for an address, others do not.

    RefusedAddressError for what is no address of a web server.
    """
    try:
        target = URL(url)
    except ValueError:
        raise RefusedAddressError(f"{displayed(url)} is no http or https address") from None
    if target.scheme not in ("http", "https") or not target.raw_host:
        raise RefusedAddressError(f"{displayed(url)} is no http or https address")
    return target, target.raw_host


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of the body; the connection is closed behind it."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size >= MOST_BYTES:
            break
    return b"".join(parts)[:MOST_BYTES]


def _comes_again(reply: Reply) -> bool:
    return reply.status == 429 or reply.status >= 500


def _elsewhere(url: str, location: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Where a redirect leads, and what goes along: no secrets to somebody else, none without encryption."""
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url), urlsplit(target)
        same = (before.scheme, before.hostname, before.port) == (after.scheme, after.hostname, after.port)
    except ValueError:
        raise OutboundError(f"{displayed(url)} redirects to something that is no URL") from None
    if before.scheme == "https" and after.scheme != "https":
        raise RefusedAddressError(f"{displayed(url)} redirects to {displayed(target)}, which is not encrypted")
    if same:
        return target, headers
    return target, {name: value for name, value in headers.items() if name.lower() in HARMLESS}


@lru_cache(maxsize=64)
def _tls(ca: str, verify: bool) -> ssl.SSLContext | bool:
    """How certificates are checked. Raises OutboundError when `ca` holds none."""
    if not verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not ca:
        return True
    try:
        return ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise OutboundError(f"the authority holds no certificate in PEM ({type(error).__name__})") from None


def _no_answer(where: str, error: Exception) -> OutboundError:
    """In the operating system's words; a refused address is behind the connector's own error."""
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, OutboundError):
            return following
        following = following.__cause__ or following.__context__
    words = " ".join(str(getattr(error, "strerror", None) or type(error).__name__).split())[:160]
    return OutboundError(f"{where} cannot be reached: {words}")
