"""An API server on loopback for each story, with a store whose history is short and a client that asks it."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import NAMESPACES
from delivery.sandbox.server import ApiServer

SECONDS = 10.0
HISTORY = 20


@dataclass
class Answer:
    code: int
    body: Any
    headers: Mapping[str, Any]


class Client:
    """Asks one server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `content_type`, `accept`, ... are headers. An answer that is no JSON is text."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = None
        if body is not None:
            sent.setdefault("content-type", "application/json")
            raw = body if isinstance(body, bytes | str) else json.dumps(body)
        limits = aiohttp.ClientTimeout(total=SECONDS)
        async with self.session.request(method, path, data=raw, headers=sent, timeout=limits) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Answer(response.status, json.loads(text) if is_json else text, response.headers.copy())

    async def watch(self, path: str) -> AsyncIterator[Any]:
        """The events of a watch."""
        limits = aiohttp.ClientTimeout(total=SECONDS)
        async with self.session.get(path, timeout=limits) as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                yield json.loads(line)


@pytest.fixture
def store() -> Store:
    """A store with the namespaces default and shop."""
    store = Store(SystemClock(), history=HISTORY)
    for name in ("default", "shop"):
        store.create(NAMESPACES, {"metadata": {"name": name}})
    return store


@pytest.fixture
def server(store: Store) -> ApiServer:
    return ApiServer(store, clock=SystemClock(), backlog=30, bookmark_seconds=0.2)


@pytest.fixture
async def ask(server: ApiServer) -> AsyncIterator[Client]:
    """Asks the server, which is listening."""
    async with server.serve() as url, aiohttp.ClientSession(url) as session:
        yield Client(session, url)


def definition(plural: str = "widgets", **version: Any) -> dict[str, Any]:
    """A custom resource definition: kind Widget of example.com, with a schema of one integer and defaults."""
    size = {"type": "integer", "default": 1, "minimum": 0}
    spec = {"type": "object", "properties": {"size": size}}
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object", "properties": {}}}}
    first = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": plural, "shortNames": ["wd"], "categories": ["all"]},
            "versions": [first],
        },
    }
