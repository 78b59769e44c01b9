"""A sandbox in a terminal: what is said at its start, how signals end it, and with which exit code."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from delivery.sandbox.definitions import DefinitionsError
from delivery.sandbox.promql.binary import PrometheusUnavailableError
from delivery.sandbox.promql.embedded import EmbeddedPrometheus
from delivery.sandbox.settings import Settings, SettingsError
from delivery.sandbox.stage import Sandbox, Tell, open_sandbox
from delivery.sandbox.state import StateError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FORCED = 130

UNUSABLE = (SettingsError, StateError, DefinitionsError, PrometheusUnavailableError)


def run(settings: Settings, *, say: Tell, problem: Tell) -> int:
    """Run a sandbox until a signal, and answer the exit code.

    0: it was asked to stop (SIGINT, SIGTERM, SIGHUP). 1: it broke. 2: something that it was given cannot be used. A
    second signal ends it at once with 130.
    """
    return asyncio.run(_run(settings, say, problem))


async def _run(settings: Settings, say: Tell, problem: Tell) -> int:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problem(fault(context)))
    with _stopping() as (stop, opened):

        def serving(sandbox: Sandbox) -> None:
            opened.append(sandbox)
            say(first_lines(sandbox))

        try:
            async with open_sandbox(settings, problem=problem, serving=serving) as sandbox:
                say(what_runs(sandbox))
                await sandbox.run_until(stop)
                say("stopping")
        except UNUSABLE as error:
            problem(str(error))
            return 2
    return 0


def first_lines(sandbox: Sandbox) -> str:
    """The two lines to paste."""
    return f"export KUBECONFIG={sandbox.kubeconfig}\nkubectl get pdc --all-namespaces --watch\n"


def what_runs(sandbox: Sandbox) -> str:
    """What there is, a line each."""
    kind = "embedded" if isinstance(sandbox.prometheus, EmbeddedPrometheus) else "the real one"
    lines = [f"API server  {sandbox.url}", f"Prometheus  {sandbox.prometheus.url} ({kind})"]
    if sandbox.controller is not None:
        lines.append(f"controller  process {sandbox.controller.pid}, log in {sandbox.controller.log}")
    if sandbox.settings.bookinfo:
        rate = f"{sandbox.settings.requests_per_second:g} requests/s"
        lines.append(f"Bookinfo    in namespace default, {rate} through the gateway")
    return "\n".join([*lines, "", "Ctrl-C ends everything."])


def fault(context: dict[str, Any]) -> str:
    """What the event loop reports of a callback or task that broke, in a line."""
    error = context.get("exception")
    what = f"{type(error).__name__}: {error}" if error is not None else ""
    return f"a fault of the sandbox itself: {context.get('message', '')} {what}".strip()


@contextmanager
def _stopping() -> Iterator[tuple[asyncio.Event, list[Sandbox]]]:
    """The event is set by the first signal; a second one ends this process, what it started and its folder at once."""
    loop, stop, opened = asyncio.get_running_loop(), asyncio.Event(), list[Sandbox]()

    def received() -> None:
        if stop.is_set():
            _force(opened)
        stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, received)
    try:
        yield stop, opened
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _force(opened: list[Sandbox]) -> None:
    for sandbox in opened:
        sandbox.kill_children()
        shutil.rmtree(sandbox.folder, ignore_errors=True)
    os._exit(FORCED)  # the children that are on a leash go with us
