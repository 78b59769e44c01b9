"""The application's own Reader over the simulation's transport: whatever happens on the way, it ends with the truth."""

import random

import pytest

from delivery.cluster.memory import Faults, MemoryApi, Store, VirtualClock, VirtualLoop, World
from delivery.cluster.objects import DEPLOYMENTS, PODS, REPLICA_SETS
from delivery.cluster.reader import Reader

KINDS = (PODS, REPLICA_SETS, DEPLOYMENTS)


@pytest.mark.parametrize("reorder", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_caches_end_equal_to_the_store(seed, reorder, deployment, reviews):
    loop = VirtualLoop(seed)
    clock = VirtualClock(loop)
    store = Store(clock, seed=seed, history=30)
    World(store, loop)
    faults = Faults(watch_lag=(0, 3), watch_drop=0.1, watch_expired=0.1, refuse=0.1, lose_response=0.1, reorder=reorder)
    readers = []

    async def run():
        readers.append(
            Reader(
                MemoryApi(store, loop, faults=faults),
                clock,
                kinds=dict.fromkeys(KINDS, dict),
                namespace=None,
                on_change=lambda _kind, _object: None,
                rng=random.Random(seed),
            )
        )
        await readers[0].run()

    loop.spawn(run(), instance="controller")
    store.create(DEPLOYMENTS, deployment())
    loop.advance(15)
    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "reviews:2"}
    store.patch(reviews, [image])
    loop.advance(5)
    loop.pause("controller")
    loop.advance(10)
    loop.resume("controller")
    loop.advance(30)
    faults.heal()
    loop.advance(100)
    assert readers[0].synced
    for kind in KINDS:
        assert list(readers[0].list(kind)) == store.scan(kind)
    loop.close()
