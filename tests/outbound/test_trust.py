"""Whom a request is sent to and what goes along: certificates, redirects, names that change, nothing of the process."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from delivery.outbound.caller import KEEPS_METHOD
from delivery.outbound.guard import guard_for
from delivery.outbound.outgoing import OutboundError, Outgoing, RefusedAddressError
from tests.metrics.providers.vendor import make_certificate
from tests.outbound.test_caller import Handler, Names, calling, serving


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Path, Path], tuple[Path, Path]]:
    """Ours and a stranger's, both for 127.0.0.1."""
    ours, theirs = (make_certificate(tmp_path_factory.mktemp(name)) for name in ("ours", "theirs"))
    return ours, theirs


@asynccontextmanager
async def encrypted(certificate: tuple[Path, Path], handler: Handler) -> AsyncIterator[str]:
    """The address of a server with this certificate."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def fine(_: web.Request) -> web.Response:
    return web.Response()


async def test_ones_own_authority_vouches_for_its_own_and_for_nobody_else(certificates) -> None:
    ours, theirs = certificates
    async with encrypted(ours, fine) as mine, encrypted(theirs, fine) as other, calling() as caller:
        assert (await caller.send(Outgoing(url=mine, ca=ours[0].read_text()))).ok
        with pytest.raises(OutboundError, match="cannot be reached"):
            await caller.send(Outgoing(url=other, ca=ours[0].read_text()))
        with pytest.raises(OutboundError, match="cannot be reached"):
            await caller.send(Outgoing(url=mine))


async def test_beside_ones_own_authority_the_systems_vouch_for_nobody(certificates, trusted) -> None:
    ours, theirs = certificates
    trusted(theirs[0])
    async with encrypted(theirs, fine) as other, calling() as caller:
        with pytest.raises(OutboundError, match="cannot be reached"):
            await caller.send(Outgoing(url=other, ca=ours[0].read_text()))


async def test_a_certificate_is_for_its_name(certificates) -> None:
    ours, _ = certificates
    names = Names({"elsewhere.test": ["127.0.0.1"]})
    async with encrypted(ours, fine) as url, calling(lookup=names) as caller:
        away = url.replace("127.0.0.1", "elsewhere.test")
        with pytest.raises(OutboundError, match="cannot be reached"):
            await caller.send(Outgoing(url=away, ca=ours[0].read_text()))
        assert (await caller.send(Outgoing(url=away, verify=False))).ok


async def test_an_authority_that_is_none_is_said() -> None:
    async with calling() as caller:
        with pytest.raises(OutboundError, match="no certificate in PEM"):
            await caller.send(Outgoing(url="https://127.0.0.1:1", ca="-----BEGIN NOTHING-----"))


async def test_a_redirect_out_of_encryption_is_refused(certificates) -> None:
    heard: list[str] = []

    async def plain(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    ours, _ = certificates
    async with serving(plain) as target:

        async def moved(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{target}/plain"})

        async with encrypted(ours, moved) as url, calling() as caller:
            with pytest.raises(RefusedAddressError, match="not encrypted"):
                await caller.send(Outgoing(url=url, ca=ours[0].read_text()))
    assert heard == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305])
async def test_no_other_redirect_is_followed(status: int) -> None:
    heard: list[str] = []

    async def moved(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response(status=status if request.path == "/old" else 200, headers={"Location": "/new"})

    async with serving(moved) as url, calling() as caller:
        reply = await caller.send(Outgoing(url=f"{url}/old"))
    assert (reply.ok, reply.status, heard) == (False, status, ["/old"])
    assert status not in KEEPS_METHOD


@pytest.mark.parametrize("status", [307, 308])
async def test_who_is_redirected_to_somebody_else_is_known_by_the_same_key(status: int) -> None:
    heard: list[dict[str, str]] = []

    async def other(request: web.Request) -> web.Response:
        heard.append(dict(request.headers))
        return web.Response()

    async with serving(other) as elsewhere:

        async def moved(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": elsewhere})

        headers = (("Idempotency-Key", "a/b"), ("Content-Type", "application/json"), ("X-Token", "s3cret"))
        async with serving(moved) as url, calling() as caller:
            assert (await caller.send(Outgoing(url=url, headers=headers))).ok
    (seen,) = heard
    assert (seen["Idempotency-Key"], seen["Content-Type"]) == ("a/b", "application/json")
    assert "X-Token" not in seen


async def test_a_name_that_leads_elsewhere_now_is_judged_anew() -> None:
    """The first answer of a name service is harmless, the next one leads inside."""
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    names = Names({"turning.test": ["127.0.0.1"]})
    async with serving(answer) as url, calling(guard_for("127.0.0.1"), lookup=names) as caller:
        outgoing = Outgoing(url=url.replace("127.0.0.1", "turning.test"))
        assert (await caller.send(outgoing)).ok
        names.known["turning.test"] = ["169.254.169.254"]
        with pytest.raises(RefusedAddressError, match="link-local"):
            await caller.send(outgoing)
    assert heard == ["/"]


async def test_nothing_is_remembered_for_the_next_request() -> None:
    seen: list[str | None] = []

    async def baking(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        response = web.Response()
        response.set_cookie("session", "1")
        return response

    names = Names({"hooks.test": ["127.0.0.1"]})
    async with serving(baking) as url, calling(lookup=names) as caller:
        for _ in range(2):
            for each in (url, url.replace("127.0.0.1", "hooks.test")):
                await caller.send(Outgoing(url=each))
    assert seen == [None] * 4


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(status=502)

    async with serving(fine) as url, serving(proxy) as between, calling() as caller:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, between)
        monkeypatch.setenv("no_proxy", "")
        assert (await caller.send(Outgoing(url=url))).ok
    assert asked == []


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Makes the system trust a certificate."""
    from delivery.outbound import caller as module

    def trust(path: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        module._tls.cache_clear()

    yield trust
    module._tls.cache_clear()
