"""Requests to real HTTP servers on loopback, well behaved and not."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
from aiodns import error as dns
from aiohttp import web
from aiohttp.abc import ResolveResult

from delivery.outbound.caller import LONGEST_PAUSE, HttpCaller
from delivery.outbound.guard import Guard
from delivery.outbound.outgoing import MOST_BYTES, OutboundError, Outgoing, RefusedAddressError, Reply

SCRIPTS = ("127。0。0。1", "127.0.0。1", "①②⑦。0。0。1", "127.0.0.1\\@gate.test")
"""127.0.0.1 to the library that calls, and to others a name, or what stands before a name."""
LOOPBACK = Guard(allowed=(ip_network("127.0.0.0/8"),))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Names:
    """A name service with these names. `clear`: of others it says that there are none, else that it has failed."""

    known: dict[str, list[str]] = field(default_factory=dict)
    clear: bool = False

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        if host not in self.known:
            code = dns.ARES_ENOTFOUND if self.clear else dns.ARES_ETIMEOUT
            raise OSError(None, f"{host} is not known") from dns.DNSError(code, "no")
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in self.known[host]
        ]

    async def close(self) -> None:
        pass


@dataclass
class Pauses:
    """Remembers how long somebody would have slept."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that handles every request so."""
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def calling(guard: Guard = LOOPBACK, **options: object) -> AsyncIterator[HttpCaller]:
    async with HttpCaller(guard, rng=random.Random(1), **options) as caller:  # type: ignore[arg-type]
        yield caller


async def test_the_request_arrives_and_its_answer_comes_back() -> None:
    async def echo(request: web.Request) -> web.Response:
        seen = f"{request.method} {request.path} {request.headers['X-Key']} {await request.text()}"
        return web.Response(text=seen, headers={"X-Answer": "yes"})

    async with serving(echo) as url, calling() as caller:
        reply = await caller.send(Outgoing(url=f"{url}/check", body=b"{}", headers=(("X-Key", "1"),)))
    assert (reply.status, reply.ok, reply.header("x-answer")) == (200, True, "yes")
    assert reply.body == b"POST /check 1 {}"


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (202, True), (204, True), (299, True), (300, False), (302, False), (403, False)]
)
async def test_any_2xx_is_a_success(status: int, ok: bool) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(answer) as url, calling() as caller:
        assert (await caller.send(Outgoing(url=url))).ok is ok


async def test_it_is_tried_again_with_longer_and_longer_pauses() -> None:
    answers = iter([503, 429, 500, 200])

    async def moody(_: web.Request) -> web.Response:
        return web.Response(status=next(answers))

    pauses = Pauses()
    async with serving(moody) as url, calling(sleep=pauses) as caller:
        reply = await caller.send(Outgoing(url=url, retries=5))
    assert reply.status == 200
    assert [0.8 * 2**n <= each <= 2**n for n, each in enumerate(pauses.taken)] == [True] * 3


async def test_no_pause_is_longer_than_half_a_minute_and_no_two_are_alike() -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500)

    pauses = Pauses()
    async with serving(broken) as url, calling(sleep=pauses) as caller:
        await caller.send(Outgoing(url=url, retries=12))
    assert len(pauses.taken) == 12
    assert max(pauses.taken) <= LONGEST_PAUSE == 30.0
    assert min(pauses.taken[5:]) >= 0.8 * LONGEST_PAUSE
    assert len(set(pauses.taken)) == 12, "callers that failed together do not come back together"


async def test_who_gave_no_answer_is_asked_again() -> None:
    asked: list[str] = []

    async def moody(request: web.Request) -> web.Response:
        asked.append(request.path)
        if len(asked) < 3:
            assert request.transport is not None
            request.transport.abort()
        return web.Response()

    pauses = Pauses()
    async with serving(moody) as url, calling(sleep=pauses) as caller:
        assert (await caller.send(Outgoing(url=url, retries=2))).ok
    assert (len(asked), len(pauses.taken)) == (3, 2)


async def test_a_clear_no_is_not_asked_again() -> None:
    asked = []

    async def refusing(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=403)

    async with serving(refusing) as url, calling() as caller:
        assert (await caller.send(Outgoing(url=url, retries=5))).status == 403
    assert asked == ["/"]


async def test_the_last_answer_counts_when_all_attempts_are_used() -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="tests failed")

    async with serving(broken) as url, calling(sleep=Pauses()) as caller:
        reply = await caller.send(Outgoing(url=url, retries=2))
    assert (reply.status, reply.body) == (500, b"tests failed")


async def test_one_deadline_holds_for_head_and_body() -> None:
    release = asyncio.Event()

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        await release.wait()
        return response

    async with serving(dripping) as url, calling() as caller:
        with pytest.raises(OutboundError, match=r"gave no answer within 0\.2 s"):
            await caller.send(Outgoing(url=url, timeout_seconds=0.2))
        release.set()


async def test_the_deadline_is_the_requests_own() -> None:
    release = asyncio.Event()

    async def hanging(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(hanging) as url, calling() as caller:
        patient = asyncio.ensure_future(caller.send(Outgoing(url=url, timeout_seconds=60.0)))
        hasty = asyncio.ensure_future(caller.send(Outgoing(url=url, timeout_seconds=0.1)))
        done, _ = await asyncio.wait({patient, hasty}, timeout=3.0, return_when=asyncio.FIRST_COMPLETED)
        release.set()
        assert done == {hasty}
        assert (await patient).ok
        with pytest.raises(OutboundError, match=r"within 0\.1 s"):
            await hasty


def test_what_is_no_final_answer_opens_nothing() -> None:
    assert [status for status in range(100, 600) if Reply(status=status).ok] == list(range(200, 300))


async def test_a_huge_body_is_cut() -> None:
    async def huge(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * (20 * MOST_BYTES))

    async with serving(huge) as url, calling() as caller:
        assert len((await caller.send(Outgoing(url=url))).body) == MOST_BYTES


async def test_a_connection_that_is_reset_is_no_answer() -> None:
    async def reset(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(reset) as url, calling() as caller:
        with pytest.raises(OutboundError, match="cannot be reached"):
            await caller.send(Outgoing(url=url))


async def test_loopback_is_refused_before_anything_is_sent() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    names = Names({"gate.test": ["127.0.0.1"], "half.test": ["93.184.216.34", "127.0.0.1"]})
    async with serving(answer) as url, calling(Guard(), lookup=names) as caller:
        port = url.rpartition(":")[2]
        numbers = ("127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0")
        for host in (*numbers, "gate.test", "half.test", *SCRIPTS):
            with pytest.raises(RefusedAddressError):
                await caller.send(Outgoing(url=f"http://{host}:{port}/", retries=3))
    assert asked == []


async def test_the_api_server_is_refused_by_name_and_by_address() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    names = Names({"kubernetes.default.svc": ["127.0.0.1"], "innocent.test": ["127.0.0.1"]})
    guard = Guard(api_server=("kubernetes.default.svc",))
    async with serving(answer) as url, calling(guard, lookup=names) as caller:
        for host in ("kubernetes.default.svc", "innocent.test", "127.0.0.1"):
            with pytest.raises(RefusedAddressError, match="is the API server"):
                await caller.send(Outgoing(url=f"http://{host}:{url.rpartition(':')[2]}/"))


async def test_a_redirect_that_keeps_the_method_is_followed_to_allowed_addresses_only() -> None:
    seen = []

    async def moved(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.path} {await request.text()}")
        if request.path == "/old":
            return web.Response(status=308, headers={"Location": "/new"})
        if request.path == "/trap":
            return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
        return web.Response()

    async with serving(moved) as url, calling() as caller:
        assert (await caller.send(Outgoing(url=f"{url}/old", body=b"payload"))).status == 200
        with pytest.raises(RefusedAddressError, match="link-local"):
            await caller.send(Outgoing(url=f"{url}/trap", retries=3))
    assert seen == ["POST /old payload", "POST /new payload", "POST /trap "]


async def test_a_redirect_to_a_login_page_opens_nothing() -> None:
    async def login(request: web.Request) -> web.Response:
        if request.path == "/login":
            return web.Response(text="who are you?")
        return web.Response(status=302, headers={"Location": "/login"})

    async with serving(login) as url, calling() as caller:
        assert not (await caller.send(Outgoing(url=url))).ok


async def test_endless_redirects_end() -> None:
    async def around(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/again"})

    async with serving(around) as url, calling() as caller:
        with pytest.raises(OutboundError, match="more than 5 times"):
            await caller.send(Outgoing(url=url))


async def test_secrets_do_not_follow_a_redirect_to_somebody_else() -> None:
    seen: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    async with serving(other) as elsewhere:

        async def moved(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{elsewhere}/"})

        async with serving(moved) as url, calling() as caller:
            await caller.send(Outgoing(url=url, headers=(("Authorization", "Bearer s3cret"),)))
    assert seen == [None]


def test_nothing_of_a_request_shows_where_it_is_printed() -> None:
    outgoing = Outgoing(url="https://u:p@hooks.example/T0/s3cret?k=v", body=b"s3cret", headers=(("A", "s3cret"),))
    assert "s3cret" not in repr(outgoing)
    assert outgoing.where == "https://hooks.example"
