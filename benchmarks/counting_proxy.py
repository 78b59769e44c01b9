"""A reverse proxy in front of an API server that writes down every request: who asked for what, how and when.

It runs beside the program that measures (on a loop of its own), streams watches through, and changes nothing.
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.cluster.harness.threads import beside

VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "upgrade"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `at` is monotonic seconds; `kind` is the plural, with the subresource if there is one."""

    at: float
    verb: str
    kind: str
    namespace: str
    name: str
    code: int
    body: Any = None

    @property
    def write(self) -> bool:
        """Does it change something?"""
        return self.verb in VERBS.values()


class CountingProxy:
    """A running proxy at `url`. `asked` is everything that came through, in the order of the answers' beginnings."""

    def __init__(self, server: str, certificate: Path) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self._server = server
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def start(cls, server: str, certificate: Path) -> Iterator["CountingProxy"]:
        """Run one before `server` (https://HOST:PORT) while the block lasts."""
        proxy = cls(server, certificate)
        with beside(proxy.run, name="counting proxy"):
            yield proxy

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(
            timeout=limits, connector=aiohttp.TCPConnector(ssl=self._trust, limit=0), auto_decompress=False
        ) as session:
            app.router.add_route("*", "/{path:.*}", lambda request: self._pass_on(request, session))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                ready()
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()

    def kubeconfig(self, path: Path, *, token: str) -> Path:
        """Write a kubeconfig that leads here."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "counted", "cluster": {"server": self.url}}],
            "users": [{"name": "counted", "user": {"token": token}}],
            "contexts": [{"name": "counted", "context": {"cluster": "counted", "user": "counted"}}],
            "current-context": "counted",
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path

    def since(self, at: float) -> list[Asked]:
        """What was asked from a moment on."""
        with self._lock:
            return [one for one in self.asked if one.at >= at]

    async def _pass_on(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        at, sent = time.monotonic(), await request.read()
        headers = {key: value for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP}
        async with session.request(
            request.method, self._server + request.raw_path, data=sent or None, headers=headers
        ) as answer:
            self._note(request, sent, at, answer.status)
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in HOP_BY_HOP}
            if "Content-Encoding" in answer.headers:
                kept["Content-Encoding"] = answer.headers["Content-Encoding"]
            passed = web.StreamResponse(status=answer.status, headers=kept)
            with contextlib.suppress(aiohttp.ClientConnectionResetError):  # who asked has gone
                await passed.prepare(request)
                async for chunk in answer.content.iter_any():
                    await passed.write(chunk)
                await passed.write_eof()
            return passed

    def _note(self, request: web.Request, sent: bytes, at: float, code: int) -> None:
        namespace, kind, name = place(request.path)
        watch = request.query.get("watch") in ("1", "true", "True")
        verb = VERBS.get(request.method) or ("watch" if watch else "get" if name else "list")
        body = json.loads(sent) if sent else None
        with self._lock:
            self.asked.append(Asked(at=at, verb=verb, kind=kind, namespace=namespace, name=name, code=code, body=body))


def place(path: str) -> tuple[str, str, str]:
    """Namespace, kind (plural, with its subresource) and name in the path of a request; discovery is of kind ""."""
    parts = path.strip("/").split("/")
    below = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
    namespace = ""
    if len(below) > 2 and below[0] == "namespaces":
        namespace, below = below[1], below[2:]
    kind, name, subresource = (*below, "", "", "")[:3]
    return namespace, f"{kind}/{subresource}" if subresource else kind, name
