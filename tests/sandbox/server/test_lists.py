"""Lists: pages that end, versions that are past or to come, and answers that are compressed."""

import base64
import json

import pytest

from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import CONFIG_MAPS, NAMESPACES
from delivery.cluster.objects import Ref
from tests.sandbox.server.conftest import HISTORY, Client

MAPS = "/api/v1/namespaces/shop/configmaps"


def fill(store: Store, names: str, namespace: str = "shop", **data: str) -> None:
    """ConfigMaps of these names (one letter each)."""
    for name in names:
        store.create(CONFIG_MAPS, {"metadata": {"name": name}, "data": data}, namespace=namespace)


async def test_pages_are_of_one_version_and_say_what_is_left(ask: Client, store: Store) -> None:
    fill(store, "abcde")
    first = (await ask("GET", f"{MAPS}?limit=2")).body
    store.delete(Ref(CONFIG_MAPS, "shop", "a"))
    fill(store, "f")

    second = (await ask("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")).body
    last = (await ask("GET", f"{MAPS}?limit=9&continue={second['metadata']['continue']}")).body

    pages = [[item["metadata"]["name"] for item in page["items"]] for page in (first, second, last)]
    assert pages == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert first["metadata"]["remainingItemCount"] == 3
    assert {page["metadata"]["resourceVersion"] for page in (first, second, last)} == {
        first["metadata"]["resourceVersion"]
    }
    assert "continue" not in last["metadata"]
    watched = ask.watch(f"{MAPS}?watch=true&resourceVersion={last['metadata']['resourceVersion']}&timeoutSeconds=1")
    assert [event["type"] async for event in watched] == ["DELETED", "ADDED"]


async def test_a_page_of_a_list_too_long_ago_is_expired(ask: Client, store: Store) -> None:
    fill(store, "abc")
    token = (await ask("GET", f"{MAPS}?limit=2")).body["metadata"]["continue"]
    for number in range(HISTORY + 1):
        store.patch(Ref(CONFIG_MAPS, "shop", "a"), [{"op": "add", "path": "/data", "value": {"n": str(number)}}])

    answer = await ask("GET", f"{MAPS}?limit=2&continue={token}")

    assert (answer.code, answer.body["reason"]) == (410, "Expired")


@pytest.mark.parametrize("token", ["x", base64.urlsafe_b64encode(b"{}").decode(), "%FF"])
async def test_a_token_that_is_none_is_refused(ask: Client, token: str) -> None:
    answer = await ask("GET", f"{MAPS}?continue={token}")

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert "continue key is not valid" in answer.body["message"]


async def test_a_list_of_all_namespaces_is_ordered_and_can_be_paged(ask: Client, store: Store) -> None:
    fill(store, "ab", "default")
    fill(store, "ab")

    first = (await ask("GET", "/api/v1/configmaps?limit=3")).body
    rest = (await ask("GET", f"/api/v1/configmaps?limit=3&continue={first['metadata']['continue']}")).body

    found = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in [*first["items"], *rest["items"]]]
    assert found == [("default", "a"), ("default", "b"), ("shop", "a"), ("shop", "b")]


async def test_a_past_version_is_only_given_while_it_is_still_the_present(ask: Client, store: Store) -> None:
    fill(store, "a")
    version = store.resource_version
    store.create(NAMESPACES, {"metadata": {"name": "elsewhere"}})
    exact = f"{MAPS}?resourceVersionMatch=Exact&resourceVersion={version}"

    assert (await ask("GET", exact)).code == 200  # nothing of this kind has changed since
    fill(store, "b")
    assert (await ask("GET", exact)).code == 410
    assert (await ask("GET", f"{MAPS}?resourceVersionMatch=NotOlderThan&resourceVersion={version}")).code == 200
    assert (await ask("GET", f"{MAPS}?resourceVersionMatch=Exact")).code == 422
    assert (await ask("GET", f"{MAPS}?resourceVersionMatch=Newest&resourceVersion=1")).code == 422


async def test_large_answers_are_compressed_for_clients_that_can_read_it(ask: Client, store: Store) -> None:
    fill(store, "abc", text="x" * 100_000)

    packed = await ask("GET", MAPS, accept_encoding="gzip")
    plain = await ask("GET", MAPS, accept_encoding="identity")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < 10_000
    assert "Content-Encoding" not in plain.headers
    assert json.dumps(packed.body) == json.dumps(plain.body)


async def test_what_can_not_be_selected_by_is_named_with_what_can(ask: Client) -> None:
    answer = await ask("GET", "/api/v1/pods?fieldSelector=spec.color%3Dred")

    assert answer.code == 400
    assert "spec.color" in answer.body["message"]
    assert "spec.nodeName" in answer.body["message"]
