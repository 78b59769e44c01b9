"""A Slack on loopback, for the story whose one message shows it all: posts, edits and replies in threads.

It answers chat.postMessage and chat.update as Slack's reference says, errors included, and remembers every text that a
message has had. Only what the demo's own controller sends reaches it.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from rich.table import Table
from rich.text import Text

from delivery.cluster.objects import Object
from delivery.listening import LOOPBACK, listening

POST, UPDATE = "/api/chat.postMessage", "/api/chat.update"
NAME = "slack"
"""Of the Secret; the AlertProvider of the example names it."""
INITIALIZED = ": Initialized "
"""In a message that is about no run."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What a message said from a moment on. `at` is in seconds since the demo began."""

    at: float
    text: str


@dataclass(slots=True)
class Slack:
    """Messages by their timestamps, which name them; each with all that it has said. `url` is where it is.

    `changed` is set when a message has another text.
    """

    url: str
    clock: Callable[[], float]
    messages: dict[str, list[Edition]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @classmethod
    @asynccontextmanager
    async def serving(cls, clock: Callable[[], float]) -> AsyncIterator["Slack"]:
        """A Slack while the block lasts, on a free port."""
        slack, app = cls("", clock), web.Application()
        app.router.add_post(POST, slack._posted)
        app.router.add_post(UPDATE, slack._updated)
        async with listening(app) as port:
            slack.url = f"http://{LOOPBACK}:{port}"
            yield slack

    def secret(self, namespace: str) -> Object:
        """The Secret that an AlertProvider needs to talk here."""
        data = {"address": f"{self.url}{POST}", "token": self._token}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        meta = {"name": NAME, "namespace": namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded}

    def of_runs(self) -> list[list[Edition]]:
        """The messages about runs, oldest first."""
        return [each for each in self.messages.values() if INITIALIZED not in each[0].text]

    async def _posted(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if body is None:
            return _refused("invalid_auth")
        ts = f"{1700000000 + len(self.messages)}.000100"
        if "thread_ts" not in body:
            self._says(ts, body)
        elif body["thread_ts"] not in self.messages:
            return _refused("thread_not_found")
        return _done(body, ts)

    async def _updated(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if body is None:
            return _refused("invalid_auth")
        if body["ts"] not in self.messages:
            return _refused("message_not_found")
        self._says(body["ts"], body)
        return _done(body, body["ts"])

    def _says(self, ts: str, body: dict[str, Any]) -> None:
        known = self.messages.setdefault(ts, [])
        if not known or known[-1].text != body["text"]:
            known.append(Edition(self.clock(), str(body["text"])))
            self.changed.set()

    async def _body(self, request: web.Request) -> dict[str, Any] | None:
        """What was sent; None if its sender is not known."""
        known = request.headers.get("Authorization") == f"Bearer {self._token}"
        body: dict[str, Any] = await request.json()
        return body if known else None


def complaints(messages: list[list[Edition]], last: str) -> list[str]:
    """What is not as promised: one message, which ends with the word `last`."""
    if len(messages) != 1:
        return [f"Slack: one message was expected, there are {len(messages)}"]
    text = messages[0][-1].text
    return [] if f": {last} " in text else [f"Slack: the message should say {last}, and says: {text}"]


def table(messages: list[list[Edition]]) -> Table:
    """All that the messages have said, one text a row."""
    out = Table(title="Slack: one message, edited in place", title_justify="left", title_style="bold")
    out.add_column("At", justify="right", no_wrap=True)
    out.add_column("It says", overflow="fold")
    for edition in (each for message in messages for each in message):
        minutes, seconds = divmod(int(edition.at), 60)
        out.add_row(f"{minutes}:{seconds:02}", Text(edition.text))
    return out


def _done(body: dict[str, Any], ts: str) -> web.Response:
    return web.json_response({"ok": True, "channel": f"C-{str(body['channel']).removeprefix('C-')}", "ts": ts})


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})
