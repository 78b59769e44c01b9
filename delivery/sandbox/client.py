"""Writes to the sandbox as kubectl would: over HTTP, through defaults, schemas and admission.

The store behind the server could be written to directly, but then objects would lack what an API server fills in, and
the next writer's request would seem to change it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from delivery.cluster.memory import MERGE_PATCH
from delivery.cluster.objects import Kind, Object, Ref

STRATEGIC_PATCH = "application/strategic-merge-patch+json"
USER = "kubectl"
TIMEOUT = aiohttp.ClientTimeout(total=10.0)


class RefusedError(Exception):
    """A write was not done: the server's own message, or why it could not be asked."""


class Client:
    """A user of the API server at a URL."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator["Client"]:
        """A client while the block lasts."""
        async with aiohttp.ClientSession(base_url=url, timeout=TIMEOUT, trust_env=False) as session:
            yield cls(session)

    async def create(self, kind: Kind, body: Object, *, namespace: str = "") -> None:
        """Create an object. RefusedError if the server does not take it."""
        await self._send("POST", collection(kind, namespace), "application/json", body)

    async def merge(self, ref: Ref, patch: Mapping[str, Any]) -> None:
        """`kubectl patch --type=merge`."""
        await self._send("PATCH", item(ref), MERGE_PATCH, patch)

    async def patch(self, ref: Ref, patch: Mapping[str, Any]) -> None:
        """`kubectl patch`, strategic as it is by default for built-in kinds."""
        await self._send("PATCH", item(ref), STRATEGIC_PATCH, patch)

    async def _send(self, verb: str, path: str, content_type: str, body: Any) -> None:
        headers = {"Content-Type": content_type, "User-Agent": USER}
        payload = aiohttp.JsonPayload(body, content_type=content_type)
        try:
            async with self._session.request(verb, path, data=payload, headers=headers) as response:
                if response.status >= 400:
                    status = await response.json(content_type=None)
                    raise RefusedError(str(status.get("message", f"{verb} {path}: {response.status}")))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RefusedError(f"{verb} {path}: {error or 'no answer in time'}") from error


def collection(kind: Kind, namespace: str) -> str:
    """The path of all objects of a kind in a namespace."""
    group = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{group}/namespaces/{namespace}/{kind.plural}" if kind.namespaced else f"{group}/{kind.plural}"


def item(ref: Ref) -> str:
    """The path of an object."""
    return f"{collection(ref.kind, ref.namespace)}/{ref.name}"
