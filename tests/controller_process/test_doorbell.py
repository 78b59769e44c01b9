"""The doorbell: it rings for what changes, comes back after every death, and leaves the process alone."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from delivery.controller import doorbell as module
from delivery.controller.doorbell import Doorbell
from delivery.controller.settings import Settings
from tests.controller_process.api_server import ApiServer

LIMIT = 20.0


class Rings:
    """What has been rung for."""

    def __init__(self) -> None:
        self.canaries: list[str] = []
        self.others: list[tuple[str, str]] = []
        self.lives = 0
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """A life of kopf begins."""
        self.lives += 1
        self._changed.set()

    def canary(self, key: str) -> None:
        self.canaries.append(key)
        self._changed.set()

    def other(self, kind: str, key: str) -> None:
        self.others.append((kind, key))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer().serving() as serving:
        yield serving


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF", 0.01)


@asynccontextmanager
async def ringing(
    server: ApiServer, folder: Path, *, namespace: str | None = None
) -> AsyncIterator[tuple[Doorbell, Rings]]:
    rings = Rings()
    settings = Settings.parse({"kubeconfig": server.kubeconfig(folder), "namespace": namespace})
    doorbell = Doorbell(rings.canary, settings, changed=rings.other, before_start=rings.begin)
    task = asyncio.ensure_future(doorbell.run())
    try:
        yield doorbell, rings
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def watched(server: ApiServer, count: int = 3) -> None:
    async with asyncio.timeout(LIMIT):
        await server.watched(count)


async def test_it_rings_for_what_is_there_what_changes_and_what_goes(server: ApiServer, tmp_path: Path) -> None:
    server.put("canaries", "there")
    async with ringing(server, tmp_path) as (doorbell, rings):
        await rings.until(lambda: rings.canaries == ["shop/there"])
        await watched(server)
        server.put("canaries", "new")
        await rings.until(lambda: rings.canaries[-1] == "shop/new")
        server.put("canaries", "there")
        await rings.until(lambda: rings.canaries[-1] == "shop/there")
        server.delete("canaries", "new")
        await rings.until(lambda: rings.canaries[-1] == "shop/new")
        server.put("metrictemplates", "errors")
        server.put("alertproviders", "slack")
        await rings.until(lambda: len(rings.others) == 2)
        assert sorted(rings.others) == [("AlertProvider", "shop/slack"), ("MetricTemplate", "shop/errors")]
        assert doorbell.restarts == 0
        assert doorbell.probe() == ""
    assert doorbell.probe() == "the doorbell is not running"


async def test_it_only_reads_our_three_kinds_and_writes_nothing(server: ApiServer, tmp_path: Path) -> None:
    server.put("canaries", "there")
    async with ringing(server, tmp_path) as (_, rings):
        await rings.until(lambda: rings.canaries == ["shop/there"])
        await watched(server)
    discovery = {"GET api", "GET api/v1", "GET apis", "GET apis/apiextensions.k8s.io/v1"}
    group = "apis/progressive.delivery/v1beta1"
    ours = {f"GET {group}"} | {
        f"{verb} {group}/{plural}" for verb in ("GET", "WATCH") for plural in server.objects
    }
    assert set(server.requests) == discovery | ours


async def test_with_a_namespace_it_looks_nowhere_else(server: ApiServer, tmp_path: Path) -> None:
    async with ringing(server, tmp_path, namespace="shop"):
        await watched(server)
    lists = [request for request in server.requests if request.endswith(tuple(server.objects))]
    assert len(lists) == 6
    assert all("/namespaces/shop/" in request for request in lists)


@pytest.mark.parametrize("code", [410, 500])
async def test_an_error_in_a_watch_costs_a_restart_at_most(server: ApiServer, tmp_path: Path, code: int) -> None:
    async with ringing(server, tmp_path) as (doorbell, rings):
        await watched(server)
        server.watch_status = code
        server.break_watches(code)
        await rings.until(lambda: rings.lives > 2)
        server.watch_status = 200
        server.put("canaries", "later")
        await rings.until(lambda: "shop/later" in rings.canaries)
        assert doorbell.probe() == ""


async def test_a_restart_of_kopf_ends_no_task_of_ours(server: ApiServer, tmp_path: Path) -> None:
    async with ringing(server, tmp_path) as (_, rings):
        await watched(server)
        younger = asyncio.ensure_future(asyncio.Event().wait())
        server.break_watches(500)
        await rings.until(lambda: rings.lives > 1)
        await watched(server)
        assert not younger.done()
        younger.cancel()


async def test_watches_that_fail_together_are_not_complained_about_later(
    server: ApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of several failures kopf looks at the first; asyncio would print the others whenever they are collected."""
    async with ringing(server, tmp_path) as (_, rings):
        await watched(server)
        server.break_watches(500)
        await rings.until(lambda: rings.lives > 1)
        gc.collect()
        assert [record for record in caplog.records if record.name == "asyncio"] == []
        forgotten = asyncio.ensure_future(_fail())
        await asyncio.wait([forgotten])
        del forgotten
        gc.collect()
        assert [record.message.splitlines()[0] for record in caplog.records if record.name == "asyncio"] == [
            "Task exception was never retrieved"
        ], "others are still complained about"


async def _fail() -> None:
    raise OSError("somebody else's failure")


async def test_stopping_leaves_no_task_behind(server: ApiServer, tmp_path: Path) -> None:
    async with ringing(server, tmp_path):
        await watched(server)
    server.end_watches()
    left = [task.get_name() for task in asyncio.all_tasks() if "kopf" in repr(task.get_coro())]
    assert left == []


async def test_the_signal_handlers_stay_whose_they_were(server: ApiServer, tmp_path: Path) -> None:
    def ours(number: int, frame: object) -> None:
        """Never called: no signal is sent."""

    before = {number: signal.signal(number, ours) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        async with ringing(server, tmp_path):
            await watched(server)
            assert [signal.getsignal(number) for number in before] == [ours, ours]
        assert [signal.getsignal(number) for number in before] == [ours, ours]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def test_it_starts_when_it_is_told_that_the_kinds_are_served(server: ApiServer, tmp_path: Path) -> None:
    waits, served = asyncio.Event(), asyncio.Event()

    async def kinds_served() -> None:
        waits.set()
        await served.wait()

    settings = Settings.parse({"kubeconfig": server.kubeconfig(tmp_path)})
    doorbell = Doorbell(lambda key: None, settings, before_start=kinds_served)
    task = asyncio.ensure_future(doorbell.run())
    try:
        await waits.wait()
        assert server.requests == {}
        served.set()
        await watched(server)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_kubeconfig_that_cannot_be_used_is_tried_again(server: ApiServer, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path, context="other")
    rings = Rings()
    doorbell = Doorbell(rings.canary, Settings.parse({"kubeconfig": path}), before_start=rings.begin)
    task = asyncio.ensure_future(doorbell.run())
    try:
        await rings.until(lambda: rings.lives > 1)
        server.kubeconfig(tmp_path)
        server.put("canaries", "there")
        await rings.until(lambda: "shop/there" in rings.canaries)
        assert "shop/there" in rings.canaries
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_token_that_is_not_taken_is_read_again(server: ApiServer, tmp_path: Path) -> None:
    rings = Rings()
    server.put("canaries", "there")
    doorbell = Doorbell(rings.canary, Settings.parse({"kubeconfig": server.kubeconfig(tmp_path, token="old")}))
    task = asyncio.ensure_future(doorbell.run())
    try:
        async with asyncio.timeout(LIMIT):
            await server.asked.wait()
        server.kubeconfig(tmp_path)
        await rings.until(lambda: "shop/there" in rings.canaries)
        assert "shop/there" in rings.canaries
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
