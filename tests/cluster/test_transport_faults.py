"""The transport when the server is slow, gone, or answers nonsense: what a caller may believe afterwards.

The servers here are real ones on loopback that misbehave in one way each.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from delivery.cluster.errors import (
    ClusterError,
    Conflict,
    Denied,
    Expired,
    Gone,
    Invalid,
    Unavailable,
    Unknown,
)
from delivery.cluster.kubernetes import KubernetesApi, connection
from delivery.cluster.objects import PODS, Ref
from tests.cluster.harness.processes import free_port

POD = Ref(PODS, "default", "one")
SHORT = 0.3
ADD = [{"op": "add", "path": "/metadata/labels", "value": {}}]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Call = Callable[[KubernetesApi], Awaitable[object]]

READS: list[Call] = [
    lambda api: api.get(POD, timeout=SHORT),
    lambda api: api.list(PODS, timeout=SHORT),
    lambda api: anext(api.watch(PODS, resource_version="1", timeout=SHORT)),
]
WRITES: list[Call] = [
    lambda api: api.create(POD, {}, timeout=SHORT),
    lambda api: api.patch(POD, ADD, timeout=SHORT),
    lambda api: api.delete(POD, timeout=SHORT),
]


@asynccontextmanager
async def connected(url: str, folder: Path, **user: str) -> AsyncIterator[KubernetesApi]:
    config = {
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "test", "user": user or {"token": "t"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    (folder / "config").write_text(json.dumps(config))
    async with KubernetesApi.connect(str(folder / "config")) as api:
        yield api


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    host, port = site._server.sockets[0].getsockname()  # type: ignore[attr-defined]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(
    met: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server below HTTP."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await met(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.close()


def answering(code: int, body: object) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=code)

    return handler


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")


async def outcome(api: KubernetesApi, call: Call) -> type[Exception]:
    with pytest.raises(ClusterError) as raised:
        await call(api)
    return type(raised.value)


async def test_a_server_that_never_answers_leaves_writes_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.cluster.kubernetes.api.WATCH_GRACE_SECONDS", SHORT)
    async with serving(never) as url, connected(url, tmp_path) as api:
        reads = [await outcome(api, call) for call in READS]
        writes = [await outcome(api, call) for call in WRITES]

    assert reads == [Unavailable] * 3
    assert writes == [Unknown] * 3


async def test_a_server_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    async with connected(f"http://127.0.0.1:{free_port()}", tmp_path) as api:
        assert [await outcome(api, call) for call in READS + WRITES] == [Unavailable] * 6


async def test_a_write_that_waits_for_the_connection_was_not_sent(tmp_path: Path) -> None:
    """A server that accepts and never greets: the time is up before the request could go out."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        async with connected(url, tmp_path) as api:
            assert [await outcome(api, call) for call in WRITES] == [Unavailable] * 3


async def test_a_server_killed_in_the_middle_of_a_write_leaves_it_unknown(tmp_path: Path) -> None:
    async def dies(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with listening(dies) as address, connected(f"http://{address}", tmp_path) as api:
        assert [await outcome(api, call) for call in READS] == [Unavailable] * 3
        assert [await outcome(api, call) for call in WRITES] == [Unknown] * 3


async def test_a_server_killed_in_the_middle_of_its_answer_leaves_a_write_unknown(tmp_path: Path) -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"kind"')
        await writer.drain()

    async with listening(dies) as address, connected(f"http://{address}", tmp_path) as api:
        assert [await outcome(api, call) for call in READS] == [Unavailable] * 3
        assert [await outcome(api, call) for call in WRITES] == [Unknown] * 3


async def test_a_deletion_lost_on_a_reused_connection_is_unknown_although_the_server_is_gone_by_now(
    tmp_path: Path,
) -> None:
    """The HTTP library sends it again by itself and is refused then; the first one may have been done all the same."""
    servers: list[asyncio.Server] = []

    async def keeps_then_dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"\r\n\r\n")
        servers[0].close()
        writer.transport.abort()

    servers.append(await asyncio.start_server(keeps_then_dies, "127.0.0.1", 0))
    port = servers[0].sockets[0].getsockname()[1]
    async with connected(f"http://127.0.0.1:{port}", tmp_path) as api:
        await api.get(POD)
        with pytest.raises(Unknown):
            await api.delete(POD)


CAUSES = {"details": {"causes": [{"field": "spec", "message": "must be"}]}}


@pytest.mark.parametrize(
    ("code", "body", "read", "patch"),
    [
        (400, {}, Invalid, Invalid),
        (401, {}, Denied, Denied),
        (403, {}, Denied, Denied),
        (404, {}, Gone, Gone),
        (408, {}, Unavailable, Unknown),
        (409, {}, Conflict, Conflict),
        (410, {}, Expired, Expired),
        (413, {}, Invalid, Invalid),
        (422, {}, Invalid, Conflict),
        (422, CAUSES, Invalid, Invalid),
        (429, {}, Unavailable, Unavailable),
        (500, {}, Unavailable, Unknown),
        (502, {}, Unavailable, Unknown),
        (503, {}, Unavailable, Unavailable),
        (504, {}, Unavailable, Unknown),
    ],
)
async def test_an_answer_means_what_the_caller_can_do_about_it(
    tmp_path: Path, code: int, body: dict[str, object], read: type[Exception], patch: type[Exception]
) -> None:
    status = {"kind": "Status", "message": "the server's words", **body}
    async with serving(answering(code, status)) as url, connected(url, tmp_path) as api:
        assert [await outcome(api, call) for call in READS] == [read] * 3
        assert await outcome(api, WRITES[1]) == patch
        with pytest.raises(ClusterError, match=f"get Pod default/one: the server's words .*{code}"):
            await api.get(POD)


async def test_a_refused_creation_without_causes_is_invalid_not_a_conflict(tmp_path: Path) -> None:
    async with serving(answering(422, {"kind": "Status"})) as url, connected(url, tmp_path) as api:
        assert await outcome(api, WRITES[0]) == Invalid


async def test_an_error_page_of_something_in_between_is_not_an_answer(tmp_path: Path) -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Please log in</html>", content_type="text/html")

    async with serving(page) as url, connected(url, tmp_path) as api:
        assert [await outcome(api, call) for call in READS] == [Unavailable] * 3
        assert [await outcome(api, call) for call in WRITES] == [Unknown] * 3


async def test_a_list_whose_next_page_is_too_old_has_expired(tmp_path: Path) -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        if "continue" in request.query:
            return web.json_response({"kind": "Status", "message": "too old"}, status=410)
        return web.json_response({"metadata": {"resourceVersion": "1", "continue": "x"}, "items": []})

    async with serving(pages) as url, connected(url, tmp_path) as api:
        with pytest.raises(Expired):
            await api.list(PODS)


async def test_a_list_of_slow_pages_ends_in_time_as_a_whole(tmp_path: Path) -> None:
    asked = 0

    async def pages(_request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.json_response({"metadata": {"resourceVersion": "1", "continue": "again"}, "items": []})

    async with serving(pages) as url, connected(url, tmp_path) as api:
        assert await outcome(api, READS[1]) == Unavailable
    assert asked > 1


def streaming(*chunks: bytes, then: Callable[[], Awaitable[object]] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if then is not None:
            await then()
        return response

    return handler


def line(sort: str, body: object) -> bytes:
    return json.dumps({"type": sort, "object": body}).encode() + b"\n"


async def test_an_event_may_be_longer_than_any_buffer_and_come_in_pieces(tmp_path: Path) -> None:
    long = line("ADDED", {"metadata": {"name": "one", "annotations": {"text": "x" * 5_000_000}}})
    short = line("MODIFIED", {"metadata": {"name": "one"}})
    handler = streaming(long[:100], long[100:] + short[:10], short[10:])

    async with serving(handler) as url, connected(url, tmp_path) as api:
        events = [event async for event in api.watch(PODS, resource_version="1")]

    assert [event.type for event in events] == ["ADDED", "MODIFIED"]
    assert len(events[0].object["metadata"]["annotations"]["text"]) == 5_000_000
    assert events[1].object["kind"] == "Pod"


@pytest.mark.parametrize(("code", "expected"), [(410, Expired), (500, Unavailable), (403, Denied)])
async def test_an_error_event_ends_the_watch_with_its_meaning(
    tmp_path: Path, code: int, expected: type[Exception]
) -> None:
    handler = streaming(line("ERROR", {"kind": "Status", "code": code, "message": "because"}))

    async with serving(handler) as url, connected(url, tmp_path) as api:
        with pytest.raises(expected, match="because"):
            await anext(api.watch(PODS, resource_version="1"))


@pytest.mark.parametrize("rest", [b'{"type": "ADDED", "obj', b"no JSON\n", b"[]\n"])
async def test_a_stream_that_breaks_off_is_unavailable(tmp_path: Path, rest: bytes) -> None:
    handler = streaming(line("ADDED", {"metadata": {"name": "one"}}), rest)

    async with serving(handler) as url, connected(url, tmp_path) as api:
        events = api.watch(PODS, resource_version="1")
        first = await anext(events)
        with pytest.raises(Unavailable):
            await anext(events)

    assert first.type == "ADDED"


async def test_a_cancelled_watch_closes_its_connection(tmp_path: Path) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        begun.set()
        await reader.read()
        ended.set()

    async with listening(watched) as address, connected(f"http://{address}", tmp_path) as api:
        watch = asyncio.ensure_future(anext(api.watch(PODS, resource_version="1")))
        await asyncio.wait_for(begun.wait(), 5)
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watch
        await asyncio.wait_for(ended.wait(), 5)

    assert ended.is_set()


async def test_a_token_file_is_read_again_when_it_may_be_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    token = tmp_path / "token"
    token.write_text("first")
    async with serving(handler) as url, connected(url, tmp_path, tokenFile=str(token)) as api:
        await api.get(POD)
        token.write_text("second")
        await api.get(POD)
        monkeypatch.setattr(connection, "CREDENTIALS_SECONDS", 0.0)
        await api.get(POD)
        token.unlink()
        await api.get(POD)

    assert seen == ["Bearer first", "Bearer first", "Bearer second", "Bearer second"]


async def test_a_closed_transport_says_so(tmp_path: Path) -> None:
    async with connected("http://127.0.0.1:1", tmp_path) as api:
        pass

    with pytest.raises(Unavailable, match="closed"):
        await api.get(POD)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"contexts": [], "current-context": "x"}'])
async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ValueError, match=f"kubeconfig: .*{path}"):
        async with KubernetesApi.connect(str(path)):
            pass
