"""What a story can do with its hands, and how it says what it waited for in vain."""

import asyncio
from pathlib import Path

import pytest

from delivery.cluster.memory import Store, VirtualClock, VirtualLoop
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, VIRTUAL_SERVICES
from delivery.sandbox.demo.scene import CANARY, ROUTE, TARGET, Scene, StoryError, at_rest, at_weight, because
from delivery.sandbox.demo.stories import DEFAULT, STORIES

EXAMPLES = Path(__file__).parents[3] / "examples" / "reviews-canary"


class NoSwitch:
    async def down(self) -> None: ...

    async def up(self) -> None: ...


@pytest.fixture
def store() -> Store:
    return Store(VirtualClock(VirtualLoop()))


@pytest.fixture
def scene(store: Store) -> Scene:
    return Scene(store, EXAMPLES, NoSwitch())


def test_every_file_of_every_story_is_there_and_releases_the_version_that_it_names(scene: Scene) -> None:
    for story in STORIES.values():
        for act in story.acts:
            (patch,) = scene.manifests(act.patch)
            assert patch["spec"]["template"]["metadata"]["labels"]["version"] == act.expected.version
    assert [act.expected.result for act in STORIES[DEFAULT].acts] == ["Promoted", "RolledBack"]


def test_the_version_of_a_deployment_is_what_its_pods_are_labelled_with(store: Store, scene: Scene) -> None:
    assert scene.version(TARGET) == ""
    deployment = next(body for body in scene.manifests("reviews.yaml") if body["kind"] == "Deployment")
    store.create(DEPLOYMENTS, deployment, namespace="bookinfo")
    assert scene.version(TARGET) == "v1"


def test_a_hand_edit_of_the_route_changes_both_weights(store: Store, scene: Scene) -> None:
    shares = (("reviews-primary.bookinfo.svc.cluster.local", 80), ("reviews-canary.bookinfo.svc.cluster.local", 20))
    branches = [{"destination": {"host": host}, "weight": weight} for host, weight in shares]
    body = {"metadata": {"name": "reviews"}, "spec": {"hosts": ["reviews"], "http": [{"route": branches}]}}
    store.create(VIRTUAL_SERVICES, body, namespace="bookinfo")
    scene.route_by_hand(5)
    route = store.get(ROUTE)["spec"]["http"][0]["route"]
    assert [branch["weight"] for branch in route] == [95, 5]


async def test_waiting_ends_with_the_write_that_makes_it_so(store: Store, scene: Scene) -> None:
    store.create(CANARIES, {"metadata": {"name": "reviews"}, "spec": {}}, namespace="bookinfo")
    waiting = asyncio.create_task(scene.until(at_weight(20), what="the first step"))
    await asyncio.sleep(0)
    assert not waiting.done()
    status = {"phase": "Progressing", "canaryWeight": 20, "run": {"id": "r"}}
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
