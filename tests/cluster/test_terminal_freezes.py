"""Freezes at a terminal of a real API server: for somebody who may not list them, and where the kind is missing."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from delivery.api.status import dump
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, FREEZES, Kind, Ref
from delivery.gates import freezing
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.manifests import install_crds
from tests.cluster.harness.terminal import delivery
from tests.terminal import recorded
from tests.terminal.holding import FROZEN

ROLES = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
LOOKS = (("get", "reviews"), ("why", "reviews"), ("list",))
CANARY_CRD = Path(__file__).parents[2] / "crds" / "canaries.yaml"


async def place(api: KubernetesApi, namespace: str) -> None:
    """A Canary in the middle of a run that the controller calls frozen."""
    body = recorded.canary(None)
    ref = Ref(CANARIES, namespace, "reviews")
    await api.create(ref, {**body, "metadata": {"name": "reviews"}})
    await api.patch(ref, [{"op": "add", "path": "/status", "value": dump(FROZEN)}], subresource="status")


async def may(api: KubernetesApi, namespace: str, *kinds: Kind) -> None:
    """The user `controller` may read these kinds in a namespace, and nothing else."""
    rules = [{"apiGroups": [each.group], "resources": [each.plural], "verbs": ["get", "list"]} for each in kinds]
    await api.create(Ref(ROLES, namespace, "looking"), {"rules": rules})
    binding = {
        "subjects": [{"kind": "User", "name": "controller", "apiGroup": ROLES.group}],
        "roleRef": {"kind": "Role", "name": "looking", "apiGroup": ROLES.group},
    }
    await api.create(Ref(BINDINGS, namespace, "looking"), binding)


@pytest_asyncio.fixture
async def frozen(api: KubernetesApi, crds: list[str], namespace: str) -> AsyncIterator[None]:
    """A Canary, and a Freeze of its namespace."""
    await place(api, namespace)
    now = datetime.now(UTC)
    freeze = freezing.freeze(namespace, now + timedelta(hours=2), "the big days", "jane", now)
    await api.create(Ref(FREEZES, namespace, freeze["metadata"]["name"]), freeze)
    yield


@pytest.mark.usefixtures("frozen")
async def test_who_may_not_list_freezes_is_told_that_it_is_not_known_and_sees_the_rest(
    api: KubernetesApi, control_plane: ControlPlane, namespace: str
) -> None:
    await may(api, namespace, CANARIES)
    for command in LOOKS:
        code, said = await delivery(*command, "-n", namespace, kubeconfig=control_plane.kubeconfig("controller"))

        assert code == 0, said
        assert "Progressing" in said
        for where in (namespace, "progressive-delivery"):
            assert (
                "whether a Freeze holds rollouts is not known: no permission to list freezes.progressive.delivery in "
                f"namespace {where}" in said
            ), said
    code, said = await delivery("get", "reviews", "-n", namespace, kubeconfig=control_plane.kubeconfig("controller"))
    assert "rollouts are frozen until 2026-03-04 08:00 UTC by ops" in said, "the controller's own word is shown"


@pytest.mark.usefixtures("frozen")
async def test_who_may_list_freezes_of_one_namespace_sees_those_and_what_is_not_known(
    api: KubernetesApi, control_plane: ControlPlane, namespace: str
) -> None:
    await may(api, namespace, CANARIES, FREEZES)
    kubeconfig = control_plane.kubeconfig("controller")

    code, said = await delivery("get", "reviews", "-n", namespace, kubeconfig=kubeconfig)
    assert code == 0, said
    assert "by jane (claimed): the big days" in said
    assert "no permission to list freezes.progressive.delivery in namespace progressive-delivery" in said
    code, said = await delivery("list", "-n", namespace, "-o", "json", kubeconfig=kubeconfig)
    assert code == 0, said
    (item,) = json.loads(said)["items"]
    assert (len(item["freezes"]), item["freezesKnown"], item["held"]) == (1, False, ["freeze"])


@pytest.mark.usefixtures("frozen")
async def test_all_freezes_are_known_to_who_may_list_them(control_plane: ControlPlane, namespace: str) -> None:
    code, said = await delivery(
        "get", "reviews", "-n", namespace, "-o", "json", kubeconfig=control_plane.kubeconfig("admin")
    )

    assert code == 0, said
    body = json.loads(said)
    assert ([each["reason"] for each in body["freezes"]], body["freezesKnown"]) == (["the big days"], True)


async def test_a_cluster_without_the_kind_shows_its_canaries(assets: Path, tmp_path: Path) -> None:
    """The Freezes' definition may never have been installed; a whole control plane of its own, to be sure of that."""
    with ControlPlane.start(assets, tmp_path) as plane:
        async with KubernetesApi.connect(str(plane.kubeconfig())) as api:
            await install_crds(api, [CANARY_CRD])
            await place(api, "default")
        for command in LOOKS:
            code, said = await delivery(*command, "-n", "default", kubeconfig=plane.kubeconfig())

            assert code == 0, said
            assert "Progressing" in said
            assert "does not know freezes: install the CRDs" in said
