"""The mesh in front of a real API server, which it follows by watches.

Between two looks traffic is a flow, so it is accounted for when somebody looks or something changes, and no timer runs.
Looks may come from any thread.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from delivery.cluster.errors import Expired, Unavailable
from delivery.cluster.objects import Kind, Object
from delivery.cluster.protocols import Api
from delivery.sandbox.mesh.mesh import Mesh
from delivery.sandbox.mesh.on_store import KINDS

RETRY_SECONDS = 0.2


class OnApi:
    """`mesh` follows an API server from `run` on; `clock` gives seconds that never go back."""

    def __init__(self, mesh: Mesh, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._mesh, self._clock = mesh, clock
        self._lock = threading.Lock()
        self._seen: dict[Kind, dict[str, Object]] = {kind: {} for kind in KINDS}

    @contextmanager
    def looking(self) -> Iterator[Mesh]:
        """The mesh as it is now; nothing happens in it while the block lasts."""
        with self._lock:
            self._mesh.advance(self._clock())
            yield self._mesh

    async def run(self, api: Api, namespace: str | None, ready: Callable[[], None]) -> None:
        """Follow one namespace or (None) all, until cancelled. What is there when it begins, all proxies know."""
        versions = {kind: await self._begin(api, kind, namespace) for kind in KINDS}
        ready()
        async with asyncio.TaskGroup() as group:
            for kind in KINDS:
                group.create_task(self._follow(api, kind, namespace, versions[kind]))

    async def _follow(self, api: Api, kind: Kind, namespace: str | None, version: str) -> None:
        while True:
            try:
                version = version or await self._list(api, kind, namespace)
                async for event in api.watch(kind, namespace, resource_version=version):
                    version = str(event.object["metadata"]["resourceVersion"])
                    if event.type != "BOOKMARK":
                        self._see(kind, event.type, event.object)
            except Expired:
                version = ""
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _begin(self, api: Api, kind: Kind, namespace: str | None) -> str:
        while True:
            try:
                return await self._list(api, kind, namespace, at_once=True)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self, api: Api, kind: Kind, namespace: str | None, *, at_once: bool = False) -> str:
        """Look at everything anew: what came, what changed, and what has gone meanwhile."""
        listing = await api.list(kind, namespace)
        present = {str(body["metadata"]["uid"]) for body in listing.items}
        for uid in self._seen[kind].keys() - present:
            self._see(kind, "DELETED", self._seen[kind][uid])
        for body in listing.items:
            self._see(kind, "MODIFIED", body, at_once=at_once)
        return listing.resource_version

    def _see(self, kind: Kind, sort: str, body: Object, *, at_once: bool = False) -> None:
        uid = str(body["metadata"]["uid"])
        if sort == "DELETED":
            self._seen[kind].pop(uid, None)
        else:
            self._seen[kind][uid] = body
        with self.looking() as mesh:
            mesh.apply(kind, sort, body, at_once=at_once)
