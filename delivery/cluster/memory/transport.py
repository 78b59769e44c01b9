"""The simulation's transport: `Api` on the store, with the time, loss and doubt that a network adds.

A request travels, is done at the server, and its answer travels back. What the server does happens in the world's
own context: it is done even if the client is paused or killed meanwhile, and the client never knows before its answer.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.cluster.errors import ClusterError, Unavailable, Unknown
from delivery.cluster.memory.faults import Faults, hits
from delivery.cluster.memory.handles import INSTANCE
from delivery.cluster.memory.store import Store
from delivery.cluster.memory.stream import Stream, seen
from delivery.cluster.memory.values import copy_json
from delivery.cluster.memory.virtual import VirtualLoop
from delivery.cluster.objects import Kind, Object, Op, Ref
from delivery.cluster.protocols import Listing, WatchEvent


@dataclass(slots=True, kw_only=True)
class Request:
    """One request as the log keeps it. `number` counts from 1 per MemoryApi; `at` is in virtual seconds.

    `outcome` is "" until it is known what came of it at the server: "done", an error's class, or "lost".
    """

    number: int
    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str
    instance: str
    at: float
    outcome: str = ""

    @property
    def write(self) -> bool:
        """Does it change something?"""
        return self.verb in ("create", "patch", "delete")

    def __str__(self) -> str:
        place = "/".join(part for part in (self.namespace, self.name, self.subresource) if part)
        outcome = self.outcome or "under way"
        return f"{self.instance} request {self.number} at {self.at:.3f}: {self.verb} {self.kind} {place}: {outcome}"


class MemoryApi:
    """`delivery.cluster.protocols.Api` for one client of the simulated API server.

    `manager` is the field manager of its writes. `before(request)` is called where the client is about to send (a
    client killed by it sends nothing), `after(request)` when the server has done it or refused it and the answer has
    not left: with True from it, the answer gets lost. `log` has every request in the order of sending.
    """

    def __init__(
        self,
        store: Store,
        loop: VirtualLoop,
        *,
        rng: random.Random | None = None,
        faults: Faults | None = None,
        manager: str = "delivery",
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self.log: list[Request] = []
        self.before: Callable[[Request], None] | None = None
        self.after: Callable[[Request], bool | None] | None = None
        self._store, self._loop, self._manager = store, loop, manager
        self._rng = loop.random(f"api/{manager}") if rng is None else rng
        self._streams: list[Stream] = []

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        body: Object = await self._ask("get", ref, lambda: self._store.get(ref), timeout)
        return body

    async def list(
        self, kind: Kind, namespace: str | None = None, *, label_selector: str = "", timeout: float = 30.0
    ) -> Listing:
        def read() -> Listing:
            listing = self._store.list(kind, namespace, labels=label_selector)
            return Listing([seen(kind, each) for each in listing.items], listing.resource_version)

        listing: Listing = await self._ask("list", Ref(kind, namespace or "", ""), read, timeout)
        return listing

    def watch(
        self, kind: Kind, namespace: str | None = None, *, resource_version: str, timeout: float = 60.0
    ) -> AsyncIterator[WatchEvent]:
        return Stream(
            self._store,
            self._loop,
            self.faults,
            self._rng,
            kind=kind,
            namespace=namespace,
            resource_version=resource_version,
            timeout=timeout,
            begin=lambda stream: self._connect(stream, namespace or ""),
        )

    async def create(self, ref: Ref, body: Object, *, timeout: float = 10.0) -> Object:
        sent = copy_json({**body, "metadata": {**body.get("metadata", {}), "name": ref.name}})

        def write() -> Object:
            return self._store.create(ref.kind, sent, namespace=ref.namespace, manager=self._manager)

        created: Object = await self._ask("create", ref, write, timeout)
        return created

    async def patch(self, ref: Ref, ops: Sequence[Op], *, subresource: str = "", timeout: float = 10.0) -> Object:
        sent = copy_json(ops)  # what is on its way no longer changes with the caller's values

        def write() -> Object:
            return self._store.patch(ref, sent, subresource=subresource, manager=self._manager)

        patched: Object = await self._ask("patch", ref, write, timeout, subresource)
        return patched

    async def delete(self, ref: Ref, *, resource_version: str = "", timeout: float = 10.0) -> None:
        await self._ask("delete", ref, lambda: self._store.delete(ref, resource_version=resource_version), timeout)

    def drop_watches(self, kind: Kind | None = None) -> None:
        """Break every open watch (of `kind`)."""
        for stream in self._open(kind):
            stream.drop()

    def expire_watches(self, kind: Kind | None = None) -> None:
        """Answer every open watch (of `kind`) with a 410."""
        for stream in self._open(kind):
            stream.expire()

    # -- the client's side

    def _note(self, verb: str, ref: Ref, subresource: str = "") -> Request:
        request = Request(
            number=len(self.log) + 1,
            verb=verb,
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            subresource=subresource,
            instance=INSTANCE.get(),
            at=self._loop.time(),
        )
        self.log.append(request)
        if self.before is not None:
            self.before(request)
        return request

    async def _ask(self, verb: str, ref: Ref, serve: Callable[[], Any], timeout: float, subresource: str = "") -> Any:
        request = self._note(verb, ref, subresource)
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._loop.is_dead(request.instance):
            request.outcome = "lost"
            return await answer  # never comes: the process that asks is gone
        self._send(request, answer, serve)
        timer = self._loop.call_later(timeout, _fail, answer, _unanswered(request, f"no answer in {timeout:g}s"))
        try:
            return await answer
        finally:
            timer.cancel()

    def _connect(self, stream: Stream, namespace: str) -> None:
        request = self._note("watch", Ref(stream.kind, namespace, ""))
        if self._loop.is_dead(request.instance):
            return
        request.outcome = "done"
        self._streams = [*self._open(None), stream]
        if hits(self.faults.refuse, self._rng):
            request.outcome = "Unavailable"
            self._in(self._latency(), stream.drop)
        else:
            self._in(self._latency(), stream.connect)

    # -- the network and the server: in the world

    def _open(self, kind: Kind | None) -> "Sequence[Stream]":
        return [stream for stream in self._streams if stream.is_open and kind in (None, stream.kind)]

    def _latency(self) -> float:
        return self._rng.uniform(*self.faults.latency)

    def _in(self, delay: float, call: Callable[..., object], *args: object) -> None:
        self._loop.call_later(delay, call, *args, context=self._loop.world)

    def _send(self, request: Request, answer: "asyncio.Future[Any]", serve: Callable[[], Any]) -> None:
        there = self._latency()
        if hits(self.faults.lose_request, self._rng):
            request.outcome = "lost"
        elif self.faults.down or hits(self.faults.refuse, self._rng):
            request.outcome = "Unavailable"
            self._in(there, _fail, answer, Unavailable(f"{request.verb} {request.kind}: connection refused"))
        else:
            self._in(there, self._serve, request, answer, serve)

    def _serve(self, request: Request, answer: "asyncio.Future[Any]", serve: Callable[[], Any]) -> None:
        back = self._latency()
        lost = hits(self.faults.lose_response, self._rng)
        at_once = lost and self._rng.random() < 0.5
        try:
            result, error = serve(), None
            request.outcome = "done"
        except ClusterError as refused:
            result, error = None, refused
            request.outcome = type(refused).__name__
        if self.after is not None and self.after(request):
            return  # nobody hears of it until the timeout
        if at_once:
            self._in(back, _fail, answer, _unanswered(request, "the connection was reset"))
        elif error is not None and not lost:
            self._in(back, _fail, answer, error)
        elif not lost:
            self._in(back, _succeed, answer, result)


def _unanswered(request: Request, why: str) -> ClusterError:
    """What the client has to think of a request without an answer."""
    text = f"{request.verb} {request.kind} {request.namespace}/{request.name}: {why}"
    return Unknown(text) if request.write else Unavailable(text)


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _succeed(answer: "asyncio.Future[Any]", result: Any) -> None:
    if not answer.done():
        answer.set_result(result)
