"""A real Prometheus beside this process, scraping what a callable says.

Whoever has the program gets all of PromQL and its graphs. Its data lives in a folder of its own that goes with it,
and on Linux the kernel ends it when this process is killed.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from delivery.sandbox.metrics_page import metrics_page
from delivery.sandbox.promql.exposition import Scrape, samples_of, written
from delivery.sandbox.promql.programs import ATTEMPTS, NotStartedError, PortLostError, Program, free_port

OLDEST = (2, 26)
"""The first with last_over_time(), which the builtin queries need."""

START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
VERSION_SECONDS = 10.0

CONFIG = """\
global:
  scrape_interval: {interval}ms
  scrape_timeout: {interval}ms
scrape_configs:
  - job_name: {job}
    honor_labels: true
    static_configs:
      - targets: ["{target}"]
"""


class PrometheusUnavailableError(Exception):
    """The program is missing, too old, or does not come up; the text says which, and what to do."""


def configuration(target: str, *, interval: float, job: str = "mesh") -> str:
    """A configuration that scrapes `target` (HOST:PORT) every `interval` seconds and believes its labels."""
    return CONFIG.format(interval=max(1, round(interval * 1000)), target=target, job=job)


def command_line(program: str, folder: Path, port: int) -> list[str]:
    """How to run `program` on a loopback port, with prometheus.yml and its data in `folder` and an hour of memory."""
    return [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=1h",
        "--log.level=warn",
    ]


def find(name: str = "prometheus") -> str:
    """The path of a program on the PATH that is new enough. Raises PrometheusUnavailableError."""
    path = shutil.which(name)
    if path is None:
        raise PrometheusUnavailableError(f"there is no program {name!r} on the PATH; use --prometheus embedded")
    found = version(path)
    if found < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        has = ".".join(map(str, found))
        raise PrometheusUnavailableError(f"{path} is Prometheus {has}, at least {wanted} is needed")
    return path


def version(path: str) -> tuple[int, int]:
    """Major and minor version of a program. Raises PrometheusUnavailableError if it is no Prometheus."""
    try:
        run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise PrometheusUnavailableError(f"{path} --version failed: {error}") from None
    match = re.search(r"prometheus, version (\d+)\.(\d+)", run.stdout + run.stderr)
    if match is None:
        raise PrometheusUnavailableError(f"{path} --version does not say that it is Prometheus")
    return int(match[1]), int(match[2])


class PrometheusBinary:
    """The program at `path`, which scrapes `scrape` every `interval` seconds."""

    def __init__(self, path: str, scrape: Scrape, *, interval: float) -> None:
        self._path, self._scrape, self._interval = path, scrape, interval
        self._folder = Path()
        self._port = 0
        self._process: Program | None = None

    @property
    def url(self) -> str:
        """Where to ask it; stays the same when it goes away and comes back."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None else None

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Run it while the block lasts; the value is its URL. Raises PrometheusUnavailableError."""
        with tempfile.TemporaryDirectory(prefix="prometheus-", ignore_cleanup_errors=True) as folder:
            self._folder = Path(folder)
            async with metrics_page(lambda: _page(self._scrape)) as target:
                (self._folder / "prometheus.yml").write_text(configuration(target, interval=self._interval))
                try:
                    await self._start_somewhere()
                    yield self.url
                finally:
                    await self.down()

    async def down(self) -> None:
        """End it: connections are refused, and its data stays."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.send(signal.SIGTERM)
            await asyncio.to_thread(process.ended_within, STOP_SECONDS)
        finally:
            if process.running:
                process.kill()

    async def up(self) -> None:
        """Start it again at the same address, with its data. Raises PrometheusUnavailableError."""
        if self._process is not None:
            return
        try:
            await self._start(self._port)
        except NotStartedError as error:
            raise PrometheusUnavailableError(f"{self._path} does not come back on port {self._port}: {error}") from None

    async def _start_somewhere(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._start(free_port())
            except PortLostError as error:
                if attempt == ATTEMPTS:
                    raise PrometheusUnavailableError(f"{self._path} found no free port: {error}") from None
            except NotStartedError as error:
                raise PrometheusUnavailableError(f"{self._path} does not come up: {error}") from None
            else:
                return

    async def _start(self, port: int) -> None:
        log = self._folder / f"prometheus-{port}.log"
        process = Program(command_line(self._path, self._folder, port), log=log, leashed=True)
        self._port, self._process = port, process
        try:
            await _ready(process, port)
        except BaseException:
            await self.down()
            raise


async def _ready(process: Program, port: int) -> None:
    """Wait until this very process answers on the port. Raises NotStartedError."""
    timeout = aiohttp.ClientTimeout(total=1.0)
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        while not (process.listens_on(port) and await _answers(session, f"http://127.0.0.1:{port}/-/ready")):
            if not process.running:
                raise process.not_started()
            if asyncio.get_running_loop().time() > deadline:
                raise NotStartedError(f"not ready after {START_SECONDS:g} s: {process.tail()}")
            await asyncio.sleep(POLL_SECONDS)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _page(scrape: Scrape) -> str:
    """What is scraped, as a page."""
    said = scrape()
    return said if isinstance(said, str) else written(samples_of(said))
