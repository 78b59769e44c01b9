"""The caches on the in-memory cluster: whatever the network does, nothing goes back in time, and ends right."""

import random

import pytest

from delivery.cluster.memory import Faults, MemoryApi, Store
from delivery.cluster.objects import SERVICES, Ref
from delivery.cluster.projections import PROJECTIONS
from delivery.cluster.reader import Reader

NAMES = ["details", "ratings", "reviews"]


class World:
    """A store that somebody else writes to, and a reader behind a bad network that is watched for going back."""

    def __init__(self, scene, seed):
        self.loop, self.rng = scene.loop, random.Random(seed)
        self.store = Store(scene.clock, seed=seed, history=20)
        faults = Faults(
            latency=(0.0, 3.0), refuse=0.1, lose_request=0.05, lose_response=0.05, watch_lag=(0.0, 5.0),
            watch_drop=0.1, watch_expired=0.05, reorder=bool(seed % 2), bookmark_seconds=10,
        )  # fmt: skip
        self.api = MemoryApi(self.store, scene.loop, rng=random.Random(f"net/{seed}"), faults=faults)
        self.versions, self.dead, self.faults_found = {}, set(), []
        self.reader = Reader(
            self.api, scene.clock, kinds={SERVICES: PROJECTIONS[SERVICES]}, namespace=None, on_change=self.check,
            rng=random.Random(seed), watch_seconds=20,
        )  # fmt: skip
        scene.loop.spawn(self.reader.run(), instance="reader")

    def check(self, kind, body):
        ref, metadata = Ref.of(kind, body), body["metadata"]
        if self.reader.get(ref) is None:
            self.dead.add(metadata["uid"])
            return
        version = int(metadata["resourceVersion"])
        if version < self.versions.get(ref, 0):
            self.faults_found.append(f"{ref} went back to {version}")
        if metadata["uid"] in self.dead:
            self.faults_found.append(f"{ref} came back from the dead")
        self.versions[ref] = version

    def change(self):
        """Somebody writes, or we do (and put the answer), or look, or the network breaks."""
        ref = Ref(SERVICES, "shop", self.rng.choice(NAMES))
        there = self.store.peek(ref) is not None
        match self.rng.choice(["write", "write", "write", "ours", "fetch", "drop", "expire"]):
            case "write" if there and self.rng.random() < 0.3:
                self.store.delete(ref)
            case "write" | "ours" as whose:
                body = self.write(ref, there=there)
                if whose == "ours":
                    self.reader.put(SERVICES, body)
            case "fetch":
                self.loop.spawn(self.reader.fetch(ref), on_exit=lambda error: None)
            case "drop":
                self.api.drop_watches()
            case "expire":
                self.api.expire_watches()

    def write(self, ref, *, there):
        color = str(self.rng.random())
        if there:
            return self.store.patch(ref, [{"op": "add", "path": "/metadata/labels", "value": {"color": color}}])
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": ref.name, "labels": {"color": color}},
                "spec": {"ports": [{"port": 80}]}}  # fmt: skip
        return self.store.create(SERVICES, body, namespace=ref.namespace)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_goes_back_in_time_and_at_last_all_is_right(scene, seed):
    world = World(scene, seed)
    for _ in range(150):
        world.change()
        scene.loop.advance(world.rng.uniform(0, 4))
    world.api.faults.heal()
    scene.loop.advance(120)
    assert world.faults_found == []
    assert world.reader.list(SERVICES) == [PROJECTIONS[SERVICES](body) for body in world.store.scan(SERVICES)]
    assert world.reader.stale([SERVICES]) == 0
    assert scene.loop.errors == []
