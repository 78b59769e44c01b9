"""How every server of ours listens: it has its port before anybody hears of it, and none of its sockets outlives it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def listening(
    app: web.Application, *, host: str = LOOPBACK, port: int = 0, patience: float = 1.0, cancels: bool = False
) -> AsyncIterator[int]:
    """Serve `app` while the block lasts; the value is the port. `port` 0 takes any free one.

    At the end answers in progress get `patience` seconds. With `cancels`, a client that goes away ends the handler of
    its request. OSError when the address cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=cancels, shutdown_timeout=patience)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
