"""A controller that only looks on, with the rights of deploy/observe, on a real API server that notes all it asks."""

import copy
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    GROUP,
    SERVICES,
    VIRTUAL_SERVICES,
    Object,
)
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.controller import LEASE, LOOKING_ON, Replica, permit_to_look_on, running
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.mesh import MeshExporter
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.stage import FAILING, Stage, canary, open_stage

WRITES = ("create", "update", "patch", "delete", "deletecollection")
MAY = {
    ("patch", "canaries", "status"),
    ("create", "events", ""),
    ("create", "leases", ""),
    ("patch", "leases", ""),
}


@pytest.fixture
async def stage(
    control_plane: ControlPlane, world: MeshExporter, world_prometheus: Prometheus, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with open_stage(control_plane, world, world_prometheus, tmp_path) as opened:
        yield opened


async def somebody_else(stage: Stage) -> None:
    """A primary beside the target, a Service for each, and a VirtualService that leads all users to the primary."""
    target = await stage.api.get(stage.ref(DEPLOYMENTS))
    spec = copy.deepcopy(dict(target["spec"]))
    spec["selector"] = {"matchLabels": {"app": "reviews-primary"}}
    spec["template"]["metadata"]["labels"]["app"] = "reviews-primary"
    await stage.api.create(stage.ref(DEPLOYMENTS, "reviews-primary"), {"spec": spec})
    port = {"name": "http", "port": 9080}
    for name, app in (("reviews-primary", "reviews-primary"), ("reviews-canary", "reviews")):
        await stage.api.create(stage.ref(SERVICES, name), {"spec": {"selector": {"app": app}, "ports": [port]}})
        await stage.api.create(stage.ref(DESTINATION_RULES, name), {"spec": {"host": name}})
    await stage.kubectl("rollout", "status", "deployment/reviews-primary", "--timeout=60s")
    body = {"spec": {"hosts": ["reviews"], "http": [{"route": shares(0)}]}}
    await stage.api.create(stage.ref(VIRTUAL_SERVICES), body)


def shares(weight: int) -> list[Object]:
    return [
        {"destination": {"host": "reviews-primary"}, "weight": 100 - weight},
        {"destination": {"host": "reviews-canary"}, "weight": weight},
    ]


async def lead(stage: Stage, weight: int) -> None:
    op = {"op": "replace", "path": "/spec/http/0/route", "value": shares(weight)}
    await stage.api.patch(stage.ref(VIRTUAL_SERVICES), [op])


def marked(body: Object) -> bool:
    """Is there a label or an annotation of ours on an object?"""
    meta = body["metadata"]
    keys = (*(meta.get("annotations") or ()), *(meta.get("labels") or ()))
    return any(key.startswith(f"{GROUP}/") for key in keys)


def looking_on(stage: Stage) -> AbstractAsyncContextManager[Replica]:
    """A controller of this namespace that only looks on."""
    return running(
        stage.plane.kubeconfig("controller"),
        stage.folder / "controller.log",
        metrics_server=stage.prometheus.url,
        lease_namespace=stage.namespace,
        namespace=stage.namespace,
        flags=["--observe", "--config-tracking=configmaps"],
    )


def granted() -> set[tuple[str, str, str]]:
    """Verb, resource and subresource of everything that who looks on is allowed."""
    pairs = (
        (verb, resource.partition("/"))
        for role in documents([LOOKING_ON, LEASE])
        for rule in role.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )
    return {(verb, name, subresource) for verb, (name, _, subresource) in pairs}


async def test_it_says_what_it_would_have_done_and_may_write_nothing_else(stage: Stage) -> None:
    await stage.deploy()
    await somebody_else(stage)
    await permit_to_look_on(stage.api, stage.namespace)
    async with looking_on(stage) as replica:
        await stage.kubectl.apply(canary(threshold=1))
        await stage.phase("Observing")
        await stage.release(FAILING)
        await lead(stage, 40)
        words = await stage.event("WouldRollBack")
        assert words.startswith("Would have rolled back at 40 %: ")
        body = await stage.until(lambda one: one["status"]["reason"] == "WouldRollBack")
        assert body["status"]["canaryWeight"] == 40
        assert not body["metadata"].get("finalizers")

        await stage.kubectl("set", "image", "deployment/reviews-primary", f"reviews={FAILING}")
        told = await stage.event("ObservedPromotion")
        assert "this Canary's checks would have rolled back at" in told
        assert await stage.condition("Observing", "True", "ObservedPromotion") == told[:240]
        await stage.edit({"analysis": {"threshold": 2}})
        await stage.until(lambda one: one["status"]["observedGeneration"] == one["metadata"]["generation"])
        await stage.api.delete(stage.ref(CANARIES))
        assert await replica.stop() == 0
        assert "Traceback" not in replica.output()
        assert '"event": "observing"' in replica.output()

    asked = [one for one in stage.plane.audited() if one.get("objectRef", {}).get("namespace") == stage.namespace]
    assert not [one["requestURI"] for one in asked if one["responseStatus"]["code"] == 403]
    used = {(one["verb"], one["objectRef"]["resource"], one["objectRef"].get("subresource", "")) for one in asked}
    assert {each for each in used if each[0] in WRITES} == MAY
    assert used <= granted()
    for kind in (DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES):
        for each in (await stage.api.list(kind, stage.namespace)).items:
            assert not marked(each), each
