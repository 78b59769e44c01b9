"""Retry-After: seconds or a date, and never longer than somebody is willing to wait."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web

from delivery.outbound.caller import LONGEST_PAUSE
from delivery.outbound.outgoing import Outgoing, Reply
from delivery.outbound.retry_after import retry_after
from tests.outbound.test_caller import Pauses, calling, serving

NOON = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
DATE = "Tue, 01 Jan 2030 12:00:00 GMT"
"""NOON, as a server says it."""


def answer(said: str, date: str = DATE, received: datetime | None = None) -> Reply:
    return Reply(status=429, headers=(("retry-after", said), ("date", date)), received=received)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0.65", 0.65),
        ("999999999999999", 100.0),
        ("9" * 400, 100.0),
        ("Tue, 01 Jan 2030 12:00:42 GMT", 42.0),
        ("Tuesday, 01-Jan-30 12:00:42 GMT", 42.0),
        ("Tue Jan  1 12:00:42 2030", 42.0),
        ("Tue, 01 Jan 2030 11:59:00 GMT", 0.0),
        ("Tue, 01 Jan 2036 12:00:00 GMT", 100.0),
    ],
)
def test_seconds_and_dates_are_understood_and_bounded(said: str, seconds: float) -> None:
    assert retry_after(answer(said), at_most=100.0) == seconds


@pytest.mark.parametrize(
    "said", ["", "soon", "-5", "1e9", "inf", "nan", "３０", "+5", "0x10", "Tue, 99 Jan 2030 12:00:00 GMT", "1 minute"]
)
def test_what_cannot_be_understood_asks_for_nothing(said: str) -> None:
    assert retry_after(answer(said), at_most=100.0) is None


def test_a_date_is_read_by_the_clock_of_the_server_and_by_ours_where_it_names_none() -> None:
    later = "Tue, 01 Jan 2030 12:00:42 GMT"
    assert retry_after(answer(later, received=datetime(2031, 1, 1, tzinfo=UTC)), at_most=100.0) == 42.0
    assert retry_after(answer(later, date="", received=NOON), at_most=100.0) == 42.0
    assert retry_after(answer(later, date=""), at_most=100.0) is None


@pytest.mark.parametrize(
    ("said", "at_least", "at_most"),
    [
        ("7", 7.0, 7.0),
        ("3600", LONGEST_PAUSE, LONGEST_PAUSE),
        ("Tue, 01 Jan 2030 12:00:20 GMT", 20.0, 20.0),
        ("0", 0.8, 1.0),
        ("later", 0.8, 1.0),
    ],
)
async def test_no_attempt_comes_before_the_time_that_a_service_asks_for(
    said: str, at_least: float, at_most: float
) -> None:
    answers = iter([web.Response(status=503, headers={"Retry-After": said, "Date": DATE}), web.Response()])

    async def busy(_: web.Request) -> web.Response:
        return next(answers)

    pauses = Pauses()
    async with serving(busy) as url, calling(sleep=pauses) as caller:
        assert (await caller.send(Outgoing(url=url, retries=1))).ok
    (pause,) = pauses.taken
    assert at_least <= pause <= at_most


async def test_an_answer_without_a_date_is_dated_when_it_comes() -> None:
    """Most servers say Date; not all do."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Busy\r\nRetry-After: Tue, 01 Jan 2030 12:00:09 GMT\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, calling(now=lambda: NOON) as caller:
        reply = await caller.send(Outgoing(url=url, body=b""))
    assert reply.received == NOON
    assert retry_after(reply, at_most=100.0) == 9.0
