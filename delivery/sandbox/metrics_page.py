"""The page that a Prometheus scrapes: numbers of a callable at one address."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from delivery.listening import LOOPBACK, listening


@asynccontextmanager
async def metrics_page(text: Callable[[], str], *, port: int = 0) -> AsyncIterator[str]:
    """Serve what `text` says at /metrics on loopback while the block lasts; gives HOST:PORT. Port 0: any free one."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=text(), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with listening(app, port=port) as chosen:
        yield f"{LOOPBACK}:{chosen}"
