"""What the kubelet and Prometheus ask: /healthz, /readyz and /metrics.

Healthy means that every supervised part is alive, so that a restart of the process is worth it when one is not.
Ready means that the caches are filled. A follower is ready too: it serves metrics and admission, and a Service or a
rollout of ours must not wait until it leads.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from delivery.listening import listening

PATIENCE_SECONDS = 2.0
Probe = Callable[[], str]
"""Says why a part is not well, in a few words; "" when it is. Must not block."""

log = structlog.get_logger(__name__)


class ObservabilityServer:
    """Serves health, readiness and metrics on one address. `port` 0 takes any free one; see `port` afterwards.

    `metrics` renders the metrics; `health` and `readiness` are probes by the name of their part.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        metrics: Callable[[], bytes],
        content_type: str = "text/plain; version=0.0.4; charset=utf-8",
        health: Mapping[str, Probe] | None = None,
        readiness: Mapping[str, Probe] | None = None,
    ) -> None:
        self._host = host
        self._wanted_port = port
        self._metrics = metrics
        self._content_type = content_type
        self._health = dict(health or {})
        self._readiness = dict(readiness or {})
        self._listening = AsyncExitStack()
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is listened on. RuntimeError before `start` and after `stop`."""
        if not self._port:
            raise RuntimeError("the server is not listening")
        return self._port

    async def start(self) -> None:
        """Listen. OSError when the address cannot be had."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._serve_metrics),
                web.get("/healthz", self._serve_health),
                web.get("/readyz", self._serve_readiness),
            ]
        )
        at = listening(app, host=self._host, port=self._wanted_port, patience=PATIENCE_SECONDS)
        self._port = await self._listening.enter_async_context(at)
        log.info("listening", host=self._host, port=self.port)

    async def stop(self) -> None:
        """Stop listening; answers in progress get PATIENCE_SECONDS. May be called again."""
        self._port = 0
        await self._listening.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": self._content_type})

    async def _serve_health(self, _request: web.Request) -> web.Response:
        return _answer(self._health)

    async def _serve_readiness(self, _request: web.Request) -> web.Response:
        return _answer(self._readiness)


def _answer(probes: Mapping[str, Probe]) -> web.Response:
    reasons = [f"{name}: {reason}" for name, probe in probes.items() if (reason := _ask(probe))]
    if reasons:
        log.warning("probe failed", reasons=reasons)
    return web.Response(text="\n".join(reasons or ["ok"]) + "\n", status=503 if reasons else 200)


def _ask(probe: Probe) -> str:
    try:
        return probe()
    except Exception as error:  # a probe that breaks says that its part is not well
        log.exception("probe broken")
        return f"{type(error).__name__}: {error}"
