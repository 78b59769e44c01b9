"""The doorbell on a real API server, as a user with the controller's permissions and no others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from delivery.cluster.errors import Denied
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.kubernetes.credentials import read_credentials
from delivery.cluster.objects import CANARIES, PODS, Kind, Ref
from delivery.controller.doorbell import Doorbell
from delivery.controller.settings import Settings
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.manifests import documents

ROLE = Path(__file__).parents[2] / "deploy" / "cluster-wide" / "cluster-role.yaml"
ROLES = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
LIMIT = 30.0

CANARY = {
    "apiVersion": "progressive.delivery/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "reviews"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "analysis": {},
    },
}


@pytest_asyncio.fixture
async def permitted(api: KubernetesApi, crds: list[str]) -> AsyncIterator[None]:
    """The role of deploy/, under another name, bound to the user `controller` for this test."""
    (role,) = [body for body in documents([ROLE]) if body["kind"] == "ClusterRole"]
    name = "doorbell-test"
    binding = {
        "subjects": [{"kind": "User", "name": "controller", "apiGroup": ROLES.group}],
        "roleRef": {"kind": "ClusterRole", "name": name, "apiGroup": ROLES.group},
    }
    await api.create(Ref(ROLES, "", name), {"rules": role["rules"]})
    await api.create(Ref(BINDINGS, "", name), binding)
    yield
    await api.delete(Ref(BINDINGS, "", name))
    await api.delete(Ref(ROLES, "", name))


@pytest.mark.usefixtures("permitted")
async def test_it_rings_and_touches_nothing(
    api: KubernetesApi, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    rung: asyncio.Queue[str] = asyncio.Queue()
    settings = Settings.parse({"kubeconfig": str(control_plane.kubeconfig("controller"))})
    doorbell = Doorbell(rung.put_nowait, settings)
    task = asyncio.ensure_future(doorbell.run())
    key = f"{namespace}/reviews"

    async def until_rung() -> None:
        async with asyncio.timeout(LIMIT):
            while await rung.get() != key:
                pass

    try:
        await kubectl.apply(CANARY)
        await until_rung()
        ref = Ref(CANARIES, namespace, "reviews")
        body = await api.get(ref)
        assert "finalizers" not in body["metadata"]
        assert not [name for name in body["metadata"]["annotations"] if "kopf" in name]
        await kubectl("delete", "canary/reviews", "--wait=false")
        await until_rung()
        assert doorbell.restarts == 0
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("permitted")
async def test_both_connections_are_the_same_user(control_plane: ControlPlane, namespace: str) -> None:
    kubeconfig = str(control_plane.kubeconfig("controller"))
    found = await read_credentials(kubeconfig)
    assert found.server == control_plane.server
    assert (found.scheme, found.token) == ("Bearer", control_plane.tokens["controller"])
    assert found.ca_file is not None
    async with KubernetesApi.connect(kubeconfig) as limited:
        await limited.list(PODS, namespace)
        with pytest.raises(Denied):
            await limited.get(Ref(PODS, namespace, "any"))


@pytest.mark.parametrize("variant", ["cluster-wide", "namespaced", "admission"])
async def test_the_server_takes_the_manifests(kubectl: Kubectl, variant: str) -> None:
    """As a dry run; the namespace that they bring along is there first."""
    folder = Path(__file__).parents[2] / "deploy"
    await kubectl("apply", "--filename", str(folder / "base" / "namespace.yaml"))
    anywhere = replace(kubectl, namespace="")
    told = await anywhere("apply", "--dry-run=server", "--kustomize", str(folder / variant))
    assert "deployment.apps/progressive-delivery created (server dry run)" in told
