"""A Prometheus in this process: it scrapes a callable, remembers, and answers over HTTP.

It can go away and come back, because what a controller does without its metrics is one of the stories that the sandbox
tells. While it is away its port stays taken, so that nobody else can answer in its place.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from delivery.cluster.protocols import Clock
from delivery.sandbox.promql.exposition import Scrape, samples_of
from delivery.sandbox.promql.http import Api
from delivery.sandbox.promql.storage import MAX_BYTES, RETENTION_SECONDS, Source, Storage

JOB = "mesh"
INSTANCE = "mesh"


class EmbeddedPrometheus:
    """Scrapes `scrape` every `interval` seconds and serves Prometheus' API. `retention` is in seconds.

    A sample keeps the labels that it has; `job` and `instance` are added where it has none. A scrape that raises means
    that the target is down: `up` is 0, and its series end. `last_error` says what was raised.
    """

    def __init__(
        self,
        scrape: Scrape,
        *,
        interval: float,
        clock: Clock,
        retention: float = RETENTION_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if interval <= 0:
            raise ValueError(f"interval is {interval:g} s, it must be above 0")
        self.storage = Storage(retention=retention, max_bytes=max_bytes)
        self.last_error = ""
        own = (("job", JOB), ("instance", INSTANCE))
        self._target, self._about = Source(self.storage, own), Source(self.storage, own)
        self._scrape, self._interval, self._clock = scrape, interval, clock
        self._api = Api(self.storage, clock)
        self._port = 0
        self._reserved: socket.socket | None = None
        self._runner: web.AppRunner | None = None
        self._scraping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where to ask it; stays the same when it goes away and comes back."""
        return f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Scrape and answer while the block lasts; the value is the URL."""
        self._reserve()
        try:
            await self.up()
            yield self.url
        finally:
            await self.down()
            if self._reserved is not None:
                self._reserved.close()
                self._reserved = None

    async def down(self) -> None:
        """Scrape and answer no more: connections are refused. What is known stays."""
        if self._scraping is not None:
            self._scraping.cancel()
            await asyncio.wait([self._scraping])
            self._scraping = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self._reserve()

    async def up(self) -> None:
        """Scrape and answer again, at the same address."""
        if self._runner is not None or self._reserved is None:
            return
        self._runner = web.AppRunner(self._api.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        listening, self._reserved = self._reserved, None
        await web.SockSite(self._runner, listening).start()
        self._scraping = asyncio.create_task(self._scrape_regularly(), name="prometheus-scrapes")

    def scrape(self) -> None:
        """Scrape once, now. Nothing happens at a time that is not later than the last (a clock that was set back)."""
        at = round(self._clock.now().timestamp() * 1000)
        if self._about.latest is not None and at <= self._about.latest:
            return
        begun = self._clock.monotonic()
        number = self._kept(at)
        about = {
            "up": float(number is not None),
            "scrape_duration_seconds": self._clock.monotonic() - begun,
            "scrape_samples_scraped": float(number or 0),
        }
        self._about.record(at, [(name, (), value) for name, value in about.items()])

    def _kept(self, at: int) -> int | None:
        """How many samples the target gave, None if it is down. A target may fail in any way of its own."""
        try:
            number = self._target.record(at, list(samples_of(self._scrape())))
        except Exception as error:
            self.last_error = f"{type(error).__name__}: {error}"
            self._target.lost(at)
            return None
        self.last_error = ""
        return number

    async def _scrape_regularly(self) -> None:
        """On a grid, so that a slow scrape delays none after it."""
        following = self._clock.monotonic()
        while True:
            self.scrape()
            following = max(following + self._interval, self._clock.monotonic())
            await asyncio.sleep(following - self._clock.monotonic())

    def _reserve(self) -> None:
        """Hold the port (a free one at first) without listening, so that connections to it are refused."""
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", self._port))
        self._port = int(self._reserved.getsockname()[1])
