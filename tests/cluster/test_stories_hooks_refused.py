"""Hooks that name the API server by what stands behind its Service, with a real one and a controller as a process."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from delivery.cluster.kubernetes import KubernetesApi
from delivery.outbound.api_server import OWN
from tests.cluster.harness.controller import (
    forbid_the_api_servers_addresses,
    may_read_the_api_servers_addresses,
    permit,
    permit_the_api_servers_addresses,
    running,
)
from tests.cluster.harness.stage import V2, Stage
from tests.cluster.harness.telling import Stages, Told, begin, together
from tests.cluster.harness.waiting import eventually


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(request: pytest.FixtureRequest, stages: Stages) -> AsyncIterator[Told]:
    """The stories, each of which brings a controller of its own."""
    async with begin(request, stages) as told:
        yield told


@together
async def test_a_hook_that_names_an_address_of_the_api_server_is_never_called_and_says_why(stage: Stage) -> None:
    (subset,) = (await stage.api.get(OWN[1]))["subsets"]
    address = subset["addresses"][0]["ip"]
    urls = (f"https://{address}:{subset['ports'][0]['port']}/api", f"https://[::ffff:{address}]/api")
    hooks = [{"name": f"gate-{number}", "type": "confirm-rollout", "url": url} for number, url in enumerate(urls)]
    await permit(stage.api, stage.namespace)
    await permit_the_api_servers_addresses(stage.api)
    try:
        async with KubernetesApi.connect(str(stage.plane.kubeconfig("controller"))) as api:
            await eventually(lambda: may_read_the_api_servers_addresses(api), what="the permission")
        async with running(
            stage.plane.kubeconfig("controller"),
            stage.folder / "guarded.log",
            metrics_server=stage.prometheus.url,
            lease_namespace=stage.namespace,
            namespace=stage.namespace,
        ) as controller:
            await stage.initialised(webhooks=hooks, interval="1s")
            await stage.release(V2)
            body = await stage.until(
                lambda one: len(one["status"].get("waiting", {}).get("gates", ())) == len(hooks), what="at both gates"
            )
            assert body["status"]["waiting"]["message"].count(f"{address} is the API server") == 2
            await stage.edit({"analysis": {"webhooks": None}})
            await stage.at_rest("Succeeded")
    finally:
        await forbid_the_api_servers_addresses(stage.api)
    assert "addresses of the API server not known" not in controller.output()
    assert stage.lost() == 0
