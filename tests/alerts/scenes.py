"""Chat services on loopback, and facts to tell them."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from aiohttp import web

from delivery.alerts.facts import Facts, facts_of
from delivery.alerts.messages import Message, message_of
from delivery.alerts.services.registry import service_for
from delivery.alerts.services.service import Recipient
from delivery.api.status import dump
from delivery.outbound.caller import HttpCaller
from delivery.outbound.guard import Guard
from metrics.verdict import Outcome
from strategies.status import Announcement, Check, Past, Phase, Result, Run, Status
from tests.controller_process.virtual import START

RUN = "abc123-k1"
TOKEN = "xoxb-top-secret"


@dataclass(slots=True)
class Heard:
    """One request."""

    path: str
    query: str
    headers: dict[str, str]
    body: Any


Answer = Callable[[Heard], web.Response]


@dataclass(slots=True)
class Place:
    """A service: what it heard, and what it says; by default that all is well."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[Answer | web.Response] = field(default_factory=list)
    otherwise: Answer = lambda _: web.Response(text="ok")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        heard = Heard(request.path, request.query_string, dict(request.headers), json.loads(text))
        self.heard.append(heard)
        answer = self.answers.pop(0) if self.answers else self.otherwise
        return answer if isinstance(answer, web.Response) else answer(heard)


@asynccontextmanager
async def serving(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """The address of a real server."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def place(**options: Any) -> AsyncIterator[Place]:
    """A service on loopback."""
    there = Place(**options)
    async with serving(there.handle) as url:
        there.url = url
        yield there


@asynccontextmanager
async def calling(*allowed: str) -> AsyncIterator[HttpCaller]:
    """The real way out, to loopback only."""
    networks = tuple(ip_network(each) for each in allowed or ("127.0.0.0/8",))
    async with HttpCaller(Guard(allowed=networks), rng=random.Random(1)) as caller:
        yield caller


class Notes:
    """A Memory of its own."""

    def __init__(self, word: str = "") -> None:
        self.word = word

    def get(self) -> str:
        return self.word

    def set(self, word: str) -> None:
        self.word = word


def note(reason: str, message: str = "", *, run: str = RUN, number: int = 1, **more: Any) -> Announcement:
    """An announcement as Turn.tell makes it."""
    name = f"{run or 'init'}-lx{number}-1-{reason.lower()}"
    return Announcement(id=name, at=START, reason=reason, message=message or f"{reason} it is", **more)


def status(*, ended: Result | None = None, failing: bool = False) -> Status:
    """A status in the middle of the run, or after it."""
    began = START - timedelta(minutes=4, seconds=30)
    outcome = Outcome.FAIL if failing else Outcome.PASS
    check = Check(
        name="request-success-rate",
        window=3,
        end=START,
        outcome=outcome,
        value=91.25 if failing else 99.9,
        limit=">= 99",
    )
    past = (
        (Past(id=RUN, revision="v1-new", started=began, ended=START, result=ended, reason="CheckFailed", weight=25),)
        if ended is not None
        else ()
    )
    return Status(
        phase=Phase.FAILED if ended is Result.ROLLED_BACK else Phase.SUCCEEDED if ended else Phase.PROGRESSING,
        canary_weight=0 if ended else 25,
        seen_weight=24.81,
        step="" if ended else "2/4",
        revision="v1-new",
        run=None if ended is not None else Run(id=RUN, revision="v1-new", started=began, step=1),
        checks=(check,),
        history=past,
    )


def canary(known: Status | None = None) -> dict[str, Any]:
    """The Canary's JSON."""
    meta = {"namespace": "shop", "name": "reviews", "uid": "u-1"}
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}}
    return {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary", "metadata": meta, "spec": spec,
            "status": dump(known or status())}  # fmt: skip


def facts(announcement: Announcement, known: Status | None = None) -> Facts:
    return facts_of(canary(known), announcement, cluster="prod")


ROLLED_BACK = note(
    "RolledBack",
    "Rolled back at 25 %: request-success-rate 91.25, >= 99 (5 of 5 failed checks)",
    number=9,
    warning=True,
)


def rolled_back() -> Facts:
    return facts(ROLLED_BACK, status(ended=Result.ROLLED_BACK, failing=True))


async def tell(
    kind: str, to: Recipient, what: Facts | Message, memory: Notes | None = None, *, caller: HttpCaller
) -> None:
    """Tell a service as the controller does."""
    message = what if isinstance(what, Message) else message_of(what, template=to.template, links=to.links)
    await service_for(kind, to).tell(caller.send, to, message, memory or Notes())
