"""What is read and written of ConfigMaps and Secrets, on a real API server: metadata until a content is asked for."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.errors import Conflict, Gone, Invalid
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Kind, Object, Ref, resource_version
from delivery.cluster.projections import PROJECTIONS
from delivery.cluster.reader import Reader
from delivery.workloads.configs.content import digest
from delivery.workloads.configs.copies import copy_change, salt_of
from delivery.workloads.configs.references import Config
from delivery.workloads.names import Names
from delivery.workloads.overlay import refence_change
from tests.cluster.harness.waiting import eventually

HUSH = base64.b64encode(b"hush").decode()
CONTENT: dict[Kind, dict[str, Any]] = {
    CONFIG_MAPS: {"data": {"a": "hush"}, "binaryData": {"b": HUSH}, "immutable": True},
    SECRETS: {"data": {"username": HUSH, "password": HUSH}, "type": "kubernetes.io/basic-auth"},
}
both = pytest.mark.parametrize("kind", [CONFIG_MAPS, SECRETS], ids=str)


@asynccontextmanager
async def reading(api: KubernetesApi, namespace: str, told: list[Object]) -> AsyncIterator[Reader]:
    """A reader of both kinds; `told` is what its listener is told."""
    kinds = {kind: PROJECTIONS[kind] for kind in (CONFIG_MAPS, SECRETS)}
    reader = Reader(
        api,
        SystemClock(),
        kinds=kinds,
        namespace=namespace,
        on_change=lambda _, body: told.append(body),
        rng=random.Random(1),
        optional=dict.fromkeys(kinds, ()),
    )
    running = asyncio.create_task(reader.run())
    try:
        await asyncio.wait_for(reader.wait_synced(), 20.0)
        yield reader
    finally:
        running.cancel()


def body(kind: Kind, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "settings", **metadata}, **CONTENT[kind]}


@both
async def test_lists_and_watches_have_no_content_and_a_get_has_it(
    api: KubernetesApi, namespace: str, kind: Kind
) -> None:
    out = {"flagger.app/config-tracking": "disabled"}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": f"hush {HUSH}", **out}
    ref = Ref(kind, namespace, "settings")
    await api.create(ref, body(kind, annotations=applied))

    listing = await api.list(kind, namespace)
    listed = next(each for each in listing.items if each["metadata"]["name"] == "settings")
    assert set(listed) == {"apiVersion", "kind", "metadata"}
    assert (listed["apiVersion"], listed["kind"]) == ("v1", kind.kind)
    told: list[Object] = []
    async with reading(api, namespace, told) as reader:
        seen = reader.get(ref) or {}
        assert "hush" not in str(seen)
        assert HUSH not in str(seen)
        assert seen["metadata"]["annotations"] == out
        whole = await reader.content(ref) or {}
        assert {field: whole[field] for field in CONTENT[kind]} == CONTENT[kind]
        assert reader.get(ref) == seen


@both
async def test_an_edit_of_the_content_alone_is_told_of(api: KubernetesApi, namespace: str, kind: Kind) -> None:
    ref = Ref(kind, namespace, "settings")
    stored = await api.create(ref, {**body(kind), "immutable": None})
    told: list[Object] = []
    async with reading(api, namespace, told) as reader:
        told.clear()
        edited = await api.patch(ref, [{"op": "add", "path": "/data/c", "value": HUSH}])

        async def heard() -> bool:
            return [each["version"] for each in told] == [resource_version(edited)]

        await eventually(heard, seconds=20.0, what="news of the edit")
        assert resource_version(reader.get(ref) or {"metadata": {}}) != resource_version(stored)


@both
async def test_a_copy_is_taken_as_it_is_and_holds_the_same(api: KubernetesApi, namespace: str, kind: Kind) -> None:
    names = Names(namespace=namespace, canary="reviews", target="reviews", apex="reviews")
    source = await api.create(Ref(kind, namespace, "settings"), body(kind))
    salt = source["metadata"]["uid"] if kind == SECRETS else ""
    change = copy_change(Config(kind, "settings"), source, names, salt=salt, epoch=3)

    copied = await api.create(change.ref, change.body)

    assert {field: copied[field] for field in CONTENT[kind]} == CONTENT[kind]
    assert copied["metadata"]["name"].endswith(digest(source, canary="reviews", salt=salt))
    assert salt_of(copied) == salt
    refenced = refence_change(kind, PROJECTIONS[kind](copied), epoch=4)
    assert refenced is not None
    fenced = await api.patch(change.ref, refenced.patch)
    assert fenced["metadata"]["annotations"]["progressive.delivery/fence"] == "4"
    with pytest.raises(Conflict):
        await api.delete(change.ref, resource_version=resource_version(copied))
    await api.delete(change.ref, resource_version=resource_version(fenced))
    with pytest.raises(Gone):
        await api.get(change.ref)


@both
async def test_the_longest_name_makes_a_name_that_is_allowed(api: KubernetesApi, namespace: str, kind: Kind) -> None:
    names = Names(namespace=namespace, canary="reviews", target="reviews", apex="reviews")
    name = ".".join(["a" * 62] * 4 + ["b"])
    source = await api.create(Ref(kind, namespace, name), {"metadata": {"name": name}, **CONTENT[kind]})
    change = copy_change(Config(kind, name), source, names, salt="", epoch=1)
    assert len(name) == 253
    assert (await api.create(change.ref, change.body))["metadata"]["name"] == change.ref.name


async def test_an_immutable_copy_cannot_be_edited(api: KubernetesApi, namespace: str) -> None:
    names = Names(namespace=namespace, canary="reviews", target="reviews", apex="reviews")
    source = await api.create(Ref(CONFIG_MAPS, namespace, "settings"), body(CONFIG_MAPS))
    change = copy_change(Config(CONFIG_MAPS, "settings"), source, names, salt="", epoch=1)
    await api.create(change.ref, change.body)
    with pytest.raises(Invalid, match="immutable"):
        await api.patch(change.ref, [{"op": "add", "path": "/data/a", "value": "other"}])
