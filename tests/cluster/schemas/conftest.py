"""The real API server of the control plane, asked by plain HTTP, and the definitions that it was given."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.manifests import documents
from tests.cluster.schemas.comparing import Server


@pytest_asyncio.fixture
async def server(control_plane: ControlPlane) -> AsyncIterator[Server]:
    """The real API server, as the administrator."""
    trusting = ssl.create_default_context(cafile=str(control_plane.certificate))
    trusting.check_hostname = False
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {control_plane.tokens['admin']}"},
        connector=aiohttp.TCPConnector(ssl=trusting),
        timeout=aiohttp.ClientTimeout(total=30),
    ) as session:
        yield Server(session, control_plane.server)


@pytest.fixture(scope="package")
def definitions(istio_crds: Path) -> dict[str, dict[str, Any]]:
    """The versions of Istio's and our own definitions, by kind and version such as `Canary/v1beta1`."""
    files = [istio_crds, *(Path(__file__).parents[3] / "crds").glob("*.yaml")]
    return {
        f"{body['spec']['names']['kind']}/{version['name']}": version
        for body in documents(files)
        for version in body["spec"]["versions"]
    }
