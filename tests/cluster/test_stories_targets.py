"""DaemonSets and Services as targets on a real control plane, whose own DaemonSet controller makes the pods."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, SERVICES, Kind, Object
from delivery.workloads.service_copies import led_since
from delivery.workloads.targets.daemonset import NOWHERE
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.nodes import a_node
from tests.cluster.harness.stage import EXAMPLE, FAILING, PATIENCE, V1, V2, Stage, canary, here
from tests.cluster.harness.telling import Told, together
from tests.cluster.harness.waiting import until

NAMES = ("node-1", "node-2")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(control_plane: ControlPlane) -> AsyncIterator[None]:
    """Two nodes, for as long as the stories of this file are told."""
    async with KubernetesApi.connect(str(control_plane.kubeconfig())) as api, AsyncExitStack() as stack:
        for name in NAMES:
            await stack.enter_async_context(a_node(api, name))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(nodes: None, telling: Told) -> Told:
    """The stories, before whose first one the nodes are there."""
    return telling


def example(kind: str) -> dict[str, Any]:
    """The example's Deployment or Service."""
    (body,) = [each for each in documents([EXAMPLE / "reviews.yaml"]) if each["kind"] == kind]
    return here(body)


def targeting(kind: Kind) -> dict[str, Any]:
    return {"targetRef": {"apiVersion": kind.api_version, "kind": kind.kind, "name": "reviews"}}


def selector_of(body: Object) -> Any:
    return body["spec"]["template"]["spec"].get("nodeSelector")


async def daemon_set(stage: Stage, **strategy: Any) -> None:
    """Version 1 of reviews on every node, under a Canary, all users with the primary."""
    body = example("Deployment")
    spec = body["spec"]
    body["kind"], body["spec"] = "DaemonSet", {"selector": spec["selector"], "template": spec["template"], **strategy}
    await stage.kubectl.apply(example("Service"))
    await stage.kubectl.apply(body)
    await until(
        stage.api,
        stage.ref(DAEMON_SETS),
        lambda one: one["status"].get("numberReady") == len(NAMES),
        seconds=PATIENCE,
        what="a pod on every node",
    )
    await stage.let_callers_in()
    await stage.kubectl.apply(canary(spec=targeting(DAEMON_SETS)))


async def rests(stage: Stage) -> Object:
    """The target, as soon as it is on no node."""

    def is_so(body: Object) -> bool:
        return NOWHERE in (selector_of(body) or {}) and not body["status"]["currentNumberScheduled"]

    return await until(stage.api, stage.ref(DAEMON_SETS), is_so, seconds=PATIENCE, what="at rest")


async def succeeded(stage: Stage) -> None:
    """The next version, after one that failed, serves all users."""
    await stage.until(lambda one: one["status"]["phase"] == "Succeeded", what="promoted after all")


async def image(stage: Stage) -> str:
    body = await stage.api.get(stage.ref(DAEMON_SETS, "reviews-primary"))
    return str(body["spec"]["template"]["spec"]["containers"][0]["image"])


@together
async def test_a_daemon_set_goes_out_on_every_node_and_rests_on_none(stage: Stage) -> None:
    await daemon_set(stage)
    await stage.at_rest("Initialized")
    await rests(stage)
    primary = await stage.api.get(stage.ref(DAEMON_SETS, "reviews-primary"))
    assert primary["status"]["desiredNumberScheduled"] == len(NAMES)
    assert selector_of(primary) is None

    async with stage.chronicle(DAEMON_SETS) as target:
        await stage.kubectl("set", "image", "daemonset/reviews", f"reviews={V2}")
        await stage.at_rest("Succeeded")
        await rests(stage)

    assert await image(stage) == V2
    assert [bool(each) for each in target.each(selector_of)] == [True, False, True]
    assert stage.lost() == 0


@together
async def test_a_failing_daemon_set_is_rolled_back_and_the_next_version_is_tried(stage: Stage) -> None:
    await daemon_set(stage)
    await stage.at_rest("Initialized")
    await stage.kubectl("set", "image", "daemonset/reviews", f"reviews={FAILING}")
    await stage.at_rest("Failed")
    await rests(stage)
    assert await image(stage) == V1

    await stage.kubectl("set", "image", "daemonset/reviews", f"reviews={V2}")
    await succeeded(stage)
    assert await image(stage) == V2
    assert stage.lost() == 0


@together
async def test_a_daemon_set_that_updates_on_deletion_only_is_refused(stage: Stage) -> None:
    await daemon_set(stage, updateStrategy={"type": "OnDelete"})
    message = await stage.condition("Ready", "False", "UpdateStrategyUnsupported")
    assert "allowed is RollingUpdate" in message


async def versions(stage: Stage) -> None:
    """Versions 1, 2 and a failing one of reviews side by side, and the Service that chooses between them."""
    for version, tag in (("v1", V1), ("v2", V2), ("v3", FAILING)):
        body = example("Deployment")
        labels = {"app": "reviews", "version": version}
        body["metadata"]["name"] = f"reviews-{version}"
        template = body["spec"]["template"]
        body["spec"] |= {"replicas": 2, "selector": {"matchLabels": labels}}
        template["metadata"]["labels"] = labels
        template["spec"]["containers"][0]["image"] = tag
        await stage.kubectl.apply(body)
        await stage.kubectl("rollout", "status", f"deployment/reviews-{version}", "--timeout=60s")
    service = example("Service")
    service["spec"]["selector"] = {"app": "reviews", "version": "v1"}
    await stage.kubectl.apply(service)
    await stage.let_callers_in()
    await stage.kubectl.apply(canary(spec=targeting(SERVICES)))
    await stage.at_rest("Initialized")


async def choose(stage: Stage, version: str) -> None:
    patch = json.dumps({"spec": {"selector": {"version": version}}})
    await stage.kubectl("patch", "service/reviews", "--type=merge", "-p", patch)


async def led_to(stage: Stage, role: str) -> str:
    body = await stage.api.get(stage.ref(SERVICES, f"reviews-{role}"))
    return str(body["spec"]["selector"]["version"])


@together
async def test_a_service_is_led_from_one_version_to_the_next_and_nothing_else_is_touched(stage: Stage) -> None:
    await versions(stage)
    await choose(stage, "v2")
    await stage.phase("Progressing")
    await stage.at_rest("Succeeded")

    assert (await led_to(stage, "primary"), await led_to(stage, "canary")) == ("v2", "v2")
    for role in ("primary", "canary"):
        assert led_since(await stage.api.get(stage.ref(SERVICES, f"reviews-{role}"))) is not None
    for version in ("v1", "v2"):
        body = await stage.api.get(stage.ref(DEPLOYMENTS, f"reviews-{version}"))
        assert (body["metadata"]["generation"], body["spec"]["replicas"]) == (1, 2)
    managers = {each["manager"] for each in (await stage.api.get(stage.ref(SERVICES)))["metadata"]["managedFields"]}
    assert not any("delivery" in each for each in managers)
    assert stage.lost() == 0


@together
async def test_a_service_that_is_led_to_a_failing_version_is_led_back(stage: Stage) -> None:
    await versions(stage)
    await choose(stage, "v3")
    body = await stage.at_rest("Failed")
    assert "request-success-rate" in body["status"]["message"]
    assert await led_to(stage, "primary") == "v1"

    await choose(stage, "v2")
    await succeeded(stage)
    assert await led_to(stage, "primary") == "v2"
    assert stage.lost() == 0


@together
async def test_a_service_with_a_name_outside_is_copied_as_such_and_back(stage: Stage) -> None:
    """What the API server demands of a Service that changes its type is met by our patches."""
    await versions(stage)
    outside = {"spec": {"type": "ExternalName", "externalName": "reviews.example.com", "selector": None}}
    await stage.kubectl("patch", "service/reviews", "--type=merge", "-p", json.dumps(outside))
    canary_service = stage.ref(SERVICES, "reviews-canary")
    body = await until(
        stage.api, canary_service, lambda one: one["spec"]["type"] == "ExternalName", seconds=PATIENCE, what="outside"
    )
    assert body["spec"]["externalName"] == "reviews.example.com"
    assert "selector" not in body["spec"]
    await stage.condition("CapacityUnknown", "True", "PodsUnknown")

    back = {"spec": {"type": "ClusterIP", "externalName": None, "selector": {"app": "reviews", "version": "v1"}}}
    await stage.kubectl("patch", "service/reviews", "--type=merge", "-p", json.dumps(back))
    await until(
        stage.api, canary_service, lambda one: one["spec"]["type"] == "ClusterIP", seconds=PATIENCE, what="back again"
    )
    await stage.at_rest("Succeeded")
    assert await led_to(stage, "canary") == "v1"
