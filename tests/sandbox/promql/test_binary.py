"""The real Prometheus as a part of the sandbox: it scrapes, comes and goes, and never outlives who started it."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from delivery.sandbox.promql import binary
from delivery.sandbox.promql.binary import PrometheusBinary, PrometheusUnavailableError, find, version
from delivery.sandbox.promql.choice import choose
from delivery.sandbox.promql.exposition import Sample
from tests.sandbox.promql.conftest import Stopped
from tests.sandbox.promql.recordings import NOON

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's leash is Linux's")


@pytest.fixture
def program() -> str:
    path = shutil.which("prometheus")
    if path is None:
        pytest.skip("there is no program prometheus on the PATH")
    return path


class Target:
    """Counts its scrapes; `reached` says when there were enough."""

    def __init__(self, enough: int) -> None:
        self.scrapes, self._enough = 0, enough
        self.reached = asyncio.Event()

    def samples(self) -> list[Sample]:
        self.scrapes += 1
        if self.scrapes >= self._enough:
            self.reached.set()
        return [("scrapes_total", (("job", "own"), ("text", 'a "b"')), float(self.scrapes))]


async def value(url: str, query: str) -> list[dict[str, object]]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.post(f"{url}/api/v1/query", data={"query": query}) as answer,
    ):
        result: list[dict[str, object]] = (await answer.json())["data"]["result"]
        return result


async def test_it_scrapes_goes_away_and_comes_back_with_what_it_knew(program: str) -> None:
    """Given a target scraped each 50 ms, when Prometheus goes and comes back, then the address and the past stay."""
    target = Target(enough=3)
    prometheus = PrometheusBinary(program, target.samples, interval=0.05)
    async with prometheus.serve() as url:
        await asyncio.wait_for(target.reached.wait(), 30)  # the samples of the first two are stored by then
        before = await value(url, "scrapes_total")
        assert before[0]["metric"] == {
            "__name__": "scrapes_total", "job": "own", "text": 'a "b"', "instance": before[0]["metric"]["instance"]
        }  # fmt: skip

        await prometheus.down()
        await prometheus.down()
        with pytest.raises(aiohttp.ClientConnectorError):
            await value(url, "up")

        await prometheus.up()
        await prometheus.up()
        assert prometheus.url == url
        assert float((await value(url, "min_over_time(scrapes_total[5m])"))[0]["value"][1]) <= 3
        pid = prometheus.pid
    assert pid is not None
    assert prometheus.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_is_chosen_where_it_is_on_the_path(program: str) -> None:
    for choice in ("auto", "binary"):
        assert isinstance(choose(choice, list, interval=5, clock=Stopped(NOON)), PrometheusBinary)


async def test_it_ends_with_a_block_that_fails(program: str) -> None:
    prometheus = PrometheusBinary(program, list, interval=1)
    pids = []

    async def fail() -> None:
        async with prometheus.serve():
            pids.append(prometheus.pid)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


PARENT = """
import asyncio, sys
from delivery.sandbox.promql.binary import PrometheusBinary

async def main():
    prometheus = PrometheusBinary(sys.argv[1], list, interval=1)
    async with prometheus.serve():
        print(prometheus.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@linux
def test_nothing_is_left_of_it_when_its_parent_is_killed(program: str, tmp_path: Path) -> None:
    """Given a process that runs a Prometheus, when the process is killed, then the kernel ends Prometheus too."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, program], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert parent.stdout is not None
        watched = os.pidfd_open(int(parent.stdout.readline()))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
        parent.stdout.close()
    ended, _, _ = select.select([watched], [], [], 30)
    os.close(watched)
    assert ended


def script(folder: Path, text: str) -> str:
    path = folder / "prometheus"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_program_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "echo 'prometheus, version 2.15.2+ds (branch: x)'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrometheusUnavailableError, match=r"is Prometheus 2\.15, at least 2\.26 is needed"):
        find()


def test_a_program_that_is_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrometheusUnavailableError, match="does not say that it is Prometheus"):
        version(script(tmp_path, "echo 'toolbox 7'"))
    with pytest.raises(PrometheusUnavailableError, match="--version failed"):
        version(script(tmp_path, "exit 3"))


def test_the_version_of_the_real_one_is_understood(program: str) -> None:
    assert version(program) >= binary.OLDEST


async def test_a_program_that_does_not_come_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    path = script(tmp_path, "echo 'level=error err=\"no such flag\"' >&2; exit 1")
    prometheus = PrometheusBinary(path, list, interval=1)
    with pytest.raises(PrometheusUnavailableError, match=r"does not come up: .*no such flag"):
        async with prometheus.serve():
            pytest.fail("it cannot have been served")
    assert prometheus.pid is None


async def test_a_port_that_others_take_is_tried_elsewhere(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a port that was free and is taken at the moment of the start, then another one is used."""
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    ports = iter([port, binary.free_port()])
    monkeypatch.setattr(binary, "free_port", lambda: next(ports))
    async with taken, PrometheusBinary(program, list, interval=1).serve() as url:
        assert not url.endswith(f":{port}")
        assert await value(url, "1")
