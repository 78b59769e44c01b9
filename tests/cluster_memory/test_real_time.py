"""The same world on this machine's time: what the sandbox lets people play with."""

import asyncio

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import RealSchedule, Store, World
from delivery.cluster.memory.conditions import is_ready
from delivery.cluster.objects import DEPLOYMENTS, PODS

PATIENCE = 20.0


async def until(store, predicate):
    """Wait for the write after which something holds."""
    written = asyncio.Event()
    store.observers.append(lambda _: written.set())
    async with asyncio.timeout(PATIENCE):
        while not predicate():
            written.clear()
            await written.wait()


@pytest.fixture
async def schedule():
    schedule = RealSchedule(SystemClock(), seed=1)
    yield schedule
    schedule.stop()


@pytest.fixture
def store():
    return Store(SystemClock())


def ready(store):
    return sum(map(is_ready, store.scan(PODS)))


async def test_a_deployment_rolls_in_real_time(store, schedule, deployment, reviews):
    World(store, schedule, delay=(0.0, 0.001), ready_seconds=0.01, terminate_seconds=0.01)
    store.create(DEPLOYMENTS, deployment())
    await until(store, lambda: ready(store) == 4)
    store.patch(reviews, [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "reviews:2"}])

    def rolled():
        images = {pod["spec"]["containers"][0]["image"] for pod in store.scan(PODS)}
        return images == {"reviews:2"} and ready(store) == 4

    await until(store, rolled)


async def test_what_fails_in_the_world_is_reported_and_the_world_goes_on(store, schedule, deployment, reviews):
    """Given an admission hook that breaks on one Deployment's pods, then another Deployment still comes up."""
    World(store, schedule, delay=(0.0, 0.001), ready_seconds=0.01)
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def refuse(admission):
        if admission.ref.kind == PODS and admission.object["metadata"].get("labels", {}).get("app") == "bad":
            raise RuntimeError("no")

    store.admission.append(refuse)
    store.create(DEPLOYMENTS, deployment("bad"))
    store.create(DEPLOYMENTS, deployment())
    await until(store, lambda: ready(store) == 4)
    assert [str(each) for each in reported] == ["no"] * len(reported)
    assert reported


async def test_nothing_happens_once_the_schedule_is_stopped(store, schedule, deployment):
    World(store, schedule, delay=(0.0, 0.0))
    store.create(DEPLOYMENTS, deployment())
    schedule.stop()
    version = store.resource_version
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, done.set)
    await asyncio.wait_for(done.wait(), PATIENCE)
    assert store.resource_version == version
