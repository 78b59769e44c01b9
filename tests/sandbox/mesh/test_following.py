"""The mesh follows a cluster: a store in memory as it is written to, or an API server by watches that break."""

import asyncio
import urllib.request

import pytest

from delivery.cluster.memory import Faults, MemoryApi, Store, VirtualClock, World
from delivery.cluster.objects import DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES, Ref
from delivery.sandbox.mesh import Load, Mesh
from delivery.sandbox.mesh.on_api import OnApi
from delivery.sandbox.mesh.on_store import OnStore
from delivery.sandbox.metrics_page import metrics_page
from tests.sandbox.mesh.things import service, to, virtual_service

LOAD = Load("shop", "reviews", 10)


@pytest.fixture
def store(loop):
    store = Store(VirtualClock(loop), history=20)
    World(store, loop)
    return store


def deploy(store: Store, *, replicas: int = 2) -> None:
    labels = {"app": "reviews"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "reviews:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    store.create(DEPLOYMENTS, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec})
    store.create(SERVICES, service("reviews"))


def test_every_write_is_heard_of_at_its_own_time(loop, store):
    deploy(store)
    loop.advance(10)
    following = OnStore(Mesh(seed=1, lag=(2.0, 2.0), now=loop.time()), store, loop.time)
    following.look().send(LOAD)
    loop.advance(10)
    assert following.look().lost() == 0

    store.create(VIRTUAL_SERVICES, virtual_service(to("nowhere")))
    loop.advance(5)
    assert following.look().lost(flag="NC") == pytest.approx(30)  # five seconds less the lag

    following.close()
    store.delete(Ref(SERVICES, "shop", "reviews"))
    assert following.look().lost(flag="NR") == 0


def test_a_rolling_update_in_a_patient_mesh_loses_nobody(loop, store):
    deploy(store)
    loop.advance(10)
    following = OnStore(Mesh(seed=1, loads=[LOAD], lag=(0.1, 5.0), now=loop.time()), store, loop.time)
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "reviews:2"}
    store.patch(Ref(DEPLOYMENTS, "shop", "reviews"), [image])
    loop.advance(60)

    mesh = following.look()
    assert mesh.lost() == 0
    assert {image for (image,) in mesh.by("image", fate="served")} == {"reviews:1", "reviews:2"}


def test_an_impatient_one_loses_some(loop, store):
    deploy(store, replicas=1)
    loop.advance(10)
    mesh = Mesh(seed=1, loads=[LOAD], lag=(5.0, 5.0), shutdown_seconds=0.5, now=loop.time())
    following = OnStore(mesh, store, loop.time)
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "reviews:2"}
    store.patch(Ref(DEPLOYMENTS, "shop", "reviews"), [image])
    loop.advance(60)

    assert following.look().lost(flag="UF") > 0


def test_watches_that_break_hide_nothing_for_long(loop, store):
    faults = Faults(watch_lag=(0.0, 0.2), watch_drop=0.2, watch_expired=0.2, refuse=0.2)
    following = OnApi(Mesh(seed=1, lag=(0.0, 0.0)), clock=loop.time)
    begun = []
    loop.spawn(
        following.run(MemoryApi(store, loop, faults=faults), "shop", lambda: begun.append(True)), instance="mesh"
    )
    loop.advance(5)
    deploy(store)
    loop.advance(20)
    store.create(VIRTUAL_SERVICES, virtual_service(to("reviews")))
    for pod in store.scan(PODS):
        store.delete(Ref.of(PODS, pod))
    loop.advance(20)
    store.delete(Ref(VIRTUAL_SERVICES, "shop", "reviews"))
    faults.heal()
    loop.advance(60)

    assert begun == [True]
    with following.looking() as mesh:
        mesh.send(LOAD)
    loop.advance(10)
    with following.looking() as mesh:
        assert mesh.lost() == 0
        assert mesh.decide(LOAD).name == ""
        present = {pod["metadata"]["name"] for pod in store.scan(PODS)}
        assert {dict(each.labels)["pod"] for each in mesh.samples()} == {*present, "productpage-1"}


async def test_the_page_shows_the_numbers():
    mesh = Mesh(loads=[LOAD])
    mesh.advance(1.0)
    async with metrics_page(mesh.exposition) as address:
        answer = await asyncio.to_thread(_get, f"http://{address}/metrics")
    assert answer == mesh.exposition()
    assert 'response_flags="NR"' in answer


def _get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as response:
        return str(response.read().decode())
