"""kopf, held at arm's length: it rings when something has changed, and answers the admission webhook.

Everything that kopf could do to users' objects or to this process is switched off: no finalizers, no annotations,
no events, no peering, no scanning of the cluster, no executors. Three things it would still do are undone here,
because it takes the process for its own: it replaces the signal handlers, it would end every task of the event loop
that was started after it (`kopf.run_tasks`, not used for that), and ten minutes after it was stopped it would kill
the process.

This is the only module that imports kopf; it is imported when the doorbell starts.
"""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import kopf
import structlog

from delivery.cluster.kubernetes.credentials import Credentials
from delivery.cluster.objects import ALERT_PROVIDERS, APPROVALS, CANARIES, FREEZES, METRIC_TEMPLATES, Kind, Object
from delivery.controller.settings import Admission

KINDS = (CANARIES, METRIC_TEMPLATES, ALERT_PROVIDERS)
SIGNED = (APPROVALS, FREEZES)
"""Kinds whose objects are somebody's word. Nobody is rung for: they are read by the loop's own watches."""

_Operations = tuple[Literal["CREATE", "UPDATE"], ...]
STAMPED: Mapping[Kind, _Operations] = {
    APPROVALS: ("CREATE",),
    FREEZES: ("CREATE",),
    CANARIES: ("CREATE", "UPDATE"),
}
"""On what somebody can say something, and when: a command may come to a Canary at any time."""

VALIDATE = "validate"
"""The path of the webhook is /validate; kopf finds the handler by it."""

STAMP = "stamp"
"""The path of the webhook that writes who said it."""

STOP_SECONDS = 10.0

Ring = Callable[[Kind, str], None]
Validate = Callable[[Object], list[str]]
Advise = Callable[[Object], list[str]]
Stamp = Callable[[Kind, Object, Object | None, str], Mapping[str, Any]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What an operator is connected to. `namespace` None: all of them.

    `ring` gets the kind and the key (namespace/name) of what has changed. `validate` answers what is wrong with an
    object, a line a problem; `advise` what its author should know of one that is let in; `stamp` what is merged into an
    object of STAMPED, given what was there before and the user. `listening` is told the webhook's address.
    """

    login: Callable[[], Awaitable[Credentials]]
    ring: Ring
    namespace: str | None
    validate: Validate
    advise: Advise
    stamp: Stamp
    admission: Admission | None
    host: str
    listening: Callable[[str], None]


async def run_operator(wiring: Wiring) -> None:
    """Run kopf until it ends by itself or with an error, which is raised; cancelling stops it cleanly."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop.get_exception_handler(), _KnownFailures):
        loop.set_exception_handler(_KnownFailures(loop.get_exception_handler()))
    refused: asyncio.Future[None] = loop.create_future()
    tasks = await _spawn(wiring, refused)
    try:
        done, _ = await asyncio.wait([refused, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        refused.cancel()
        await _stop(tasks)
    for task in done:
        task.result()


async def _spawn(wiring: Wiring, refused: "asyncio.Future[None]") -> Collection["asyncio.Task[Any]"]:
    spawning = asyncio.ensure_future(_spawn_tasks(wiring, refused))
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        await _stop(await spawning)  # what has been started would be nobody's
        raise


async def _spawn_tasks(wiring: Wiring, refused: "asyncio.Future[None]") -> Collection["asyncio.Task[Any]"]:
    with _signals_kept():
        return await kopf.spawn_tasks(
            registry=_registry(wiring, refused),
            settings=_settings(wiring),
            standalone=True,
            clusterwide=wiring.namespace is None,
            namespaces=[wiring.namespace] if wiring.namespace else [],
        )


async def _stop(tasks: Collection["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    ended, left = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in ended:
        if not task.cancelled():
            task.exception()  # seen: the first to end has told why, the others fell with it
    if left:
        log.warning("kopf did not stop in time", tasks=sorted(task.get_name() for task in left))


class _KnownFailures:
    """Keeps one line about kopf's forgotten tasks out of the log; passes everything else on.

    Of several watches that fail at once kopf looks at the first one only. asyncio complains about the others when
    they are collected, at any later time; kopf has logged each of them when it happened. So this stays with the
    loop when kopf has ended.
    """

    def __init__(self, before: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        self._before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task = context.get("future")
        if isinstance(task, asyncio.Task) and task.done() and _is_of_kopf(task):
            return
        if self._before is not None:
            self._before(loop, context)
        else:
            loop.default_exception_handler(context)


def _is_of_kopf(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(os.path.dirname(kopf.__file__))


@contextmanager
def _signals_kept() -> Iterator[None]:
    """On SIGTERM and SIGINT kopf would end itself, not the process: who had them (by `signal.signal`) keeps them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _settings(wiring: Wiring) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 60
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 10
    settings.networking.error_backoffs = (0.5, 1, 2)  # then it dies and is started again, which is counted
    if wiring.admission is not None:
        settings.admission.server = _Webhook(wiring.admission, wiring.host, wiring.listening)
    return settings


def _registry(wiring: Wiring, refused: "asyncio.Future[None]") -> kopf.OperatorRegistry:
    """One of our own for each life: the default one would add kopf's own ways to log in."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, id="login", errors=kopf.ErrorsMode.PERMANENT)(_login(wiring, refused))
    for kind in KINDS:
        names = (kind.group, kind.version, kind.plural)
        kopf.on.event(*names, registry=registry, id="ring")(_bell(kind, wiring.ring))
        if wiring.admission is not None:
            _checked(registry, kind, wiring)
    for kind in SIGNED if wiring.admission is not None else ():
        _checked(registry, kind, wiring)
    for kind, operations in STAMPED.items() if wiring.admission is not None else ():
        names = (kind.group, kind.version, kind.plural)
        kopf.on.mutate(*names, registry=registry, id=STAMP, operations=operations)(_stamper(kind, wiring.stamp))
    return registry


def _checked(registry: kopf.OperatorRegistry, kind: Kind, wiring: Wiring) -> None:
    names = (kind.group, kind.version, kind.plural)
    kopf.on.validate(*names, registry=registry, id=VALIDATE, operations=["CREATE", "UPDATE"])(
        _validator(wiring.validate, wiring.advise)
    )


def _login(wiring: Wiring, refused: "asyncio.Future[None]") -> Any:
    """The login handler. It reports a failure itself, in `refused`: kopf would wait for credentials for ever."""

    async def login(**_: object) -> kopf.ConnectionInfo:
        try:
            found = await wiring.login()
        except Exception as error:
            if not refused.done():
                refused.set_exception(error)
            raise
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_file,
            certificate_path=found.certificate_file,
            private_key_path=found.key_file,
            scheme=found.scheme,
            token=found.token,
            insecure=found.insecure,
            proxy_url=found.proxy,
            trust_env=found.trust_env,
        )

    return login


def _bell(kind: Kind, ring: Ring) -> Any:
    # `async` without an await: kopf would run a plain function in a thread and so change the order of events.
    async def bell(namespace: str | None, name: str | None, **_: object) -> None:
        ring(kind, f"{namespace}/{name}")

    return bell


def _validator(validate: Validate, advise: Advise) -> Any:
    async def check(new: Any, old: Any, warnings: list[str], **_: object) -> None:
        if new is None or new.get("metadata", {}).get("deletionTimestamp"):
            return
        if old is not None and old.get("spec") == new.get("spec"):
            return  # labels and finalizers of an object that was let in before can always be changed
        if problems := _problems(validate, dict(new)):
            raise kopf.AdmissionError("\n".join(problems), code=422)
        warnings += _problems(advise, dict(new))

    return check


def _stamper(kind: Kind, stamp: Stamp) -> Any:
    async def sign(new: Any, old: Any, userinfo: Any, patch: Any, **_: object) -> None:
        if new is None:
            return
        user = str(userinfo.get("username", ""))
        patch.update(stamp(kind, dict(new), dict(old) if old is not None else None, user))

    return sign


def _problems(ask: Callable[[Object], list[str]], body: Object) -> list[str]:
    try:
        return ask(body)
    except Exception:  # our own fault must not keep people from their objects; the loop checks again
        log.exception("validation broke; the object is let in", object=body)
        return []


class _Webhook(kopf.WebhookServer):
    """kopf's server, which also tells where it listens. It loads renewed certificate files by itself."""

    def __init__(self, admission: Admission, host: str, listening: Callable[[str], None]) -> None:
        super().__init__(addr=host, port=admission.port, certfile=admission.certificate, pkeyfile=admission.key)
        self._listening = listening

    async def __call__(self, fn: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        async for client_config in super().__call__(fn):
            self._listening(f"{client_config['url']}/{VALIDATE}")
            yield client_config
