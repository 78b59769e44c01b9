"""Requests that go through a proxy: it resolves the name, so the address is judged before the proxy is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from aiohttp import web

from delivery.outbound.guard import Guard
from delivery.outbound.outgoing import OutboundError, Outgoing, RefusedAddressError
from tests.outbound.test_caller import LOOPBACK, Names, calling, serving

WORLD = {"hooks.example.com": ["203.0.113.7"], "inside.example.com": ["203.0.113.8", "169.254.169.254"]}


@asynccontextmanager
async def proxying(seen: list[str]) -> AsyncIterator[str]:
    """A proxy that answers by itself what it is asked to pass on."""

    async def answer(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.raw_path} {await request.text()}")
        return web.Response(text="passed on")

    async with serving(answer) as url:
        yield url


async def test_a_proxy_gets_the_whole_address_and_its_answer_comes_back() -> None:
    seen: list[str] = []
    async with proxying(seen) as proxy, calling(lookup=Names(WORLD)) as caller:
        reply = await caller.send(Outgoing(url="http://hooks.example.com/services/1", body=b"{}", proxy=proxy))
    assert (reply.status, reply.body) == (200, b"passed on")
    assert seen == ["POST http://hooks.example.com/services/1 {}"]


async def test_a_proxy_is_asked_for_a_tunnel_to_an_encrypted_address() -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, calling(lookup=Names(WORLD)) as caller:
        with pytest.raises(OutboundError, match=r"hooks\.example\.com"):
            await caller.send(Outgoing(url="https://hooks.example.com/services/1", body=b"{}", proxy=proxy))
    assert asked == [b"CONNECT hooks.example.com:443 HTTP/1.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["inside.example.com", "169.254.169.254"])
async def test_a_proxy_is_no_way_around_the_refused_addresses(scheme: str, host: str) -> None:
    seen: list[str] = []
    async with proxying(seen) as proxy, calling(lookup=Names(WORLD)) as caller:
        with pytest.raises(RefusedAddressError, match=r"169\.254\.169\.254 is link-local"):
            await caller.send(Outgoing(url=f"{scheme}://{host}/latest", body=b"{}", proxy=proxy))
    assert seen == []


async def test_a_redirect_through_a_proxy_is_judged_too() -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(status=307, headers={"Location": "http://inside.example.com/latest"})

    async with serving(elsewhere) as proxy, calling(lookup=Names(WORLD)) as caller:
        with pytest.raises(RefusedAddressError, match=r"169\.254\.169\.254 is link-local"):
            await caller.send(Outgoing(url="http://hooks.example.com/", body=b"{}", proxy=proxy))
    assert seen == ["http://hooks.example.com/"]


async def test_a_name_that_only_the_proxy_knows_is_passed_on_unless_only_some_may_be_called() -> None:
    seen: list[str] = []
    outgoing = {"url": "http://far.example.org/", "body": b"{}"}
    async with proxying(seen) as proxy:
        async with calling(lookup=Names(WORLD)) as caller:
            assert (await caller.send(Outgoing(**outgoing, proxy=proxy))).ok
        only = Guard(allowed=LOOPBACK.allowed, names=("hooks.example.com",), only=True)
        async with calling(only, lookup=Names(WORLD)) as caller:
            with pytest.raises(RefusedAddressError, match=r"far\.example\.org is not among those"):
                await caller.send(Outgoing(**outgoing, proxy=proxy))
    assert seen == ["POST http://far.example.org/ {}"]


async def test_a_proxy_at_a_refused_address_is_not_called() -> None:
    seen: list[str] = []
    nowhere = Guard(allowed=(ip_network("203.0.113.0/24"),))
    async with proxying(seen) as proxy, calling(nowhere, lookup=Names(WORLD)) as caller:
        with pytest.raises(RefusedAddressError, match=r"127\.0\.0\.1 is loopback"):
            await caller.send(Outgoing(url="http://hooks.example.com/", body=b"{}", proxy=proxy))
    assert seen == []
