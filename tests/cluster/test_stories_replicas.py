"""Processes of the controller that crash, freeze, follow and stop, each story with its own and in its own namespace.

They may do what deploy/namespaced allows, and nothing else.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from delivery.cluster.objects import (
    APPROVALS,
    CANARIES,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    LEASES,
    SCALED_OBJECTS,
    SECRETS,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.cluster.policies import GUARDED
from delivery.controller.application import autoscaling_kind
from tests.cluster.harness.controller import CLUSTER_WIDE, LEASE, NAMESPACED, Replica, lease, permit, running
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.nodes import a_node
from tests.cluster.harness.stage import PATIENCE, V1, V2, Stage, canary, weights
from tests.cluster.harness.telling import Stages, Told, begin, together
from tests.cluster.harness.waiting import eventually, until, until_gone


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(request: pytest.FixtureRequest, stages: Stages) -> AsyncIterator[Told]:
    """The stories, each of which brings controllers of its own."""
    async with begin(request, stages) as told:
        yield told


def replica(stage: Stage, name: str, *, flags: Sequence[str] = ()) -> AbstractAsyncContextManager[Replica]:
    """One process, called `name`."""
    return running(
        stage.plane.kubeconfig("controller"),
        stage.folder / f"{name}.log",
        metrics_server=stage.prometheus.url,
        lease_namespace=stage.namespace,
        namespace=stage.namespace,
        flags=[f"--identity={name}", *flags],
    )


@together
async def test_a_killed_controller_is_followed_by_a_new_process_that_finishes_the_run(stage: Stage) -> None:
    await permit(stage.api, stage.namespace)
    async with replica(stage, "first") as first:
        await stage.initialised()
        await stage.release(V2)
        run = (await stage.at_weight(20))["status"]["run"]["id"]
        first.crash()
    assert stage.lost() == 0

    async with stage.chronicle(VIRTUAL_SERVICES) as routes, replica(stage, "second") as second:
        body = await stage.at_rest("Succeeded")
        await stage.rests()
        assert await second.stop() == 0

    assert [past["id"] for past in body["status"]["history"]] == [run]
    assert routes.each(weights)[-2:] == [(50, 50), (100, 0)]
    assert set(routes.each(weights)) <= {(80, 20), (50, 50), (100, 0)}
    assert routes.each(fence) == ["1", "2"]
    assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0


@together
async def test_a_frozen_leader_is_followed_and_changes_nothing_when_it_thaws(stage: Stage) -> None:
    await permit(stage.api, stage.namespace)
    async with replica(stage, "old") as old:
        await old.leading()
        async with replica(stage, "new") as new:
            await stage.initialised()
            await stage.release(V2)
            await stage.at_weight(20)
            old.pause()

            await until(
                stage.api, lease(stage.namespace), lambda one: one["spec"]["holderIdentity"] == "new", seconds=PATIENCE
            )
            await until(stage.api, stage.ref(VIRTUAL_SERVICES), lambda one: fence(one) == "2", seconds=PATIENCE)
            async with stage.chronicle(VIRTUAL_SERVICES) as routes:
                old.resume()
                assert await old.ended() == 1
                body = await stage.at_rest("Succeeded")

            assert routes.each(weights)[-2:] == [(50, 50), (100, 0)]
            assert set(routes.each(weights)) <= {(80, 20), (50, 50), (100, 0)}
            assert routes.each(fence) == ["2"]
            assert body["status"]["fence"] == 2
            assert len(body["status"]["history"]) == 1
            assert "the Lease was lost" in old.output()
            assert (await new.get("/metrics"))[1].count("progressive_delivery_leader 1.0") == 1
    assert stage.lost() == 0


@together
async def test_a_stopped_leader_gives_the_lease_back_and_is_followed_at_once(stage: Stage) -> None:
    await permit(stage.api, stage.namespace)
    async with replica(stage, "old") as old:
        await old.leading()
        async with replica(stage, "new") as new:
            for each in (old, new):
                assert await each.get("/healthz") == (200, "ok\n")
                assert await each.get("/readyz") == (200, "ok\n")
            assert "progressive_delivery_leader 1.0" in (await old.get("/metrics"))[1]
            assert "progressive_delivery_leader 0.0" in (await new.get("/metrics"))[1]

            async with stage.chronicle(LEASES, "progressive-delivery") as leases:
                assert await old.stop() == 0
                await new.leading()
                await stage.initialised()
                assert await new.stop() == 0

            holders = leases.each(lambda one: one["spec"].get("holderIdentity", ""))
            assert holders == ["old", "", "new", ""]
            assert "Traceback" not in old.output() + new.output()


@together
async def test_all_permissions_of_the_manifests_are_used_and_none_is_missing(stage: Stage) -> None:
    await permit(stage.api, stage.namespace)
    async with replica(stage, "only") as only:
        await stage.initialised(stepWeights=[50])
        await stage.release(V2)
        await stage.phase("Progressing")
        await stage.at_rest("Succeeded")
        await stage.event("Promoted")
        await stage.edit({"service": {"trafficPolicy": {"connectionPool": {"http": {"maxRetries": 3}}}}})
        rule = stage.ref(DESTINATION_RULES, "reviews-primary")
        await until(stage.api, rule, lambda one: one["spec"]["trafficPolicy"]["connectionPool"]["http"]["maxRetries"])
        await eventually(lambda: _in_its_way(stage), seconds=PATIENCE, what="a look after a conflict")
        await _spoken(stage)
        await _configured(stage)
        await _autoscaled(stage)
        await _on_nodes(stage)
        await _reverted(stage)
        assert await only.stop() == 0

    asked = _asked(stage)
    assert not [one["requestURI"] for one in asked if one["responseStatus"]["code"] == 403]
    used = {permission(one["verb"], one["objectRef"]) for one in asked}
    assert used | _unserved(asked) == granted(NAMESPACED) | granted(LEASE)
    assert granted(NAMESPACED) == granted(CLUSTER_WIDE)


async def _spoken(stage: Stage) -> None:
    """Somebody talks of a run that nobody knows; long after they were told so, it goes."""
    ref = stage.ref(APPROVALS, "word")
    about = {"canary": "reviews", "run": "nobody-knows", "revision": "v1-1", "gate": "sign-off"}
    await stage.api.create(ref, {"spec": {**about, "decision": "approve", "reason": "fine"}})
    await until(stage.api, ref, lambda one: one["status"]["state"] == "Stale", what="answered")
    long_ago = {"op": "replace", "path": "/status/answered", "value": "2020-01-01T00:00:00Z"}
    await stage.api.patch(ref, [long_ago], subresource="status")
    await until_gone(stage.api, ref, seconds=PATIENCE)


async def _configured(stage: Stage) -> None:
    """Configs that a release begins to use, whose copies are taken over in the middle of it, and that are edited."""
    kinds = (CONFIG_MAPS, SECRETS)
    for kind in kinds:
        await stage.api.create(stage.ref(kind, "settings"), {"data": {"stars": "cmVk"}})
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "settings"}}]
    path = "/spec/template/spec/containers/0/envFrom"
    await stage.api.patch(stage.ref(DEPLOYMENTS), [{"op": "add", "path": path, "value": sources}])
    await stage.phase("Progressing")
    await stage.at_weight(50)
    later = {"op": "add", "path": "/metadata/annotations/progressive.delivery~1fence", "value": "100"}
    await stage.api.patch(stage.ref(VIRTUAL_SERVICES), [later])
    await stage.at_rest("Succeeded")
    first = {kind: await _copies(stage, kind) for kind in kinds}
    assert [len(each) for each in first.values()] == [1, 1]
    assert all(int(fence(each)) > 100 for found in first.values() for each in found)
    for kind in kinds:
        await stage.api.patch(stage.ref(kind, "settings"), [{"op": "add", "path": "/data/stars", "value": "YmxhY2s="}])
    for kind, found in first.items():
        await until_gone(stage.api, Ref.of(kind, found[0]), seconds=PATIENCE)
    await stage.at_rest("Succeeded")


async def _copies(stage: Stage, kind: Kind) -> list[Object]:
    """The copies that the controller has made."""
    listing = await stage.api.list(kind, stage.namespace, label_selector="progressive.delivery/canary=reviews")
    return list(listing.items)


async def _autoscaled(stage: Stage) -> None:
    """An autoscaler that is copied, exchanged for one of KEDA's, and forgotten."""
    kind, scales = await autoscaling_kind(stage.api), {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    await stage.api.create(stage.ref(kind), {"spec": {"scaleTargetRef": scales, "minReplicas": 2, "maxReplicas": 4}})
    await stage.edit({"autoscalerRef": {"apiVersion": kind.api_version, "kind": kind.kind, "name": "reviews"}})
    copied = stage.ref(kind, "reviews-primary")
    await until(stage.api, copied, lambda one: one["spec"]["maxReplicas"] == 4, seconds=PATIENCE)
    await stage.api.patch(stage.ref(kind), [{"op": "replace", "path": "/spec/maxReplicas", "value": 5}])
    await until(stage.api, copied, lambda one: one["spec"]["maxReplicas"] == 5, seconds=PATIENCE)

    await stage.api.delete(stage.ref(kind))
    triggers = [{"type": "cpu", "metadata": {"value": "50"}}]
    await stage.api.create(stage.ref(SCALED_OBJECTS), {"spec": {"scaleTargetRef": scales, "triggers": triggers}})
    await stage.edit({"autoscalerRef": {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}})
    keda = stage.ref(SCALED_OBJECTS, "reviews-primary")
    await until(stage.api, keda, lambda one: one["spec"]["minReplicaCount"] == 1, seconds=PATIENCE)
    await until_gone(stage.api, copied, seconds=PATIENCE)
    paused = "autoscaling.keda.sh/paused-replicas"
    await until(stage.api, stage.ref(SCALED_OBJECTS), lambda one: one["metadata"]["annotations"][paused] == "0")
    await stage.api.delete(stage.ref(SCALED_OBJECTS))
    await stage.edit({"autoscalerRef": None})
    await until_gone(stage.api, keda, seconds=PATIENCE)


def _unserved(asked: Sequence[Object]) -> set[tuple[str, str]]:
    """The watches of optional kinds that this server does not know; test_guards.py has them all."""
    unknown = [one["objectRef"] for one in asked if one["verb"] == "list" and one["responseStatus"]["code"] == 404]
    kinds = {(kind.group, kind.plural) for kind in GUARDED}
    return {permission("watch", each) for each in unknown if (each["apiGroup"], each["resource"]) in kinds}


async def _reverted(stage: Stage) -> None:
    """The Canary goes and leaves nothing behind."""
    await stage.edit({"revertOnDeletion": True})
    await stage.until(lambda one: one["metadata"].get("finalizers"), what="held for its revert")
    await stage.api.delete(stage.ref(CANARIES))
    await until_gone(stage.api, stage.ref(DEPLOYMENTS, "reviews-primary"), seconds=PATIENCE)


async def _on_nodes(stage: Stage) -> None:
    """A Canary whose DaemonSet comes late, on a node that comes late, and that is reverted in the end."""
    target = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agents"}
    spec = {"targetRef": target, "revertOnDeletion": True}
    await stage.api.create(stage.ref(CANARIES, "agents"), canary(name="agents", spec=spec))
    await stage.condition("Ready", "False", "TargetNotFound", name="agents")

    labels = {"app": "agents"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "agents", "image": V1}]}}
    body = {"spec": {"selector": {"matchLabels": labels}, "template": template}}
    await stage.api.create(stage.ref(DAEMON_SETS, "agents"), body)
    primary = stage.ref(DAEMON_SETS, "agents-primary")
    await until(stage.api, primary, lambda one: one["metadata"]["uid"], seconds=PATIENCE)
    async with a_node(stage.api, f"node-of-{stage.namespace}"):
        await stage.until(
            lambda one: one["status"]["phase"] == "Initialized" and not one["status"].get("stage"), name="agents"
        )
        await stage.api.delete(stage.ref(CANARIES, "agents"))
        await until_gone(stage.api, primary, seconds=PATIENCE)


async def _in_its_way(stage: Stage) -> bool:
    """Change the Canary's spec, so that its status is written, and the Canary again meanwhile; was it read afresh?"""
    edit = {"op": "add", "path": "/spec/progressDeadlineSeconds", "value": secrets.randbelow(1000) + 100}
    note = {"op": "add", "path": "/metadata/annotations/note", "value": secrets.token_hex(4)}
    await stage.api.patch(stage.ref(CANARIES), [edit])
    for _ in range(3):
        await stage.api.patch(stage.ref(CANARIES), [note | {"value": secrets.token_hex(4)}])
    return any(
        permission(one["verb"], one["objectRef"]) == ("get", "canaries.progressive.delivery") for one in _asked(stage)
    )


def _asked(stage: Stage) -> list[Object]:
    """What the controller has asked for in this namespace."""
    return [one for one in stage.plane.audited() if one.get("objectRef", {}).get("namespace") == stage.namespace]


def fence(routed: Object) -> str:
    """The epoch of the leader that wrote an object last."""
    return str(routed["metadata"]["annotations"]["progressive.delivery/fence"])


def permission(verb: str, ref: Object) -> tuple[str, str]:
    """(verb, resource[/subresource].group) of a request."""
    resource = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
    return verb, f"{resource}.{ref.get('apiGroup', '')}"


def granted(manifest: Path) -> set[tuple[str, str]]:
    """What the roles in a manifest allow."""
    return {
        (verb, f"{resource}.{group}")
        for body in documents([manifest])
        if "rules" in body
        for rule in body["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
