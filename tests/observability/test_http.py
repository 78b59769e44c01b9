"""Health, readiness and metrics over real HTTP."""

import aiohttp
import pytest

from delivery.observability.exporter import Exporter
from delivery.observability.http import ObservabilityServer


async def get(server: ObservabilityServer, path: str) -> tuple[int, str, str]:
    limit = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=limit) as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_health_names_every_part_that_is_not_well() -> None:
    reasons = {"queue": "", "doorbell": ""}

    def broken() -> str:
        raise RuntimeError("no idea")

    health = {"queue": lambda: reasons["queue"], "doorbell": lambda: reasons["doorbell"]}
    async with ObservabilityServer(host="127.0.0.1", port=0, metrics=lambda: b"", health=health) as server:
        assert await get(server, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
        reasons["queue"], reasons["doorbell"] = "not running", "dead"
        status, _, text = await get(server, "/healthz")
        assert (status, text) == (503, "queue: not running\ndoorbell: dead\n")
    async with ObservabilityServer(
        host="127.0.0.1", port=0, metrics=lambda: b"", health={"odd": broken}
    ) as server:
        assert (await get(server, "/healthz"))[::2] == (503, "odd: RuntimeError: no idea\n")


async def test_readiness_is_its_own_question() -> None:
    synced = ["caches not filled: pods"]
    async with ObservabilityServer(
        host="127.0.0.1", port=0, metrics=lambda: b"", readiness={"caches": lambda: synced[0]}
    ) as server:
        assert (await get(server, "/readyz"))[::2] == (503, "caches: caches not filled: pods\n")
        assert (await get(server, "/healthz"))[0] == 200
        synced[0] = ""
        assert (await get(server, "/readyz"))[::2] == (200, "ok\n")


async def test_metrics_have_prometheus_own_content_type() -> None:
    exporter = Exporter()
    async with ObservabilityServer(
        host="127.0.0.1", port=0, metrics=exporter.render, content_type=exporter.content_type
    ) as server:
        status, content_type, text = await get(server, "/metrics")
    assert (status, content_type) == (200, exporter.content_type)
    assert "progressive_delivery_info{" in text


async def test_stopping_frees_the_address_and_may_be_done_twice() -> None:
    server = ObservabilityServer(host="127.0.0.1", port=0, metrics=lambda: b"")
    with pytest.raises(RuntimeError, match="not listening"):
        assert server.port
    await server.start()
    port = server.port
    await server.stop()
    await server.stop()
    again = ObservabilityServer(host="127.0.0.1", port=port, metrics=lambda: b"")
    async with again:
        assert again.port == port


async def test_an_address_in_use_is_an_error_at_once() -> None:
    async with ObservabilityServer(host="127.0.0.1", port=0, metrics=lambda: b"") as first:
        second = ObservabilityServer(host="127.0.0.1", port=first.port, metrics=lambda: b"")
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
