"""The addresses behind Service `kubernetes`, read from a real API server with what deploy/api-server allows."""

from dataclasses import replace

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.errors import Denied
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import ENDPOINTS
from delivery.outbound.api_server import OWN, Endpoints
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.controller import (
    forbid_the_api_servers_addresses,
    may_read_the_api_servers_addresses,
    permit_the_api_servers_addresses,
)
from tests.cluster.harness.waiting import eventually


async def test_they_are_known_with_the_permission_and_without_it_somebody_is_told(
    control_plane: ControlPlane, api: KubernetesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    async with KubernetesApi.connect(str(control_plane.kubeconfig("controller"))) as controller:
        assert await Endpoints(controller, SystemClock()).known() == ()
        await permit_the_api_servers_addresses(api)
        try:
            await eventually(lambda: may_read_the_api_servers_addresses(controller), what="the permission")
            known = await Endpoints(controller, SystemClock()).known()
        finally:
            await forbid_the_api_servers_addresses(api)
    endpoints = await api.get(OWN[1])
    assert known == tuple(each["ip"] for subset in endpoints["subsets"] for each in subset["addresses"])
    assert known
    assert capsys.readouterr().out.count("is forbidden") == 1


async def test_nothing_else_is_allowed_by_it(control_plane: ControlPlane, api: KubernetesApi) -> None:
    await permit_the_api_servers_addresses(api)
    try:
        async with KubernetesApi.connect(str(control_plane.kubeconfig("controller"))) as controller:
            await eventually(lambda: may_read_the_api_servers_addresses(controller), what="the permission")
            for ref in (replace(OWN[1], name="other"), replace(OWN[1], namespace="kube-system")):
                with pytest.raises(Denied):
                    await controller.get(ref)
            with pytest.raises(Denied):
                await controller.list(ENDPOINTS, "default")
    finally:
        await forbid_the_api_servers_addresses(api)
