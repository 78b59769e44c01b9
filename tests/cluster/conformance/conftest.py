"""Two API servers for the same stories: the sandbox's, and the real control plane's.

A story is told to a sandbox, always. Where there is a control plane it is told to that one too, and the two transcripts
(every request and its answer, without what differs from run to run) must be equal.
"""

import os
import secrets
import ssl
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store, World
from delivery.cluster.memory.timekeeping import RealSchedule
from delivery.sandbox.server import ApiServer, kubeconfig
from delivery.sandbox.server.builtin import CRDS
from tests.cluster.conformance.asking import Server
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.manifests import documents

NAMESPACE = "conformance-sandbox"
OUR_CRDS = Path(__file__).parents[3] / "crds"


@cache
def definitions(*files: Path) -> list[dict[str, Any]]:
    """The custom resource definitions in some files: read once, for Istio's are long."""
    return [one for one in documents(files) if one["kind"] == CRDS.kind]


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Server]:
    """A sandbox of its own for each story, with a world in which pods become ready."""
    clock = SystemClock()
    store, schedule = Store(clock), RealSchedule(clock, seed=1)
    World(store, schedule, cluster=True, ready_seconds=0.2, terminate_seconds=0.2)
    api = ApiServer(store, clock=clock)
    istio = [Path(os.environ["ISTIO_CRDS"])] if os.environ.get("ISTIO_CRDS") else []
    for body in definitions(*istio, *sorted(OUR_CRDS.glob("*.yaml"))):
        store.create(CRDS, body)
    async with api.serve() as url, aiohttp.ClientSession(url) as session:
        file = tmp_path / "sandbox.kubeconfig"
        file.write_text(kubeconfig(url))
        server = Server("sandbox", session, Kubectl(file, NAMESPACE, tmp_path / "kubectl-cache"), NAMESPACE)
        await server.begin()
        try:
            yield server
        finally:
            schedule.stop()


@pytest_asyncio.fixture
async def real(control_plane: ControlPlane, crds: list[str]) -> AsyncIterator[Server]:
    """The real API server, as the administrator, in a namespace of its own."""
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(control_plane.certificate)))
    headers = {"Authorization": f"Bearer {control_plane.tokens['admin']}"}
    namespace = f"conformance-{secrets.token_hex(4)}"
    kubectl = Kubectl(control_plane.kubeconfig(), namespace, control_plane.folder / "kubectl-cache")
    async with aiohttp.ClientSession(control_plane.server, connector=connector, headers=headers) as session:
        server = Server("real", session, kubectl, namespace)
        await server.begin()
        yield server
        await server.ask("DELETE", f"/api/v1/namespaces/{namespace}")
