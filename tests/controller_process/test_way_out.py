"""The process's way out to webhooks: it knows the API server by all that the process was given."""

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.objects import Object, Ref
from delivery.controller.application import _caller
from delivery.controller.settings import Settings
from delivery.outbound.api_server import Endpoints
from delivery.outbound.outgoing import Outgoing, RefusedAddressError


class Api:
    """An API server that keeps an address for itself."""

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        return {"endpoints": [{"addresses": ["203.0.113.9"]}]}


@pytest.mark.parametrize("address", ["203.0.113.7", "203.0.113.8", "203.0.113.9"])
async def test_no_webhook_is_the_api_server(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kubeconfig's host, by what the Pod is told, by what stands behind the Service."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "203.0.113.8")
    settings = Settings.parse({"cluster_domain": "invalid"})
    caller = _caller(settings, "https://203.0.113.7:6443", Endpoints(Api(), SystemClock()))
    async with caller:
        with pytest.raises(RefusedAddressError, match="is the API server"):
            await caller.send(Outgoing(url=f"https://{address}:6443/api"))
