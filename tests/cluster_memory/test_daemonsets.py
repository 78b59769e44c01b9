"""The DaemonSet controller of the simulated world: a pod on each node, replaced within its bounds."""

import pytest

from delivery.cluster.memory import World
from delivery.cluster.memory.conditions import is_ready
from delivery.cluster.memory.defaulting import TEMPLATE_GENERATION
from delivery.cluster.memory.nodes import NODES
from delivery.cluster.objects import DAEMON_SETS, PODS, Ref

AGENT = Ref(DAEMON_SETS, "shop", "agent")
NOWHERE = [{"op": "add", "path": "/spec/template/spec/nodeSelector", "value": {"nobody": "true"}}]
EVERYWHERE = [{"op": "remove", "path": "/spec/template/spec/nodeSelector"}]


@pytest.fixture
def world(store, loop):
    return World(store, loop)


@pytest.fixture
def agent(store, loop, world):
    """A DaemonSet at rest."""

    def make(**strategy):
        labels = {"app": "agent"}
        spec = {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "agent:1"}]}}}  # fmt: skip
        if strategy:
            spec["updateStrategy"] = strategy
        store.create(DAEMON_SETS, {"metadata": {"name": "agent", "namespace": "shop"}, "spec": spec})
        assert loop.run_until(settled(store, 3), max_time=30)

    return make


def settled(store, pods):
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")

    def done():
        body = store.peek(AGENT)
        found = body.get("status", {})
        seen = found.get("observedGeneration") == body["metadata"]["generation"]
        return seen and [found.get(field, 0) for field in fields] == [pods] * 4

    return done


def release(store, image):
    store.patch(AGENT, [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}])


def on_nodes(store, *, ready=True):
    return sorted(pod["spec"]["nodeName"] for pod in store.scan(PODS) if is_ready(pod) is ready)


def test_there_is_one_pod_on_each_node(store, agent):
    agent()
    assert on_nodes(store) == list(NODES)
    status = store.peek(AGENT)["status"]
    assert (status["numberAvailable"], status["numberMisscheduled"]) == (3, 0)
    assert "numberUnavailable" not in status


def test_a_selector_that_no_node_has_takes_all_pods_away_and_its_removal_brings_them_back(loop, store, agent):
    agent()
    store.patch(AGENT, NOWHERE)
    assert loop.run_until(lambda: not store.scan(PODS), max_time=30)
    assert store.peek(AGENT)["status"]["desiredNumberScheduled"] == 0
    store.patch(AGENT, EVERYWHERE)
    assert loop.run_until(settled(store, 3), max_time=30)
    assert on_nodes(store) == list(NODES)


@pytest.mark.parametrize(("most", "least"), [(1, 2), (2, 1), ("34%", 1), ("100%", 0)])
def test_a_roll_takes_no_more_nodes_out_of_service_than_allowed(loop, store, agent, most, least):
    agent(type="RollingUpdate", rollingUpdate={"maxUnavailable": most})
    seen = []
    store.observers.append(lambda _: seen.append(len(on_nodes(store))))
    release(store, "agent:2")
    assert loop.run_until(settled(store, 3), max_time=60)
    assert min(seen) == least
    assert {pod["spec"]["containers"][0]["image"] for pod in store.scan(PODS)} == {"agent:2"}


def test_a_surge_puts_the_new_pod_beside_the_old_one_first(loop, store, agent):
    agent(type="RollingUpdate", rollingUpdate={"maxSurge": 1, "maxUnavailable": 0})
    seen = []
    store.observers.append(lambda _: seen.append(len(on_nodes(store))))
    release(store, "agent:2")
    assert loop.run_until(settled(store, 3), max_time=60)
    assert (min(seen), max(seen)) == (3, 4)


def test_on_delete_replaces_nothing_by_itself(loop, store, agent):
    agent(type="OnDelete")
    release(store, "agent:2")
    loop.advance(60)
    assert store.peek(AGENT)["status"].get("updatedNumberScheduled", 0) == 0
    assert on_nodes(store) == list(NODES)


def test_a_broken_version_stops_after_its_share(loop, store, agent):
    agent()
    release(store, "agent:missing")
    loop.advance(120)
    assert len(on_nodes(store)) == 2
    assert store.peek(AGENT)["status"]["updatedNumberScheduled"] == 1


def test_nodes_come_and_go(loop, store, world, agent):
    agent()
    world.nodes.add("node-4")
    assert loop.run_until(settled(store, 4), max_time=30)
    world.nodes.remove("node-1")
    assert loop.run_until(settled(store, 3), max_time=30)
    assert on_nodes(store) == ["node-2", "node-3", "node-4"]


def test_the_server_counts_templates_and_pods_say_of_which_they_are(loop, store, agent):
    agent()
    store.patch(AGENT, [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}])
    assert store.peek(AGENT)["metadata"]["annotations"][TEMPLATE_GENERATION] == "1"
    release(store, "agent:2")
    assert store.peek(AGENT)["metadata"]["annotations"][TEMPLATE_GENERATION] == "2"
    assert loop.run_until(settled(store, 3), max_time=60)
    assert {pod["metadata"]["labels"]["pod-template-generation"] for pod in store.scan(PODS)} == {"2"}
