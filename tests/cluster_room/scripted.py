"""A small API server whose every answer and event the test decides on: a store with strings attached."""

import asyncio
import copy
from collections.abc import AsyncIterator

from delivery.cluster.errors import ClusterError, Conflict, Expired, Gone, Unavailable
from delivery.cluster.objects import Kind, Ref
from delivery.cluster.protocols import Listing, WatchEvent


class Server:
    """Objects, one counter of versions, and open watches.

    `fail` maps a verb to errors that its next requests are answered with (None: answered well); `unanswered` to errors
    raised after the request was carried out. `unheard` holds events back until `tell`. `unknown` kinds are not there.
    """

    def __init__(self):
        self.version = 100
        self.objects = {}
        self.events = []
        self.compacted = 0
        self.watches = []
        self.requests = []
        self.fail = {}
        self.unanswered = {}
        self.unknown = set()
        self.unheard = False
        self.hang = False
        self.delay = 0.0
        self.on_request = lambda verb: None

    # -- what happens in the cluster

    def write(self, kind: Kind, name: str, namespace: str = "shop", **fields) -> dict:
        ref = Ref(kind, namespace, name)
        old = self.objects.get(ref)
        metadata = {**(old["metadata"] if old else {"uid": f"uid-{self.version + 1}"}), **fields.pop("metadata", {})}
        body = {**(old or {}), **fields, "metadata": {**metadata, "name": name, "namespace": namespace}}
        return self._store(ref, body)

    def erase(self, kind: Kind, name: str, namespace: str = "shop") -> dict:
        ref = Ref(kind, namespace, name)
        body = self._stamped(self.objects.pop(ref))
        self._happened(kind, "DELETED", body)
        return body

    def bookmark(self, kind: Kind) -> None:
        body = {"metadata": {"resourceVersion": str(self.version)}}
        for watched, queue in self.watches:
            if watched == kind:
                queue.put_nowait(WatchEvent("BOOKMARK", body))

    def tell(self, kind: Kind, type_: str, body: dict) -> None:
        """Send an event to the open watches of a kind, whatever it says."""
        for watched, queue in self.watches:
            if watched == kind:
                queue.put_nowait(WatchEvent(type_, copy.deepcopy(body)))

    def drop(self, error: ClusterError | None = None) -> None:
        """Break every open watch."""
        for _, queue in self.watches:
            queue.put_nowait(error or Unavailable("connection reset"))

    def count(self, verb: str) -> int:
        return sum(1 for seen, _ in self.requests if seen == verb)

    # -- Api

    async def get(self, ref, *, timeout=10.0):
        await self._request("get", ref)
        if ref not in self.objects:
            raise Gone(f"get {ref}: not found")
        return copy.deepcopy(self.objects[ref])

    async def list(self, kind, namespace=None, *, label_selector="", timeout=30.0):
        await self._request("list", kind)
        if kind in self.unknown:
            raise Gone(f"list {kind.plural}: the server could not find the requested resource")
        items = [copy.deepcopy(body) for ref, body in self.objects.items() if ref.kind == kind]
        return Listing(items, str(self.version))

    async def watch(self, kind, namespace=None, *, resource_version, timeout=60.0) -> AsyncIterator[WatchEvent]:
        await self._request("watch", (kind, resource_version))
        if int(resource_version) < self.compacted:
            raise Expired("too old resource version")
        queue = asyncio.Queue()
        for version, watched, event in self.events:
            if watched == kind and version > int(resource_version):
                queue.put_nowait(event)
        entry = (kind, queue)
        self.watches.append(entry)
        until = asyncio.get_running_loop().time() + timeout
        try:
            while True:
                async with asyncio.timeout_at(None if self.hang else until):
                    event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                yield event
        except TimeoutError:
            return
        finally:
            self.watches.remove(entry)

    async def create(self, ref, body, *, timeout=10.0):
        await self._request("create", ref)
        if ref in self.objects:
            raise Conflict(f"create {ref}: already exists")
        stored = self._store(ref, {**body, "metadata": {**body["metadata"], "uid": f"uid-{self.version + 1}"}})
        self._answer("create")
        return stored

    async def patch(self, ref, ops, *, subresource="", timeout=10.0):
        await self._request("patch", ref)
        if ref not in self.objects:
            raise Gone(f"patch {ref}: not found")
        body = copy.deepcopy(self.objects[ref])
        for op in ops:
            *parents, last = op["path"].split("/")[1:]
            place = body
            for part in parents:
                if part not in place:
                    raise Conflict(f"patch {ref}: no path {op['path']}")
                place = place[part]
            if op["op"] == "test" and place.get(last) != op["value"]:
                raise Conflict(f"patch {ref}: test of {op['path']} failed")
            if op["op"] in ("add", "replace"):
                place[last] = copy.deepcopy(op["value"])
        stored = copy.deepcopy(self.objects[ref]) if body == self.objects[ref] else self._store(ref, body)
        self._answer("patch")
        return stored

    async def delete(self, ref, *, resource_version="", timeout=10.0):
        await self._request("delete", ref)
        if ref not in self.objects:
            raise Gone(f"delete {ref}: not found")
        if resource_version not in ("", self.objects[ref]["metadata"]["resourceVersion"]):
            raise Conflict(f"delete {ref}: the object has been modified")
        if self.objects[ref]["metadata"].get("finalizers"):
            self.write(ref.kind, ref.name, ref.namespace, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
        else:
            self.erase(ref.kind, ref.name, ref.namespace)
        self._answer("delete")

    # -- inside

    async def _request(self, verb, what):
        self.requests.append((verb, what))
        self.on_request(verb)
        await asyncio.sleep(self.delay)
        self._raise_next(self.fail, verb)

    def _answer(self, verb):
        self._raise_next(self.unanswered, verb)

    @staticmethod
    def _raise_next(errors, verb):
        error = errors[verb].pop(0) if errors.get(verb) else None
        if error is not None:
            raise error

    def _stamped(self, body):
        self.version += 1
        return {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}

    def _store(self, ref, body):
        new = ref not in self.objects
        self.objects[ref] = stored = self._stamped(copy.deepcopy(body))
        self._happened(ref.kind, "ADDED" if new else "MODIFIED", stored)
        return copy.deepcopy(stored)

    def _happened(self, kind, type_, body):
        if self.unheard:
            return
        self.events.append((self.version, kind, WatchEvent(type_, copy.deepcopy(body))))
        self.tell(kind, type_, body)
