"""The page that a Prometheus scrapes: all proxies' numbers at one address."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def metrics_page(text: Callable[[], str], *, port: int = 0) -> AsyncIterator[str]:
    """Serve what `text` says at /metrics on loopback while the block lasts; gives HOST:PORT. Port 0: any free one."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=text(), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        address, chosen = runner.addresses[0][:2]
        yield f"{address}:{chosen}"
    finally:
        await runner.cleanup()
