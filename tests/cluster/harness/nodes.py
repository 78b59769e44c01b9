"""Nodes for DaemonSets: the control plane has none of its own, and nothing in it would find one ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import Kind, Ref

NODES = Kind("", "v1", "Node", "nodes", namespaced=False)


@asynccontextmanager
async def a_node(api: KubernetesApi, name: str) -> AsyncIterator[None]:
    """A node while the block lasts, on which DaemonSets may put pods."""
    ref = Ref(NODES, "", name)
    await api.create(ref, {"metadata": {"labels": {"kubernetes.io/hostname": name}}})
    # The API server taints new nodes, and the controller that would find this one ready does not run.
    await api.patch(ref, [{"op": "add", "path": "/spec/taints", "value": []}])
    try:
        yield
    finally:
        await api.delete(ref)
