"""An API server on loopback beside the test, so that a command can be called as people call it: from outside.

It runs on a loop of its own in a thread, since a command starts a loop itself. `then` does something on that loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import CANARIES, Kind, Object, Ref
from delivery.sandbox import definitions
from delivery.sandbox.server import ApiServer
from delivery.sandbox.server.kubeconfigs import kubeconfig

SECONDS = 10.0


@dataclass
class Served:
    """A server with our kinds and Istio's, and the namespaces default and shop."""

    store: Store
    url: str
    kubeconfig: Path
    loop: asyncio.AbstractEventLoop

    def then(self, action: Callable[[], Any]) -> Any:
        """Do something on the server's own loop, and its answer."""

        async def act() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(SECONDS)

    def create(self, kind: Kind, body: Object, namespace: str = "default") -> None:
        """Have an object."""
        meta = {"namespace": namespace, **body["metadata"]}
        self.then(lambda: self.store.create(kind, {**body, "metadata": meta}))

    def canary(self, name: str, namespace: str = "default", *, status: Object | None = None, **labels: str) -> None:
        """Have a Canary, with a status if one is given."""
        spec = {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80},
            "analysis": {},
        }
        body = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        self.create(CANARIES, body, namespace)
        if status is not None:
            self.status(CANARIES, name, status, namespace)

    def status(self, kind: Kind, name: str, status: Object, namespace: str = "default") -> None:
        """Have an object stand so, as its controller would write it."""
        op = {"op": "add", "path": "/status", "value": status}
        self.then(lambda: self.store.patch(Ref(kind, namespace, name), [op], subresource="status"))

    def get(self, kind: Kind, name: str, namespace: str = "default") -> Any:
        """An object as it is now, or None."""
        return self.then(lambda: self.store.peek(Ref(kind, namespace, name)))


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """A server while the block lasts, and its kubeconfig in the folder."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="api server", daemon=True)
    thread.start()
    stop: list[asyncio.Event] = []

    async def serve(listening: "asyncio.Future[Served]") -> None:
        stop.append(asyncio.Event())
        store = Store(SystemClock())
        server = ApiServer(store, clock=SystemClock(), bookmark_seconds=0.2)
        definitions.install_all(store, ())
        for name in ("default", "shop"):
            store.create(NAMESPACES, {"metadata": {"name": name}})
        async with server.serve() as url:
            file = folder / "kubeconfig"
            file.write_text(kubeconfig(url))
            listening.set_result(Served(store, url, file, loop))
            await stop[0].wait()

    async def begin() -> Any:
        listening: asyncio.Future[Served] = loop.create_future()
        task = loop.create_task(serve(listening))
        await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED)
        return task, await listening if listening.done() else await task

    task, served = asyncio.run_coroutine_threadsafe(begin(), loop).result(SECONDS)

    async def end() -> None:
        stop[0].set()
        await task

    try:
        yield served
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
