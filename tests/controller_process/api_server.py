"""Discovery, lists and watches of an API server over real HTTP, with faults on demand: what kopf sees of a cluster."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

GROUP = "progressive.delivery"
KINDS = {"canaries": "Canary", "metrictemplates": "MetricTemplate", "alertproviders": "AlertProvider"}

SAID = {"approvals": "Approval", "freezes": "Freeze"}
"""Kinds that are served and that kopf does not watch."""


class ApiServer:
    """Holds objects by kind and name; `put` and `delete` reach open watches. All requests are counted."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {plural: {} for plural in KINDS}
        self.requests: Counter[str] = Counter()
        self.watch_status = 200
        self.watch_error: dict[str, Any] | None = None
        self.url = ""
        self._version = 100
        self._watches: list[tuple[str, asyncio.Queue[dict[str, Any] | None]]] = []
        self._watched = asyncio.Condition()
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ApiServer"]:
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self._answer)])
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.end_watches()
            await runner.cleanup()

    def kubeconfig(self, folder: Path, *, context: str = "test", token: str = "token-of-me") -> str:
        path = folder / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "me"}}],
            "current-context": context,
        }
        path.write_text(json.dumps(config))
        return str(path)

    def put(self, plural: str, name: str, namespace: str = "shop") -> None:
        known = name in self.objects[plural]
        self._version += 1
        meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(self._version)}
        body = {"apiVersion": f"{GROUP}/v1beta1", "kind": KINDS[plural], "metadata": meta, "spec": {}}
        self.objects[plural][name] = body
        self._send(plural, {"type": "MODIFIED" if known else "ADDED", "object": body})

    def delete(self, plural: str, name: str) -> None:
        self._send(plural, {"type": "DELETED", "object": self.objects[plural].pop(name)})

    def break_watches(self, code: int) -> None:
        """Every open watch gets an ERROR event, as an API server sends it in the middle of a stream."""
        status = {"kind": "Status", "apiVersion": "v1", "code": code, "message": "too old or broken", "metadata": {}}
        for plural, _ in self._watches:
            self._send(plural, {"type": "ERROR", "object": status})
        self.end_watches()

    def end_watches(self) -> None:
        for _, queue in self._watches:
            queue.put_nowait(None)

    async def watched(self, count: int) -> None:
        """Wait until so many watches are open."""
        async with self._watched:
            await self._watched.wait_for(lambda: len(self._watches) >= count)

    def _send(self, plural: str, event: dict[str, Any]) -> None:
        for watched, queue in self._watches:
            if watched == plural:
                queue.put_nowait(event)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.strip("/")
        plural = path.split("/")[-1]
        watching = request.query.get("watch") == "true"
        self.requests[f"{'WATCH' if watching else request.method} {path}"] += 1
        self.asked.set()
        if request.headers.get("Authorization") != "Bearer token-of-me":
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        if plural in KINDS:
            return await self._watch(request, plural) if watching else self._list(plural)
        return self._discover(path)

    def _discover(self, path: str) -> web.Response:
        version = {"groupVersion": f"{GROUP}/v1beta1", "version": "v1beta1"}
        answers: dict[str, Any] = {
            "api": {"versions": ["v1"]},
            "api/v1": {"resources": [_resource("namespaces", "Namespace"), _resource("events", "Event")]},
            "apis": {
                "groups": [
                    {"name": GROUP, "versions": [version], "preferredVersion": version},
                    {
                        "name": "apiextensions.k8s.io",
                        "versions": [{"version": "v1"}],
                        "preferredVersion": {"version": "v1"},
                    },
                ]
            },
            f"apis/{GROUP}/v1beta1": {"resources": [_resource(*each) for each in (KINDS | SAID).items()]},
            "apis/apiextensions.k8s.io/v1": {
                "resources": [_resource("customresourcedefinitions", "CustomResourceDefinition")]
            },
        }
        if path not in answers:
            return web.json_response({"kind": "Status", "code": 404, "message": path}, status=404)
        return web.json_response(answers[path])

    def _list(self, plural: str) -> web.Response:
        items = list(self.objects[plural].values())
        return web.json_response(
            {"kind": f"{KINDS[plural]}List", "metadata": {"resourceVersion": str(self._version)}, "items": items}
        )

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        if self.watch_status != 200:
            return web.json_response({"kind": "Status", "code": self.watch_status}, status=self.watch_status)
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        entry = (plural, queue)
        async with self._watched:
            self._watches.append(entry)
            self._watched.notify_all()
        try:
            while (event := await queue.get()) is not None:
                await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watches.remove(entry)
        return response


def _resource(plural: str, kind: str) -> dict[str, Any]:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": plural in KINDS | SAID or plural == "events",
        "verbs": ["get", "list", "watch", "create", "patch"],
    }
