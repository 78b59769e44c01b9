"""Stories of reading: lists, pages, tables, metadata alone, and watches."""

from contextlib import aclosing

from tests.cluster.conformance.asking import (
    MERGE_PATCH,
    METADATA,
    METADATA_LIST,
    TABLE,
    Server,
)
from tests.cluster.conformance.objects import CANARY, config


async def lists_by_selectors_and_in_pages(server: Server) -> None:
    secrets = f"{server.home}/secrets"
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        await server.ask("POST", secrets, {"metadata": {"name": name, "labels": {"l": label}}})
    for query in (
        "labelSelector=l%3Dx",
        "labelSelector=l%20in%20(y)",
        "labelSelector=!l",
        "fieldSelector=metadata.name%3Db",
    ):
        await server.ask("GET", f"{secrets}?{query}")
    first = await server.ask("GET", f"{secrets}?limit=2&labelSelector=l")
    token = first.body["metadata"]["continue"]
    second = await server.ask("GET", f"{secrets}?limit=2&labelSelector=l&continue={token}")
    assert [item["metadata"]["name"] for item in second.body["items"]] == ["c"]
    cached = await server.ask("GET", f"{secrets}?limit=1&resourceVersion=0&labelSelector=l", ignore=("items",))
    assert len(cached.body["items"]) == 3  # a limit is for lists that are consistent
    for query in ("labelSelector=%3D%3D", "fieldSelector=spec.x%3D1", "limit=many", "continue=wrong"):
        assert (await server.ask("GET", f"{secrets}?{query}", wording=False)).code == 400
    canaries = server.path("progressive.delivery/v1beta1", "canaries")
    await server.ask("POST", canaries, CANARY)
    assert (await server.ask("GET", canaries)).body["items"][0]["kind"] == "Canary"
    await server.ask("GET", f"{canaries}?fieldSelector=spec.x%3D1", wording=False)
    future = await server.ask("GET", f"{secrets}?resourceVersion=999999999999", wording=False, ignore=("details",))
    assert (future.code, future.reason) == (504, "Timeout")


async def objects_as_tables_and_as_metadata(server: Server) -> None:
    maps, canaries = f"{server.home}/configmaps", server.path("progressive.delivery/v1beta1", "canaries")
    await server.ask("POST", maps, config("a", x="1"))
    await server.ask("POST", canaries, CANARY)
    for path in (f"{maps}/a", f"{maps}?fieldSelector=metadata.name%3Da", canaries, f"{canaries}/reviews"):
        table = await server.ask("GET", path, accept=TABLE, ignore=("description",))
        assert table.body["kind"] == "Table"
    whole = await server.ask("GET", f"{canaries}?includeObject=Object", accept=TABLE, ignore=("description",))
    assert whole.body["rows"][0]["object"]["kind"] == "Canary"
    await server.ask("GET", f"{canaries}?includeObject=None", accept=TABLE, ignore=("description",))
    assert (await server.ask("GET", f"{maps}/a", accept=METADATA)).body["kind"] == "PartialObjectMetadata"
    await server.ask("GET", f"{maps}?fieldSelector=metadata.name%3Da", accept=METADATA_LIST)
    await server.ask("GET", f"{maps}/a", accept="text/html", wording=False)


async def a_watch_tells_everything_in_order(server: Server) -> None:
    secrets = f"{server.home}/secrets"
    start = (await server.ask("GET", f"{secrets}?labelSelector=l", ignore=("items",))).version
    await server.ask("POST", secrets, {"metadata": {"name": "a", "labels": {"l": "x"}}})
    watch = server.watch(f"{secrets}?watch=true&labelSelector=l%3Dx&resourceVersion={start}&timeoutSeconds=15")
    types = []
    async with aclosing(watch) as events:  # type: ignore[type-var]
        async for event in events:
            types.append(event["type"])
            if len(types) == 1:
                await server.ask("PATCH", f"{secrets}/a", {"type": None, "data": {"k": "dg=="}}, kind=MERGE_PATCH)
            elif len(types) == 2:  # leaves the selection
                await server.ask("PATCH", f"{secrets}/a", {"metadata": {"labels": {"l": "y"}}}, kind=MERGE_PATCH)
            elif len(types) == 3:
                break
    assert types == ["ADDED", "MODIFIED", "DELETED"]


async def a_watch_with_bookmarks_and_one_in_tables(server: Server) -> None:
    canaries = server.path("progressive.delivery/v1beta1", "canaries")
    await server.ask("POST", canaries, CANARY)
    watch = server.watch(f"{canaries}?watch=true&allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds=6")
    types = []
    async with aclosing(watch) as events:  # type: ignore[type-var]
        async for event in events:
            types.append(event["type"])
            if len(types) == 1:  # a cache that has seen no event since it listed knows no version to bookmark
                await server.ask("PATCH", f"{canaries}/reviews", {"metadata": {"labels": {"l": "x"}}}, kind=MERGE_PATCH)
    assert types[:2] == ["ADDED", "MODIFIED"]
    assert set(types[2:]) == {"BOOKMARK"}


async def a_watch_that_can_not_be(server: Server) -> None:
    await server.ask("GET", f"{server.home}/secrets?watch=true&fieldSelector=spec.x%3D1", wording=False)
