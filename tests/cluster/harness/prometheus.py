"""A real Prometheus that scrapes one target every second, and that can go away and come back."""

import asyncio
import json
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery.sandbox.promql.binary import command_line, configuration
from tests.cluster.harness.control_plane import answers_ok
from tests.cluster.harness.processes import Program, free_port, start_on_free_ports


class Prometheus:
    """A running Prometheus at `url`. Make one with `start`."""

    def __init__(self, program: str, folder: Path, target: str, *, scrape_seconds: int) -> None:
        self._program = program
        self._folder = folder
        (folder / "prometheus.yml").write_text(configuration(target, interval=scrape_seconds))
        self._port, self._process = start_on_free_ports(self._on_a_free_port)

    @classmethod
    @contextmanager
    def start(cls, program: str, folder: Path, target: str, *, scrape_seconds: int = 1) -> Iterator["Prometheus"]:
        """Run one that scrapes `target` (HOST:PORT) while the block lasts; its data is kept in `folder`."""
        prometheus = cls(program, folder, target, scrape_seconds=scrape_seconds)
        try:
            yield prometheus
        finally:
            prometheus.go_away()

    @property
    def url(self) -> str:
        """Where to ask it; stays the same when it goes away and comes back."""
        return f"http://127.0.0.1:{self._port}"

    def go_away(self) -> None:
        """End it: connections are refused."""
        self._process.stop()

    def come_back(self) -> None:
        """Start it again at the same address, with its data."""
        self._process = self._run(self._port)

    def hang(self) -> None:
        """Let it accept connections and answer nothing."""
        self._process.send(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a hang."""
        self._process.send(signal.SIGCONT)

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        return await asyncio.to_thread(self._query, expression)

    def _query(self, expression: str) -> list[dict[str, Any]]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        query = urllib.parse.urlencode({"query": expression})
        with opener.open(f"{self.url}/api/v1/query?{query}", timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def _on_a_free_port(self) -> tuple[int, Program]:
        port = free_port()
        return port, self._run(port)

    def _run(self, port: int) -> Program:
        command = command_line(self._program, self._folder, port)
        process = Program(command, log=self._folder / f"prometheus-{port}.log")
        url = f"http://127.0.0.1:{port}/-/ready"
        try:
            process.wait_until(lambda: process.listens_on(port) and answers_ok(url))
        except BaseException:
            process.stop()
            raise
        return process
