"""Commands of somebody who may look and not touch, or neither: what is missing is named, and nothing is written."""

from collections.abc import AsyncIterator

import pytest_asyncio

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Kind, Ref
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.terminal import delivery
from tests.cluster.test_doorbell import CANARY

ROLES = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")


@pytest_asyncio.fixture
async def looking(api: KubernetesApi, crds: list[str], namespace: str) -> AsyncIterator[None]:
    """The user `controller` may read the Canaries of the test's namespace."""
    rules = [{"apiGroups": [CANARIES.group], "resources": [CANARIES.plural], "verbs": ["get", "list", "watch"]}]
    await api.create(Ref(ROLES, namespace, "looking"), {"rules": rules})
    binding = {
        "subjects": [{"kind": "User", "name": "controller", "apiGroup": ROLES.group}],
        "roleRef": {"kind": "Role", "name": "looking", "apiGroup": ROLES.group},
    }
    await api.create(Ref(BINDINGS, namespace, "looking"), binding)
    yield


async def test_who_may_not_look_is_told_so(control_plane: ControlPlane, crds: list[str], namespace: str) -> None:
    code, said = await delivery("abort", "reviews", "-n", namespace, kubeconfig=control_plane.kubeconfig("controller"))

    assert code == 1
    assert f"no permission to get canaries.progressive.delivery in namespace {namespace} (context test)" in said


async def test_who_may_only_look_is_told_so_for_each_canary(
    api: KubernetesApi, control_plane: ControlPlane, looking: None, namespace: str
) -> None:
    await api.create(Ref(CANARIES, namespace, "reviews"), CANARY)
    code, said = await delivery("pause", "--all", "-n", namespace, kubeconfig=control_plane.kubeconfig("controller"))

    assert code == 1
    assert "reviews: not done: no permission to patch canaries.progressive.delivery" in said
    body = await api.get(Ref(CANARIES, namespace, "reviews"))
    assert "annotations" not in body["metadata"]
