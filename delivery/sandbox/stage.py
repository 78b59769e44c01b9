"""A whole sandbox: the API server, the world behind it, the mesh, Prometheus and the controller, put together.

Everything but the controller and a real Prometheus lives on one event loop. What is opened first is closed last, and
nothing is left behind: no process, no file but those that were asked for.
"""

import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import RealSchedule, Store, World
from delivery.sandbox import admission, bookinfo, definitions, kubeconfig_file
from delivery.sandbox.child import Child
from delivery.sandbox.mesh import Mesh
from delivery.sandbox.promql.choice import Prometheus, choose
from delivery.sandbox.server import ApiServer
from delivery.sandbox.settings import Settings, SettingsError
from delivery.sandbox.state import Keeper, StateFile
from delivery.sandbox.traffic import Traffic, bookinfo_loads

HOST = "127.0.0.1"

Tell = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """What runs. `folder` is for files that end with it, `url` the API server's address; `controller` None: people run
    their own.
    """

    settings: Settings
    store: Store
    world: World
    traffic: Traffic
    prometheus: Prometheus
    folder: Path
    url: str
    kubeconfig: Path
    tasks: Sequence[asyncio.Task[None]]
    controller: Child | None = None

    @property
    def mesh(self) -> Mesh:
        """The mesh, as of its last change; `traffic.scrape` brings it up to now."""
        return self.traffic.mesh

    async def run_until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`. What breaks within the sandbox is raised."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({stopped, *self.tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in self.tasks:
                if task.done():
                    task.result()
        finally:
            stopped.cancel()

    def kill_children(self) -> None:
        """End what runs beside this process at once."""
        if self.controller is not None:
            self.controller.kill()


@asynccontextmanager
async def open_sandbox(
    settings: Settings, *, problem: Tell, serving: Callable[[Sandbox], None] = lambda _: None
) -> AsyncIterator[Sandbox]:
    """A running sandbox while the block lasts; `serving` is called as soon as its API server answers.

    `problem` is told what people should know. SettingsError, StateError, DefinitionsError and
    PrometheusUnavailableError say what cannot be used; nothing is left running then.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="delivery-sandbox-")))
        clock, seed = SystemClock(), secrets.token_hex(8)
        store = Store(clock, seed=seed)
        state = _restore(stack, settings, store)
        begins = store.resource_version == "1"
        server = _api_server(store, settings, clock)
        traffic = _traffic(settings, store, Mesh(seed=seed, lag=settings.lag, now=time.monotonic()), problem)
        world = _world(stack, store, RealSchedule(clock, seed=seed), traffic)
        if settings.bookinfo and begins:  # what people have deleted does not come back with a restart
            bookinfo.install(store)
        prometheus = choose(settings.prometheus, traffic.scrape, interval=settings.scrape_seconds, clock=clock)
        tasks = _keep_going(stack, store, state, traffic, problem)
        url = await _serve(stack, server, settings.port)
        kubeconfig = kubeconfig_file.written(settings.kubeconfig or folder / "kubeconfig", url)
        sandbox = Sandbox(
            settings=settings,
            store=store,
            world=world,
            traffic=traffic,
            prometheus=prometheus,
            folder=folder,
            url=url,
            kubeconfig=stack.enter_context(kubeconfig),
            tasks=tasks,
        )
        serving(sandbox)
        await stack.enter_async_context(prometheus.serve())
        if settings.controller:
            await _start_controller(stack, sandbox, problem)
        yield sandbox


def _api_server(store: Store, settings: Settings, clock: SystemClock) -> ApiServer:
    """An API server that knows our kinds and those of the mesh, and refuses what our admission refuses."""
    server = ApiServer(store, clock=clock)
    store.admission.append(admission.admit)
    definitions.install_all(store, settings.crds)
    return server


def _restore(stack: AsyncExitStack, settings: Settings, store: Store) -> StateFile | None:
    if settings.state is None:
        return None
    file = stack.enter_context(StateFile(settings.state))
    if (saved := file.load()) is not None:
        store.restore(saved.objects, saved.version)
    return file


def _traffic(settings: Settings, store: Store, mesh: Mesh, problem: Tell) -> Traffic:
    requests = settings.requests_per_second
    known = bookinfo_loads(requests) if settings.bookinfo else {}
    return Traffic(store, mesh, time=time.monotonic, per_second=requests, known=known, problem=problem)


def _world(stack: AsyncExitStack, store: Store, schedule: RealSchedule, traffic: Traffic) -> World:
    stack.callback(schedule.stop)
    world = World(store, schedule, events=True, cluster=True, load=traffic.load)
    traffic.warn = lambda ref, text: world.warn(ref, "NotUnderstood", text, source="mesh")
    return world


def _keep_going(
    stack: AsyncExitStack, store: Store, state: StateFile | None, traffic: Traffic, problem: Tell
) -> list[asyncio.Task[None]]:
    """What goes on all the time; at the end the last state is saved, after everything has stopped."""
    work: dict[str, Coroutine[Any, Any, None]] = {"mesh": traffic.run()}
    if state is not None:
        keeper = Keeper(store, state, problem=problem)
        stack.callback(keeper.finish)
        work["state"] = keeper.run()
    tasks = [asyncio.create_task(each, name=name) for name, each in work.items()]
    stack.push_async_callback(_end, tasks)
    return tasks


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _serve(stack: AsyncExitStack, server: ApiServer, port: int) -> str:
    try:
        return await stack.enter_async_context(server.serve(HOST, port))
    except OSError as error:
        raise SettingsError("--port", port, f"a port that is free on {HOST} ({error.strerror or error})") from error


async def _start_controller(stack: AsyncExitStack, sandbox: Sandbox, problem: Tell) -> None:
    log = sandbox.folder / "controller.log"

    def ended(code: int) -> None:
        again = ", it is started again" if sandbox.settings.restart_controller else ""
        problem(f"the controller ended with code {code}{again}; its log is {log}")

    sandbox.controller = Child(
        controller_command(sandbox),
        log=log,
        env=controller_environment(os.environ),
        ended=ended,
        restart=sandbox.settings.restart_controller,
    )
    stack.push_async_callback(sandbox.controller.stop)
    await sandbox.controller.start()


def controller_command(sandbox: Sandbox) -> list[str]:
    """The controller as anybody would start it beside a cluster."""
    return [
        *(sys.executable, "-m", "delivery.cli", "run"),
        f"--kubeconfig={sandbox.kubeconfig}",
        f"--metrics-server={sandbox.prometheus.url}",
        f"--scrape-interval-seconds={sandbox.settings.scrape_seconds:g}",
        f"--listen={HOST}:0",
        "--webhook-allow=127.0.0.0/8,::1",  # what answers here runs on this machine
    ]


def controller_environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Our environment without what would tell the controller of another cluster, of flags or of a proxy."""
    foreign = {"KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
    return {
        name: value for name, value in ours.items() if name.upper() not in foreign and not name.startswith("DELIVERY_")
    }
