"""One adapter for everything that a server at Prometheus' address may do."""

import asyncio
import gzip
import json
import math
import socket
import threading
from typing import Any

import pytest

from metrics.providers import Kind, Providers, QueryError, Sample
from metrics.source import Source
from tests.metrics.conftest import NOON, Handler, Server
from tests.metrics.providers.asking import PATIENCE, ask, dead_address, error, hang, result


async def test_a_vector_is_its_series(server: Server, providers: Providers) -> None:
    result(server, "vector", [{"metric": {"pod": "a"}, "value": [1, "99.5"]}, {"metric": {}, "value": [1, "NaN"]}])
    answer = await ask(providers, server.address)
    assert isinstance(answer, tuple)
    assert answer[0] == Sample(99.5, {"pod": "a"})
    assert math.isnan(answer[1].value)


async def test_nothing_found_is_an_empty_answer(server: Server, providers: Providers) -> None:
    result(server, "vector", [])
    assert await ask(providers, server.address) == ()


@pytest.mark.parametrize(("text", "value"), [("42.5", 42.5), ("+Inf", math.inf), ("-Inf", -math.inf)])
async def test_a_scalar_is_one_series(server: Server, providers: Providers, text: str, value: float) -> None:
    result(server, "scalar", [1, text])
    assert await ask(providers, server.address) == (Sample(value),)


async def test_the_question_is_asked_as_of_its_moment_with_a_time_limit(server: Server, providers: Providers) -> None:
    result(server, "vector", [])
    await ask(providers, server.address, 'sum(x{a="b+c &d"})', timeout=PATIENCE)
    (asked,) = server.asked
    assert asked == {"query": ['sum(x{a="b+c &d"})'], "time": [f"{NOON.timestamp():.3f}"], "timeout": ["20000ms"]}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("matrix", [{"metric": {}, "values": [[1, "1"]]}]),
        ("string", [1, "hello"]),
        ("vector", [{"metric": {}, "histogram": [1, {"count": "3"}]}]),
        ("vector", [{"metric": {}, "value": []}]),
    ],
)
async def test_what_is_not_one_moments_numbers_is_a_wrong_shape(
    server: Server, providers: Providers, kind: str, value: Any
) -> None:
    result(server, kind, value)
    assert (await error(providers, server.address)).kind is Kind.SHAPE


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html><body>Sign in</body></html>", "text/html; charset=utf-8"),
        ("not json", "application/json"),
        ('{"hello": "world"}', "application/json"),
        ('["a"]', "application/json"),
        ('{"data": {"result": {"a": 1}}}', "application/json"),
        ("", "application/json"),
    ],
)
async def test_what_is_not_prometheus_is_said_so(server: Server, providers: Providers, body: str, kind: str) -> None:
    server.script = lambda handler: handler.answer(body, kind=kind)
    assert (await error(providers, server.address)).kind is Kind.NOT_PROMETHEUS


async def test_an_html_page_is_named_with_its_status(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer("<html>gone</html>", status=404, kind="text/html")
    found = await error(providers, server.address)
    assert found.kind is Kind.NOT_PROMETHEUS
    assert "HTTP 404 with text/html" in found.message


async def test_a_promql_error_comes_with_prometheus_own_words(server: Server, providers: Providers) -> None:
    words = '1:5: parse error: unexpected "}"'
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": words})
    server.script = lambda handler: handler.answer(body, status=400)
    found = await error(providers, server.address)
    assert found.kind is Kind.REFUSED
    assert words in found.message


@pytest.mark.parametrize("status", [401, 403])
async def test_missing_credentials_are_a_refusal(server: Server, providers: Providers, status: int) -> None:
    server.script = lambda handler: handler.answer("no", status=status, kind="text/plain")
    found = await error(providers, server.address)
    assert found.kind is Kind.REFUSED
    assert "credentials" in found.message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_that_cannot_serve_is_asked_exactly_once(
    server: Server, providers: Providers, status: int
) -> None:
    server.script = lambda handler: handler.answer("busy", status=status, kind="text/plain", **{"Retry-After": "0"})
    found = await error(providers, server.address)
    assert found.kind is Kind.UNREACHABLE
    assert f"HTTP {status}" in found.message
    assert len(server.asked) == 1


async def test_a_query_that_prometheus_gave_up_took_too_long(server: Server, providers: Providers) -> None:
    """It says so with a 503, which else means that it cannot serve anybody."""
    words = "query timed out in expression evaluation"
    body = json.dumps({"status": "error", "errorType": "timeout", "error": words})
    server.script = lambda handler: handler.answer(body, status=503)
    found = await error(providers, server.address)
    assert found.kind is Kind.TIMEOUT
    assert words in found.message


async def test_a_redirect_is_not_followed_but_named(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer("", status=302, Location="https://me:secret@login.example/?q=1")
    found = await error(providers, server.address)
    assert found.kind is Kind.NOT_PROMETHEUS
    assert "redirects to https://login.example/," in found.message
    assert len(server.asked) == 1


async def test_nobody_at_the_address_is_unreachable_at_once(providers: Providers) -> None:
    found = await error(providers, dead_address())
    assert found.kind is Kind.UNREACHABLE
    assert "Connection refused" in found.message


async def test_a_hang_up_is_unreachable_and_not_asked_again(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    assert (await error(providers, server.address)).kind is Kind.UNREACHABLE
    assert len(server.asked) == 1


async def test_an_answer_that_breaks_off_is_unreachable(server: Server, providers: Providers) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"status": "success"')
        handler.close_connection = True

    server.script = half
    assert (await error(providers, server.address)).kind is Kind.UNREACHABLE


async def test_a_silent_server_is_a_timeout(server: Server, providers: Providers) -> None:
    hang(server)
    found = await error(providers, server.address, timeout=0.3)
    assert found.kind is Kind.TIMEOUT
    assert "0.3 s" in found.message


async def test_a_dripping_server_gets_its_thread_back_from_nobody(server: Server) -> None:
    """One byte at a time never trips a timeout per read; with one thread, the next question needs it back."""
    providers = Providers(threads=1)
    gone = threading.Event()

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while not server.release.wait(0.02):
                handler.wfile.write(b"1\r\n \r\n")
        except OSError:
            gone.set()

    server.script = drip
    assert (await error(providers, server.address, timeout=0.3)).kind is Kind.TIMEOUT
    assert await asyncio.to_thread(gone.wait, PATIENCE)
    result(server, "scalar", [1, "7"])
    assert await ask(providers, server.address) == (Sample(7),)
    providers.close()


async def test_an_answer_too_long_for_one_number_is_refused(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer(b" " * 9_000_000)
    found = await error(providers, server.address)
    assert found.kind is Kind.SHAPE
    assert "aggregate" in found.message


async def test_a_compressed_answer_is_read(server: Server, providers: Providers) -> None:
    body = gzip.compress(json.dumps({"data": {"result": [1, "3"]}}).encode())
    server.script = lambda handler: handler.answer(body, **{"Content-Encoding": "gzip"})
    assert await ask(providers, server.address) == (Sample(3),)


async def test_broken_compression_is_not_prometheus(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer(b"plain", **{"Content-Encoding": "gzip"})
    assert (await error(providers, server.address)).kind is Kind.NOT_PROMETHEUS


async def test_a_connection_serves_many_questions(server: Server, providers: Providers) -> None:
    result(server, "scalar", [1, "1"])
    for _ in range(5):
        assert await ask(providers, server.address) == (Sample(1),)
    assert (len(server.asked), server.sockets) == (5, 1)


async def test_questions_are_asked_at_the_same_time_and_equal_ones_once(server: Server, providers: Providers) -> None:
    together = threading.Barrier(4, timeout=PATIENCE)

    def meet(handler: Handler) -> None:
        together.wait()
        handler.result("scalar", [1, "1"])

    server.script = meet
    queries = ["a", "b", "c", "d", "a"]
    answers = await providers.provider_for(server.address).query(queries, at=NOON, timeout=PATIENCE)
    assert answers == dict.fromkeys("abcd", (Sample(1),))
    assert len(server.asked) == 4


async def test_one_failing_query_does_not_take_the_others_with_it(server: Server, providers: Providers) -> None:
    def half(handler: Handler) -> None:
        if "query=bad" in handler.path:
            handler.answer(json.dumps({"status": "error", "error": "no"}), status=422)
        else:
            handler.result("scalar", [1, "1"])

    server.script = half
    answers = await providers.provider_for(server.address).query(["bad", "good"], at=NOON, timeout=PATIENCE)
    assert isinstance(answers["bad"], QueryError)
    assert answers["good"] == (Sample(1),)


async def test_a_mistake_of_our_own_is_an_answer_too(
    server: Server, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("metrics.providers.prometheus_connection.Connection.ask", broken)
    found = await error(providers, server.address)
    assert found.kind is Kind.FAULT
    assert "AttributeError: no such thing" in found.message


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    server: Server, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", dead_address())
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    result(server, "scalar", [1, "1"])
    assert await ask(providers, server.address) == (Sample(1),)


@pytest.mark.parametrize(
    "address", ["prometheus:9090", "ftp://prometheus", "http://", "", "http://p:x", "http://p/?a=b", "http://p/#f"]
)
def test_an_address_that_cannot_be_one_is_refused(providers: Providers, address: str) -> None:
    with pytest.raises(ValueError, match=r"address.*http://"):
        providers.provider_for(address)


def test_an_unknown_type_of_provider_is_refused_with_the_known_ones(providers: Providers) -> None:
    with pytest.raises(ValueError, match=r"'promotheus', allowed are .*prometheus"):
        providers.source_for(Source(type="promotheus", address="http://p:9090"))


def test_one_address_has_one_provider(providers: Providers) -> None:
    assert providers.provider_for("http://p:9090/") is providers.provider_for("http://p:9090")


async def test_no_message_holds_a_password(server: Server, providers: Providers) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        providers.provider_for("ftp://me:secret@prometheus")
    assert "secret" not in str(refused.value)
    server.script = lambda handler: handler.answer("no", status=503)
    address = server.address.replace("http://", "http://me:secret@")
    for _ in range(6):
        assert "secret" not in (await error(providers, address)).message
    dead = dead_address().replace("http://", "http://me:secret@")
    assert "secret" not in (await error(providers, dead)).message


async def test_credentials_in_the_address_are_sent(server: Server, providers: Providers) -> None:
    def check(handler: Handler) -> None:
        handler.result("scalar", [1, "1" if handler.headers["Authorization"] == "Basic bWU6c2VjcmV0" else "0"])

    server.script = check
    assert await ask(providers, server.address.replace("http://", "http://me:secret@")) == (Sample(1),)
