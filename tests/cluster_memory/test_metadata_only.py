"""Kinds of which lists and watches have metadata alone, and caches that are told of an edit all the same."""

import random

import pytest

from delivery.cluster.errors import Conflict, Denied, Gone, Unavailable
from delivery.cluster.memory import MemoryApi, VirtualClock
from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Ref
from delivery.cluster.projections import PROJECTIONS
from delivery.cluster.reader import Reader

LOGIN = Ref(SECRETS, "shop", "login")
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"hush"}}'}
OURS = {"progressive.delivery/config": "login", "flagger.app/config-tracking": "disabled"}


def body():
    meta = {"name": "login", "namespace": "shop", "annotations": {**APPLIED, **OURS}, "labels": {"app": "x"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"a": "aHVzaA=="}, "type": "Opaque"}


@pytest.fixture
def api(store, loop):
    return MemoryApi(store, loop)


@pytest.fixture
def told():
    return []


@pytest.fixture
def reader(api, loop, told):
    kinds = {kind: PROJECTIONS[kind] for kind in (CONFIG_MAPS, SECRETS)}
    return Reader(
        api, VirtualClock(loop), kinds=kinds, namespace=None, on_change=lambda _, each: told.append(each),
        rng=random.Random(1), optional=dict.fromkeys(kinds, ()),
    )  # fmt: skip


def run(loop, coro):
    return loop.run_until_complete(coro)


def test_nothing_of_a_content_is_listed_watched_or_kept(loop, store, api, reader, told):
    store.create(SECRETS, body(), namespace="shop")
    assert set(run(loop, api.list(SECRETS)).items[0]) == {"apiVersion", "kind", "metadata"}
    loop.spawn(reader.run())
    loop.advance(1.0)
    store.patch(LOGIN, [{"op": "add", "path": "/data/b", "value": "aHVzaA=="}])
    loop.advance(1.0)
    assert len(told) == 2, "the content alone has changed"
    assert "hush" not in str(told)
    assert "aHVzaA==" not in str(told)
    assert told[-1]["metadata"]["annotations"] == OURS
    assert told[-1]["metadata"]["labels"] == {}
    whole = run(loop, reader.content(LOGIN))
    assert whole["data"] == {"a": "aHVzaA==", "b": "aHVzaA=="}
    assert "data" not in reader.get(LOGIN)


def test_what_is_surely_gone_is_forgotten(loop, store, api, reader):
    store.create(SECRETS, body(), namespace="shop")
    loop.spawn(reader.run())
    loop.advance(1.0)
    api.drop_watches()
    store.delete(LOGIN)
    assert run(loop, reader.content(LOGIN)) is None
    assert reader.get(LOGIN) is None


def test_a_deletion_holds_only_for_the_version_that_was_seen(loop, store, api):
    stored = store.create(SECRETS, body(), namespace="shop")
    edited = store.patch(LOGIN, [{"op": "add", "path": "/data/b", "value": "aHVzaA=="}])
    with pytest.raises(Conflict):
        run(loop, api.delete(LOGIN, resource_version=stored["metadata"]["resourceVersion"]))
    run(loop, api.delete(LOGIN, resource_version=edited["metadata"]["resourceVersion"]))
    with pytest.raises(Gone):
        run(loop, api.get(LOGIN))


@pytest.mark.parametrize(("error", "synced"), [(Denied, True), (Unavailable, False)])
def test_nobody_waits_for_what_is_forbidden_and_everybody_for_what_is_to_come(loop, api, reader, error, synced):
    def before(request):
        if request.verb == "list" and request.kind == SECRETS:
            raise error("no")

    api.before = before
    loop.spawn(reader.run())
    loop.advance(5.0)
    assert reader.synced is synced
    assert reader.denied(SECRETS) is synced
    assert reader.answered(SECRETS) is synced
    assert reader.answered(CONFIG_MAPS)
    assert not reader.denied(CONFIG_MAPS)
