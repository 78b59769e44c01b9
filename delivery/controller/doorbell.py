"""The doorbell: says at once that a Canary, a MetricTemplate or an AlertProvider has changed, and nothing else.

kopf does the ringing and does not survive an HTTP 410 or 500 in a watch, nor a list that fails for a minute. That
harms nobody as long as it is started again: a new life begins with a list, so everything rings once more, and what
the loop knows it reads through caches of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from delivery.cluster.objects import CANARIES, Kind, Object
from delivery.controller.settings import Settings

if TYPE_CHECKING:
    from delivery.cluster.kubernetes.credentials import Credentials

FIRST_BACKOFF = 1.0  # seconds
MAX_BACKOFF = 60.0
GOOD_LIFE = 120.0
"""A life of so many seconds proves that starting works: the next wait is the first one again."""

log = structlog.get_logger(__name__)

Enqueue = Callable[[str], None]
Changed = Callable[[str, str], None]
Stamp = Callable[[Kind, Object, Object | None, str], Mapping[str, Any]]
"""From a kind, an object, what it was before and a user: what is to be merged into it, of who the user is."""


def _nothing_wrong(_body: Object) -> list[str]:
    return []


def _nobody(_kind: Kind, _body: Object, _old: Object | None, _user: str) -> Mapping[str, Any]:
    return {}


async def _at_once() -> None:
    return


def _ignore(_kind: str, _key: str) -> None:
    return


class Doorbell:
    """Keeps kopf running in this event loop.

    `enqueue` gets the key (namespace/name) of each Canary that is there, has changed or has gone; `changed` gets
    kind and key of MetricTemplates and AlertProviders. `validate` answers what is wrong with an object of our
    kinds, a line a problem, `advise` what the author of one that is let in should know, and `stamp` what is written
    into an object of who has said something by it; they are asked only when the settings have an admission webhook,
    whose port and certificate are theirs. `before_start` is awaited before each start: wait there until our CRDs are
    served, since kopf looks for them once, when it starts. Followers run it too, for the webhook.
    """

    def __init__(
        self,
        enqueue: Enqueue,
        settings: Settings,
        *,
        changed: Changed = _ignore,
        validate: Callable[[Object], list[str]] = _nothing_wrong,
        advise: Callable[[Object], list[str]] = _nothing_wrong,
        stamp: Stamp = _nobody,
        before_start: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._enqueue = enqueue
        self._settings = settings
        self._changed = changed
        self._validate = validate
        self._advise = advise
        self._stamp = stamp
        self._before_start = before_start
        self._running = False
        self._restarts = 0
        self._admission: asyncio.Future[str] | None = None
        self._moved = asyncio.Event()

    @property
    def restarts(self) -> int:
        """How often kopf was started again."""
        return self._restarts

    async def admission_url(self, *, after: str = "") -> str:
        """Where the webhook can be reached, as soon as it can be. `after`: where it was in a life that has ended."""
        while (url := await asyncio.shield(self._listening_future())) == after:
            await self._moved.wait()
        return url

    def probe(self) -> str:
        """Why this part is not healthy ("" if it is).

        A kopf that dies again and again is not reason enough: the API server is away then, and a restart of the
        process would not bring it back. The number of restarts is among the metrics.
        """
        return "" if self._running else "the doorbell is not running"

    async def run(self) -> None:
        """Run kopf until cancelled, starting it again after 1 s, doubled up to 60 s by each short life."""
        self._running = True
        backoff = FIRST_BACKOFF
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                reason = await self._live()
                if loop.time() - started >= GOOD_LIFE:
                    backoff = FIRST_BACKOFF
                self._restarts += 1
                log.warning("doorbell stopped; it is started again", reason=reason, in_seconds=backoff)
                await asyncio.sleep(backoff)
                backoff = min(MAX_BACKOFF, backoff * 2)
        finally:
            self._running = False

    async def _live(self) -> str:
        """One life of kopf. Answers why it ended."""
        from delivery.controller.operator import Wiring, run_operator  # kopf takes a second to import

        wiring = Wiring(
            login=self._login,
            ring=self._ring,
            namespace=self._settings.namespace,
            validate=self._validate,
            advise=self._advise,
            stamp=self._stamp,
            admission=self._settings.admission,
            host=self._settings.listen_host,
            listening=self._listening,
        )
        try:
            await self._before_start()
            await run_operator(wiring)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "it ended by itself"

    async def _login(self) -> "Credentials":
        from delivery.cluster.kubernetes.credentials import read_credentials

        return await read_credentials(self._settings.kubeconfig, context=self._settings.context)

    def _ring(self, kind: Kind, key: str) -> None:
        if kind == CANARIES:
            self._enqueue(key)
        else:
            self._changed(kind.kind, key)

    def _listening_future(self) -> "asyncio.Future[str]":
        if self._admission is None:
            self._admission = asyncio.get_running_loop().create_future()
        return self._admission

    def _listening(self, url: str) -> None:
        waiting = self._listening_future()
        if waiting.done():
            waiting = self._admission = asyncio.get_running_loop().create_future()
        waiting.set_result(url)
        self._moved.set()
        self._moved = asyncio.Event()
        log.info("admission webhook listening", url=url)
