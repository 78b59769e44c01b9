"""What a story can do with its hands, and how it says what it waited for in vain."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.sandbox.client import Client, RefusedError
from delivery.sandbox.definitions import install_all
from delivery.sandbox.demo.scene import CANARY, ROUTE, TARGET, Scene, StoryError, at_rest, at_weight, because, held
from delivery.sandbox.demo.stories import DEFAULT, STORIES
from delivery.sandbox.server import ApiServer

EXAMPLES = Path(__file__).parents[3] / "examples" / "reviews-canary"


class NoKeyboard:
    async def type(self, line: str) -> str:
        raise AssertionError(line)


class NoSwitch:
    async def down(self) -> None: ...

    async def up(self) -> None: ...


@pytest.fixture
def store() -> Store:
    store = Store(SystemClock())
    store.create(NAMESPACES, {"metadata": {"name": "bookinfo"}})
    return store


@pytest.fixture
async def scene(store: Store) -> AsyncIterator[Scene]:
    server = ApiServer(store, clock=SystemClock())
    install_all(store, ())
    async with server.serve("127.0.0.1", 0) as url, Client.connected(url) as user:
        yield Scene(store, user, EXAMPLES, NoSwitch(), NoKeyboard())


async def test_every_file_of_every_story_is_there_and_releases_the_version_that_it_names(scene: Scene) -> None:
    for story in STORIES.values():
        assert [body["kind"] for body in scene.manifests(story.canary)] == ["Canary"]
        for act in story.acts:
            assert bool(act.patch) != bool(act.typed)
            if act.typed:
                continue
            (patch,) = scene.manifests(act.patch)
            assert patch["spec"]["template"]["metadata"]["labels"]["version"] == act.expected.version
    assert [act.expected.result for act in STORIES[DEFAULT].acts] == ["Promoted", "RolledBack"]


async def test_a_release_changes_what_the_pods_are_labelled_with(store: Store, scene: Scene) -> None:
    assert scene.version(TARGET) == ""
    store.delete(Ref(NAMESPACES, "", "bookinfo"))
    await scene.apply("reviews.yaml")
    assert scene.version(TARGET) == "v1"
    await scene.release("demo/v3-errors.yaml")
    assert scene.version(TARGET) == "v3"
    template = store.get(TARGET)["spec"]["template"]
    assert template["metadata"]["labels"]["app"] == "reviews"
    assert template["spec"]["containers"][0]["readinessProbe"]["timeoutSeconds"] == 1  # as a server fills it in


async def test_what_the_server_refuses_is_told(scene: Scene) -> None:
    with pytest.raises(RefusedError, match=r'deployments\.apps "reviews" not found'):
        await scene.release("demo/v2.yaml")


async def test_a_server_that_is_gone_is_told_as_a_refusal(store: Store) -> None:
    async with ApiServer(store, clock=SystemClock()).serve("127.0.0.1", 0) as url:
        pass
    async with Client.connected(url) as user:
        with pytest.raises(RefusedError, match="PATCH /apis/apps/v1/namespaces/bookinfo/deployments/reviews: "):
            await user.merge(TARGET, {})


async def test_a_hand_edit_of_the_route_changes_both_weights(store: Store, scene: Scene) -> None:
    shares = (("reviews-primary.bookinfo.svc.cluster.local", 80), ("reviews-canary.bookinfo.svc.cluster.local", 20))
    branches = [{"destination": {"host": host}, "weight": weight} for host, weight in shares]
    body = {"metadata": {"name": "reviews"}, "spec": {"hosts": ["reviews"], "http": [{"route": branches}]}}
    store.create(VIRTUAL_SERVICES, body, namespace="bookinfo")
    await scene.route_by_hand(5)
    route = store.get(ROUTE)["spec"]["http"][0]["route"]
    assert [branch["weight"] for branch in route] == [95, 5]


async def test_waiting_ends_with_the_write_that_makes_it_so(store: Store, scene: Scene) -> None:
    await scene.apply("demo/canary.yaml")
    waiting = asyncio.create_task(scene.until(at_weight(20), what="the first step"))
    await asyncio.sleep(0)
    assert not waiting.done()
    run = {"id": "r", "revision": "v1-1", "started": "2026-01-01T00:00:00Z"}
    status = {"version": 1, "phase": "Progressing", "canaryWeight": 20, "run": run}
    store.patch(CANARY, [{"op": "add", "path": "/status", "value": status}], subresource="status")
    await asyncio.wait_for(waiting, timeout=5)
    assert not at_rest("Progressing")(scene.status)


async def test_what_was_waited_for_in_vain_is_named(store: Store, scene: Scene) -> None:
    with pytest.raises(StoryError, match="waited 0 s for the first step; the Canary says no status: "):
        await scene.until(at_weight(20), what="the first step", seconds=0.01)


def test_a_reason_is_the_canary_s_or_a_condition_s() -> None:
    is_so = because("Paused")
    assert is_so({"reason": "Paused"})
    assert is_so({"reason": "X", "conditions": [{"reason": "Paused"}]})
    assert not is_so({"reason": "X", "conditions": [{"reason": "Y"}]})


def test_what_is_held_is_a_condition_that_is_true() -> None:
    is_so = held("Frozen")
    assert is_so({"conditions": [{"type": "Frozen", "status": "True"}]})
    assert not is_so({"conditions": [{"type": "Frozen", "status": "False"}, {"type": "Ready", "status": "True"}]})
    assert not is_so({})
