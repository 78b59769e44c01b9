"""watch: events as lines of JSON, for as long as the client wants and reads them.

A client that reads slower than things happen is cut off after a bounded number of waiting events, as a real server
does it: it comes again from the last version that it saw, and memory does not grow with its sleep.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from delivery.cluster.memory.rejections import ExpiredError, TooEarlyError
from delivery.cluster.memory.store import Store
from delivery.cluster.protocols import WatchEvent
from delivery.sandbox.server.addresses import Address
from delivery.sandbox.server.answering import encode
from delivery.sandbox.server.options import ListOptions
from delivery.sandbox.server.reading import selection
from delivery.sandbox.server.rendering import Renderer

LONGEST_SECONDS = 1800
"""How long a watch lasts that does not say it: the shortest that a real server chooses by itself."""

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0
"""So long before its end a watch gets a last bookmark, as on a real server."""

BACKLOG = 1000
"""Events that may wait for a slow client, besides those of the past that it asked for."""


class Feed:
    """The events that one watch has not been sent yet. `cut_off` is called when there are too many."""

    def __init__(self, backlog: int = BACKLOG, *, cut_off: Callable[[], None] = lambda: None) -> None:
        self.overrun = self.ended = False
        self._cut_off = cut_off
        self._waiting: deque[WatchEvent] = deque()
        self._backlog, self._allowed = backlog, float("inf")
        self._wake = asyncio.Event()

    def begin(self) -> None:
        """From now on the backlog is limited: what there is by now is the past that the client asked for."""
        self._allowed = len(self._waiting) + self._backlog

    def take(self, event: WatchEvent) -> None:
        """Note an event; called within the write that it tells of."""
        if len(self._waiting) >= self._allowed and not self.ended:
            self.overrun = True
            self.end()
            self._cut_off()
        if not self.ended:
            self._waiting.append(event)
            self._wake.set()

    def end(self) -> None:
        """No more events."""
        self.ended = True
        self._wake.set()

    async def next(self, timeout: float) -> list[WatchEvent]:
        """All waiting events, as soon as there are any; after `timeout` seconds or at the end, perhaps none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        events = [*self._waiting]
        self._waiting.clear()
        if not self.ended:
            self._wake.clear()
        return events


class Watches:
    """All open watches of a server."""

    def __init__(self, store: Store, *, backlog: int = BACKLOG, bookmark_seconds: float = BOOKMARK_SECONDS) -> None:
        self._store, self._backlog, self._bookmark_seconds = store, backlog, bookmark_seconds
        self._feeds: dict[Feed, Address] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def end(self, ends: Callable[[Address], bool] = lambda _: True) -> None:
        """End the watches of some addresses (of all)."""
        for feed, address in [*self._feeds.items()]:
            if ends(address):
                feed.end()

    async def serve(
        self, request: web.Request, address: Address, options: ListOptions, renderer: Renderer
    ) -> web.StreamResponse:
        """Answer a watch until its time is over.

        A version too old is told as an event, as a real server does it; so is one that is still to come: it is of a
        sandbox that ran here before, and its client has to list again.
        """
        selection(address.served, options)  # refuses fields that a real server has no index for
        feed = Feed(self._backlog, cut_off=lambda: _abort(request))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            subscription = self._store.subscribe(
                address.served.stored,
                address.namespace or None,
                resource_version=options.resource_version,
                labels=options.labels,
                fields=options.fields,
                deliver=feed.take,
            )
        except (ExpiredError, TooEarlyError) as unknown:
            await response.prepare(request)
            await response.write(_line("ERROR", ExpiredError(unknown.message).status))
            return response
        feed.begin()
        self._feeds[feed] = address
        try:
            await response.prepare(request)
            await self._follow(response, feed, address, options, renderer)
        finally:
            subscription.close()
            del self._feeds[feed]
        return response

    async def _follow(
        self, response: web.StreamResponse, feed: Feed, address: Address, options: ListOptions, renderer: Renderer
    ) -> None:
        loop = asyncio.get_running_loop()
        timeout = LONGEST_SECONDS if options.timeout_seconds is None else options.timeout_seconds
        end = loop.time() + timeout
        bookmarks = _bookmark_times(loop.time(), end, self._bookmark_seconds) if options.bookmarks else deque()
        first = True
        while not feed.ended and loop.time() < end:
            due = bookmarks[0] if bookmarks else end
            events = await feed.next(max(0.0, due - loop.time()))
            lines = []
            for event in events:
                lines.append(_line(event.type, renderer.event(event.object, first=first)))
                first = False
            if not events and not feed.ended and bookmarks and loop.time() >= bookmarks[0]:
                bookmarks.popleft()
                bookmark = self._store.bookmark(address.served.stored)
                lines.append(_line(bookmark.type, renderer.event(bookmark.object, bookmark=True)))
            if lines and not feed.overrun:
                await response.write(b"".join(lines))


def _abort(request: web.Request) -> None:
    """Break the connection: the answer is stuck in the buffers of a client that does not read."""
    if request.transport is not None:
        request.transport.abort()


def _bookmark_times(start: float, end: float, every: float) -> "deque[float]":
    """Regularly, and shortly before the end."""
    last = max(start, end - LAST_BOOKMARK_SECONDS)
    times, at = deque[float](), start + every
    while at < last:
        times.append(at)
        at += every
    return deque([*times, last])


def _line(type_: str, body: object) -> bytes:
    return encode({"type": type_, "object": body}) + b"\n"
