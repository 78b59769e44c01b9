"""Canaries that switch between versions, as a real API server takes and keeps them."""

from typing import Any

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Ref
from tests.cluster.harness.kubectl import Kubectl

pytestmark = pytest.mark.usefixtures("crds")

ROUTE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "reviews"}
SUBSETS: dict[str, Any] = {"routeRefs": [ROUTE], "subsetRef": {"name": "reviews"}}
SWITCH: dict[str, Any] = {"promotion": {"method": "switch"}}


def canary(**spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews-v1"}
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews"},
        "spec": {"targetRef": target, "service": {"name": "reviews", "port": 9080}, "analysis": {}, **spec},
    }


@pytest.mark.parametrize("more", [{}, SUBSETS, {"revertOnDeletion": True}, {**SUBSETS, "revertOnDeletion": True}])
async def test_versions_with_subsets_and_reverts_are_taken_and_another_one_can_be_named(
    api: KubernetesApi, kubectl: Kubectl, namespace: str, more: dict[str, Any]
) -> None:
    await kubectl.apply(canary(**SWITCH, **more))
    await kubectl("patch", "canary/reviews", "--type=merge", "-p", '{"spec":{"targetRef":{"name":"reviews-v2"}}}')

    stored = await api.get(Ref(CANARIES, namespace, "reviews"))

    assert parse_canary(stored).spec.target_ref.name == "reviews-v2"
