"""The traffic model in real time, in front of a real API server.

It follows VirtualServices, Services and Pods by watches and shows what Istio's proxies would show at /metrics. Between
two looks the mesh does not change, so traffic is accounted for when somebody looks or something changes, and no timer
runs.

    with MeshExporter.start(kubeconfig, loads=[Load(namespace, "reviews", per_second=50)]) as mesh:
        mesh.target         # what Prometheus scrapes: HOST:PORT
        mesh.requests(reporter="source", response_code="503")
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from delivery.cluster.errors import Expired, Unavailable
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import PODS, SERVICES, VIRTUAL_SERVICES, Kind, Object
from delivery.cluster.protocols import Api
from tests.cluster.harness.threads import beside
from tests.cluster.harness.waiting import pause
from tests.traffic.behaviour import Behaviour
from tests.traffic.model import Load, TrafficModel
from tests.traffic.topology import Topology

KINDS = (VIRTUAL_SERVICES, SERVICES, PODS)
RETRY_SECONDS = 0.2
EMPTY = Topology({}, {}, ())


class MeshExporter:
    """A mesh with callers, seen by Prometheus. Its methods may be called from any thread."""

    def __init__(
        self,
        loads: Iterable[Load] = (),
        *,
        by_image: Mapping[str, Behaviour] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = ""
        self._model = TrafficModel(loads)
        self._by_image = by_image
        self._clock = clock
        self._until = clock()
        self._seen: dict[Kind, dict[tuple[str, str], Object]] = {kind: {} for kind in KINDS}
        self._topology = EMPTY
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def start(
        cls,
        kubeconfig: str,
        *,
        namespace: str | None = None,
        loads: Iterable[Load] = (),
        by_image: Mapping[str, Behaviour] | None = None,
    ) -> Iterator["MeshExporter"]:
        """Run one beside the block, following one namespace or (None) all."""
        mesh = cls(loads, by_image=by_image)

        async def run(ready: Callable[[], None]) -> None:
            async with KubernetesApi.connect(kubeconfig, user_agent="test-mesh/1") as api:
                await mesh.run(api, namespace, ready)

        with beside(run, name="mesh"):
            yield mesh

    def send(self, load: Load) -> None:
        """Begin to send these requests as well."""
        with self._lock:
            self._account()
            self._model.loads.append(load)

    def stop(self, load: Load) -> None:
        """Send these requests no more."""
        with self._lock:
            self._account()
            self._model.loads.remove(load)

    def requests(self, **labels: str) -> int:
        """Requests up to now in all series with these labels; `reporter` should be one of them."""
        with self._lock:
            self._account()
            return self._model.requests(**labels)

    def exposition(self) -> str:
        """What Prometheus would scrape now."""
        with self._lock:
            self._account()
            return self._model.exposition()

    async def run(self, api: Api, namespace: str | None, ready: Callable[[], None]) -> None:
        """Serve and follow the API server until cancelled."""
        for kind in KINDS:
            await self._list(api, kind, namespace)
        runner = await self._serve()
        ready()
        try:
            async with asyncio.TaskGroup() as group:
                for kind in KINDS:
                    group.create_task(self._follow(api, kind, namespace))
        finally:
            await runner.cleanup()

    async def _serve(self) -> web.AppRunner:
        async def metrics(_request: web.Request) -> web.Response:
            return web.Response(text=self.exposition(), content_type="text/plain")

        app = web.Application()
        app.router.add_get("/metrics", metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.target = f"{host}:{port}"
        return runner

    async def _list(self, api: Api, kind: Kind, namespace: str | None) -> str:
        listing = await api.list(kind, namespace)
        with self._lock:
            self._seen[kind] = {_key(one): one for one in listing.items}
            self._changed()
        return listing.resource_version

    async def _follow(self, api: Api, kind: Kind, namespace: str | None) -> None:
        while True:
            try:
                version = await self._list(api, kind, namespace)
                while True:
                    async for event in api.watch(kind, namespace, resource_version=version):
                        version = event.object["metadata"]["resourceVersion"]
                        self._see(kind, event.type, event.object)
            except (Expired, Unavailable):
                await pause(RETRY_SECONDS)

    def _see(self, kind: Kind, sort: str, body: Object) -> None:
        if sort == "BOOKMARK":
            return
        with self._lock:
            if sort == "DELETED":
                self._seen[kind].pop(_key(body), None)
            else:
                self._seen[kind][_key(body)] = body
            self._changed()

    def _changed(self) -> None:
        self._account()
        self._topology = Topology.of(
            virtual_services=self._seen[VIRTUAL_SERVICES].values(),
            services=self._seen[SERVICES].values(),
            pods=self._seen[PODS].values(),
            by_image=self._by_image,
        )

    def _account(self) -> None:
        """Let the traffic up to now have happened in the mesh as it was."""
        now = self._clock()
        self._model.advance(self._topology, seconds=now - self._until)
        self._until = now


def _key(body: Object) -> tuple[str, str]:
    return (body["metadata"]["namespace"], body["metadata"]["name"])
