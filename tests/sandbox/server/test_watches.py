"""Watches: their end, their past, and clients that read slowly or not at all."""

import asyncio
import json
from contextlib import aclosing

import aiohttp
import pytest

from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import CONFIG_MAPS
from delivery.cluster.objects import Ref
from delivery.cluster.protocols import WatchEvent
from delivery.sandbox.server import ApiServer
from delivery.sandbox.server.watches import Feed
from tests.sandbox.server.conftest import HISTORY, SECONDS, Client

MAPS = "/api/v1/namespaces/shop/configmaps"


def write(store: Store, count: int, *, size: int = 0) -> None:
    """So many changes of one ConfigMap."""
    ref = Ref(CONFIG_MAPS, "shop", "a")
    if store.peek(ref) is None:
        store.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="shop")
    for _ in range(count):
        value = f"{store.resource_version}{'x' * size}"
        store.patch(ref, [{"op": "add", "path": "/data", "value": {"n": value}}])


async def until_there_are(server: ApiServer, count: int) -> None:
    """Wait for so many open watches."""
    async with asyncio.timeout(SECONDS):
        while len(server.watches) != count:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)


async def test_a_watch_goes_on_from_a_version_and_ends_in_time(ask: Client, store: Store) -> None:
    write(store, 1)
    start = store.resource_version
    write(store, 2)

    events = [event async for event in ask.watch(f"{MAPS}?watch=true&resourceVersion={start}&timeoutSeconds=1")]

    assert [event["type"] for event in events] == ["MODIFIED", "MODIFIED"]


async def test_bookmarks_say_how_far_it_is_and_come_after_all_that_they_cover(ask: Client, store: Store) -> None:
    write(store, 1)
    path = f"{MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion={store.resource_version}&timeoutSeconds=1"
    write(store, 1)

    events = [event async for event in ask.watch(path)]

    assert events[0]["type"] == "MODIFIED"
    marks = [event for event in events if event["type"] == "BOOKMARK"]
    assert marks
    assert marks[-1]["object"]["metadata"]["resourceVersion"] == store.resource_version
    assert marks[-1]["object"]["kind"] == "ConfigMap"


@pytest.mark.parametrize("version", ["1", "999999"], ids=["forgotten", "of another life"])
async def test_a_version_that_is_not_known_is_told_as_an_event(ask: Client, store: Store, version: str) -> None:
    write(store, HISTORY + 5)

    events = [event async for event in ask.watch(f"{MAPS}?watch=true&resourceVersion={version}")]

    assert [event["type"] for event in events] == ["ERROR"]
    assert (events[0]["object"]["code"], events[0]["object"]["reason"]) == (410, "Expired")


async def test_a_reader_that_is_too_slow_is_cut_off(ask: Client, store: Store, server: ApiServer) -> None:
    write(store, 0)
    async with ask.session.get(f"{MAPS}?watch=true&resourceVersion=0&timeoutSeconds=60") as response:
        await until_there_are(server, 1)

        async with asyncio.timeout(SECONDS):
            while len(server.watches):  # sockets and their buffers hold much, but not everything
                write(store, 1, size=400_000)
                await asyncio.sleep(0)

        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(response.read(), SECONDS)


async def test_a_feed_keeps_the_past_that_was_asked_for_and_a_backlog_of_news() -> None:
    feed = Feed(backlog=2)
    event = WatchEvent("ADDED", {"metadata": {"name": "a"}})
    for _ in range(5):
        feed.take(event)
    feed.begin()
    for _ in range(2):
        feed.take(event)
    assert not feed.overrun

    feed.take(event)

    assert feed.overrun
    assert len(await feed.next(0)) == 7


async def test_a_client_that_has_gone_leaves_no_watch(ask: Client, server: ApiServer) -> None:
    response = await ask.session.get(f"{MAPS}?watch=true&resourceVersion=0&timeoutSeconds=60")
    await until_there_are(server, 1)

    response.close()

    await until_there_are(server, 0)


async def test_watches_end_with_the_server(server: ApiServer) -> None:

    async with aiohttp.ClientSession() as session:
        async with server.serve() as url:
            response = await session.get(f"{url}{MAPS}?watch=true&resourceVersion=0&timeoutSeconds=60")
            await until_there_are(server, 1)
        async with asyncio.timeout(SECONDS):
            assert await response.content.read() == b""


async def test_a_watch_in_tables_repeats_no_columns(ask: Client, store: Store) -> None:
    write(store, 1)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    path = f"{MAPS}?watch=true&resourceVersion=0&timeoutSeconds=1"
    async with ask.session.get(path, headers=accept) as response:
        first = json.loads(await response.content.readline())
        write(store, 1)
        second = json.loads(await response.content.readline())

    assert first["object"]["columnDefinitions"]
    assert second["object"]["columnDefinitions"] == []
    assert second["object"]["rows"][0]["cells"][0] == "a"


@pytest.mark.parametrize(
    "query", ["watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", "sendInitialEvents=true"]
)
async def test_initial_events_are_refused_so_that_clients_list_instead(ask: Client, query: str) -> None:
    answer = await ask("GET", f"{MAPS}?{query}")

    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "sendInitialEvents"


async def test_a_stream_of_events_is_closed_by_the_client_at_any_time(
    ask: Client, store: Store, server: ApiServer
) -> None:
    write(store, 3)
    async with aclosing(ask.watch(f"{MAPS}?watch=true&resourceVersion=0&timeoutSeconds=60")) as events:  # type: ignore[type-var]
        assert (await anext(events))["type"] == "ADDED"
    write(store, 1)
    await until_there_are(server, 0)
