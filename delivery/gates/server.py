"""`delivery gates`: gates that people and pipelines open and close over HTTP, for who comes from Flagger's load tester.

Paths, bodies and answers are its own, so that its hooks and scripts go on working. What is new: a token, a memory, and
no shell behind it.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from delivery.gates.ledger import Ledger, LedgerError
from delivery.listening import listening

MOST_BYTES = 64 * 1024
LONGEST_NAME = 253
PATIENCE_SECONDS = 2.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What lets somebody in: a text, or a file that is read at each request, because Secrets are renewed in place."""

    text: str = ""
    file: Path | None = None

    def lets_in(self, header: str) -> bool:
        """Does this Authorization header carry it? False too while the file is empty or cannot be read."""
        expected = self._now()
        scheme, _, given = header.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), expected.encode())
        return scheme.lower() == "bearer" and bool(expected) and same

    def _now(self) -> str:
        if self.file is None:
            return self.text
        try:
            return self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            log.error("token cannot be read", file=str(self.file), error=str(error))
            return ""


class GateServer:
    """Serves the gates of a ledger. `port` 0 takes any free one; see `port` afterwards.

    With `free_checks`, asking whether a gate is open needs no token: Flagger cannot send one. Opening and closing does.
    """

    def __init__(self, ledger: Ledger, token: Token, *, host: str, port: int, free_checks: bool = False) -> None:
        self._ledger = ledger
        self._token = token
        self._host = host
        self._wanted_port = port
        self._free_checks = free_checks
        self._listening = AsyncExitStack()
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is listened on. RuntimeError outside the block."""
        if not self._port:
            raise RuntimeError("the server is not listening")
        return self._port

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MOST_BYTES)
        app.add_routes(self._routes())
        at = listening(app, host=self._host, port=self._wanted_port, patience=PATIENCE_SECONDS)
        self._port = await self._listening.enter_async_context(at)
        log.info("listening", host=self._host, port=self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._port = 0
        await self._listening.aclose()

    def _routes(self) -> list[web.RouteDef]:
        found = [web.get("/healthz", self._health)]
        for path, status, text in (("/gate/approve", 200, "OK"), ("/gate/halt", 403, "Forbidden")):
            found.append(web.route("*", path, self._guarded(_always(status, text), free=self._free_checks)))
        for what in ("gate", "rollback"):
            found.append(web.post(f"/{what}/check", self._guarded(self._check(what), free=self._free_checks)))
            for verb, is_open in (("open", True), ("close", False)):
                found.append(web.post(f"/{what}/{verb}", self._guarded(self._put(what, is_open=is_open), free=False)))
        return found

    def _guarded(self, handler: Handler, *, free: bool) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not free and not self._token.lets_in(request.headers.get("Authorization", "")):
                headers = {"WWW-Authenticate": 'Bearer realm="gates"'}
                return web.Response(status=401, text="a bearer token is needed\n", headers=headers)
            return await handler(request)

        return guarded

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="OK")

    def _check(self, what: str) -> Handler:
        async def check(request: web.Request) -> web.Response:
            is_open = self._ledger.is_open(await _key(request, what))
            return web.Response(status=200 if is_open else 403, text="Approved" if is_open else "Forbidden")

        return check

    def _put(self, what: str, *, is_open: bool) -> Handler:
        async def put(request: web.Request) -> web.Response:
            key = await _key(request, what)
            try:
                await asyncio.to_thread(self._ledger.put, key, is_open=is_open)  # a disk may take its time
            except LedgerError as error:
                log.error("gate not kept", gate=key, error=str(error))
                return web.Response(status=500, text="the gate could not be kept; nothing has changed\n")
            log.info("gate opened" if is_open else "gate closed", gate=key)
            return web.Response(status=202)

        return put


def _always(status: int, text: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return answer


async def _key(request: web.Request, what: str) -> str:
    """The gate that a body names; whatever else is in it is passed over. HTTPBadRequest says what is wrong."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body is no JSON\n") from None
    names = [body.get(field) for field in ("namespace", "name")] if isinstance(body, dict) else [None]
    if not all(isinstance(each, str) and 0 < len(each) <= LONGEST_NAME and "/" not in each for each in names):
        raise web.HTTPBadRequest(text='a body such as {"name": "reviews", "namespace": "shop"} is needed\n')
    return "/".join((what, *map(str, names)))
