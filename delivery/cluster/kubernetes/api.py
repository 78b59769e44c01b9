"""`Api` on a real API server: each method is one request (a list: one a page), with typed errors."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import aiohttp

from delivery.cluster.errors import Unavailable, Unknown
from delivery.cluster.kubernetes import answers, paths
from delivery.cluster.kubernetes.connection import JSON, Answer, Connection, NoAnswer
from delivery.cluster.objects import Kind, Object, Op, Ref
from delivery.cluster.protocols import Listing, WatchEvent

PAGE = 500
"""Objects asked for at a time: keeps answers, and the server's memory, small in a big cluster."""

WATCH_GRACE_SECONDS = 10.0
"""How much longer than asked a watch may last before its connection counts as dead."""

JSON_PATCH = "application/json-patch+json"
_METADATA = "{};as={};g=meta.k8s.io;v=v1"


def _user_agent() -> str:
    """The server names field managers by what stands before the slash."""
    try:
        return f"progressive-delivery/{version('progressive-delivery')}"
    except PackageNotFoundError:
        return "progressive-delivery/unknown"


class KubernetesApi:
    """Api on a real API server. Make one with `connect`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        kubeconfig: str | None = None,
        *,
        context: str | None = None,
        user_agent: str | None = None,
        pool: int = 100,
    ) -> AsyncIterator["KubernetesApi"]:
        """Connect by a kubeconfig (its path; None: as the Pod that we run in, else the user's default).

        `pool` is the most connections at a time; each open watch holds one. ValueError if the kubeconfig is
        missing or wrong. Nothing is sent yet: a server that is down shows with the first request.
        """
        agent = user_agent or _user_agent()
        async with Connection.open(kubeconfig=kubeconfig, context=context, user_agent=agent, pool=pool) as connection:
            yield cls(connection)

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._connection.server

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        return await self._read(f"get {ref}", paths.item(ref), timeout=timeout)

    async def list(
        self, kind: Kind, namespace: str | None = None, *, label_selector: str = "", timeout: float = 30.0
    ) -> Listing:
        what, path = f"list {_scope(kind, namespace)}", paths.collection(kind, namespace)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        items: list[Object] = []
        query = {"labelSelector": label_selector, "limit": str(PAGE), "continue": ""}
        while True:
            left = max(until - loop.time(), 0.001)
            page = await self._read(what, paths.with_query(path, query), accept=_accept(kind, many=True), timeout=left)
            meta = page.get("metadata") or {}
            if "resourceVersion" not in meta:
                raise Unavailable(f"{what}: the answer is no list")
            items += [_typed(kind, item) for item in page.get("items") or ()]
            query["continue"] = meta.get("continue", "")
            if not query["continue"]:
                return Listing(items, meta["resourceVersion"])

    async def watch(
        self, kind: Kind, namespace: str | None = None, *, resource_version: str, timeout: float = 60.0
    ) -> AsyncGenerator[WatchEvent, None]:
        what = f"watch {_scope(kind, namespace)}"
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, math.ceil(timeout))),
        }
        path = paths.with_query(paths.collection(kind, namespace), query)
        limits = aiohttp.ClientTimeout(total=timeout + WATCH_GRACE_SECONDS)
        try:
            accept = _accept(kind)
            async with self._connection.response("GET", path, accept=accept, limits=limits) as response:
                if response.status != 200:
                    raise answers.error(what, response.status, _status(await response.read()))
                async for line in _lines(response.content):
                    yield _event(what, kind, line)
        except NoAnswer as failure:
            raise Unavailable(f"{what}: {failure}") from failure

    async def create(self, ref: Ref, body: Object, *, timeout: float = 10.0) -> Object:
        meta = {**body.get("metadata", {}), "name": ref.name}
        if ref.kind.namespaced:
            meta["namespace"] = ref.namespace
        whole = {**_typed(ref.kind, body), "metadata": meta}
        paths.item(ref)  # refuses a reference without a name, which a path to create at does not show
        return await self._write("create", ref, "POST", paths.home(ref), whole, timeout=timeout)

    async def patch(self, ref: Ref, ops: Sequence[Op], *, subresource: str = "", timeout: float = 10.0) -> Object:
        path, body = paths.item(ref, subresource), [dict(op) for op in ops]
        return await self._write("patch", ref, "PATCH", path, body, content_type=JSON_PATCH, timeout=timeout)

    async def delete(self, ref: Ref, *, resource_version: str = "", timeout: float = 10.0) -> None:
        options = {"preconditions": {"resourceVersion": resource_version}} if resource_version else None
        await self._write("delete", ref, "DELETE", paths.item(ref), options, timeout=timeout)

    async def server_kinds(self, group: str, version: str, *, timeout: float = 10.0) -> Mapping[str, Kind]:
        """The kinds that the server offers in a group and version, by plural name; Gone if it has none.

        Code that can use one of several versions of a kind asks here which one there is.
        """
        path = paths.group_version(Kind(group, version, "", ""))
        found = await self._read(f"discover {group or 'core'}/{version}", path, timeout=timeout)
        return {
            one["name"]: Kind(group, version, one["kind"], one["name"], one["namespaced"])
            for one in found.get("resources") or ()
            if "/" not in one["name"]
        }

    async def _read(self, what: str, path: str, *, accept: str = JSON, timeout: float) -> dict[str, Any]:
        try:
            answer = await self._connection.request("GET", path, accept=accept, timeout=timeout)
        except NoAnswer as failure:
            raise Unavailable(f"{what}: {failure}") from failure
        if not answer.ok:
            raise answers.error(what, answer.code, answer.body)
        if not answer.is_json:
            raise Unavailable(f"{what}: the answer is no JSON object; is this address an API server?")
        return dict(answer.body)

    async def _write(
        self,
        verb: str,
        ref: Ref,
        method: str,
        path: str,
        body: Any,
        *,
        content_type: str = JSON,
        timeout: float,
    ) -> Object:
        what = f"{verb} {ref}"
        try:
            answer = await self._connection.request(method, path, body=body, content_type=content_type, timeout=timeout)
        except NoAnswer as failure:
            raise (Unknown if failure.sent else Unavailable)(f"{what}: {failure}") from failure
        return _stored(what, answer, json_patch=content_type == JSON_PATCH)


def _accept(kind: Kind, *, many: bool = False) -> str:
    """What a list or watch of the kind can be answered with; no fallback: whole objects must not come by accident."""
    if not kind.metadata_only:
        return JSON
    return _METADATA.format(JSON, "PartialObjectMetadataList" if many else "PartialObjectMetadata")


def _stored(what: str, answer: Answer, *, json_patch: bool) -> Object:
    if not answer.ok:
        raise answers.error(what, answer.code, answer.body, write=True, json_patch=json_patch)
    if not answer.is_json:
        raise Unknown(f"{what}: the answer is no JSON object; is this address an API server?")
    return answer.body


def _scope(kind: Kind, namespace: str | None) -> str:
    return f"{kind.plural} in {namespace}" if namespace else f"{kind.plural} in all namespaces"


def _typed(kind: Kind, body: Object) -> dict[str, Any]:
    """Items of a list of a builtin kind do not say what they are; those of a custom resource do.

    Metadata alone says that it is metadata, which nobody wants to know.
    """
    if kind.metadata_only:
        return {**body, "apiVersion": kind.api_version, "kind": kind.kind}
    return {"apiVersion": kind.api_version, "kind": kind.kind, **body}


def _status(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: an object may be larger than every buffer limit that one could choose."""
    pending: list[bytes] = []
    async for chunk in stream.iter_any():
        head, *rest = chunk.split(b"\n")
        pending.append(head)
        for part in rest:
            if line := b"".join(pending).strip():
                yield line
            pending = [part]
    if b"".join(pending).strip():
        raise NoAnswer("the stream ended in the middle of an event", sent=True)


def _event(what: str, kind: Kind, line: bytes) -> WatchEvent:
    try:
        event = json.loads(line)
        sort, body = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as failure:
        raise Unavailable(f"{what}: an event that is none: {line[:80]!r}") from failure
    if sort == "ERROR":
        raise answers.error(what, int(body.get("code") or 500), body)
    return WatchEvent(sort, _typed(kind, body))
