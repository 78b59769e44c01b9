"""`delivery get --watch`: the screen again whenever something changes, until somebody ends it.

The Canary is watched; its pods and Events are read again when it changes and every few seconds in between. While the
cluster does not answer, the last moment stays on the screen with a note. Whatever ends it, the terminal is as before.
"""

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import click

from delivery.cli.looking import readable, see
from delivery.cli.reaching import Cluster, UnreachableError, Where, connect
from delivery.cli.showing import console
from delivery.cluster.clock import SystemClock
from delivery.cluster.objects import CANARIES, Object
from delivery.terminal.changes import Changes
from delivery.terminal.look import look
from delivery.terminal.screen import Screen
from delivery.terminal.seen import Seen
from delivery.terminal.shape import line, shaped

REFRESH_SECONDS = 5.0
CLOCK_SECONDS = 1.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Shows = Callable[[Screen], None]


def watch_screen(where: Where, name: str, *, home: str, form: str, no_color: bool) -> int:
    """Show it until a signal comes or the Canary is deleted; the exit code, by the shell's convention for signals."""
    return asyncio.run(_until_ended(where, name, home=home, form=form, no_color=no_color))


async def _until_ended(where: Where, name: str, *, home: str, form: str, no_color: bool) -> int:
    received: list[int] = []
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in ENDS:
        loop.add_signal_handler(number, stop, number)
    try:
        async with connect(where) as cluster:
            with _shown(form, no_color=no_color) as shows:
                await Watching(cluster, name, shows, home=home).until_deleted()
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    return 0


@contextmanager
def _shown(form: str, *, no_color: bool) -> Iterator[Shows]:
    """What to do with a screen: draw it in place, or write what has changed."""
    out = console(no_color=no_color)
    if form != "text":
        yield lambda shown: click.echo(line(shaped("CanaryView", shown), form), nl=False)
        return
    if not out.is_terminal:
        changes = Changes()
        yield lambda shown: _say(changes.of(shown))
        return
    from rich.live import Live

    from delivery.terminal.view import screen

    with Live(console=out, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda shown: live.update(screen(shown), refresh=True)


def _say(lines: Iterable[str]) -> None:
    for each in lines:
        click.echo(each)


class Watching:
    """One Canary and what was read of it last."""

    def __init__(self, cluster: Cluster, name: str, shows: Shows, *, home: str) -> None:
        self._cluster, self._name, self._shows, self._home = cluster, name, shows, home
        self._clock = SystemClock()
        self._changed = asyncio.Event()
        self._canary: Object = {}

    async def until_deleted(self) -> None:
        """Show it until it is deleted. Raises ReachError when it cannot be watched."""
        self._canary = await self._cluster.canary(self._name)
        following = asyncio.create_task(self._follow(), name="follow the Canary")
        drawing = asyncio.create_task(self._draw(), name="draw the Canary")
        try:
            done, _ = await asyncio.wait({following, drawing}, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in (following, drawing):
                each.cancel()
            await asyncio.wait({following, drawing})

    async def _follow(self) -> None:
        async for event in self._cluster.watch(CANARIES):
            if event.object["metadata"]["name"] != self._name:
                continue
            if event.type == "DELETED":
                return
            self._canary = event.object
            self._changed.set()

    async def _draw(self) -> None:
        seen: Seen | None = None
        while True:
            self._changed.clear()
            seen = await self._read(seen)
            for _ in range(round(REFRESH_SECONDS / CLOCK_SECONDS)):
                with readable(self._name):
                    self._shows(look(seen, self._clock.now()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOCK_SECONDS):  # wait_for may lose a cancellation on Python 3.11
                        await self._changed.wait()
                    break

    async def _read(self, last: Seen | None) -> Seen:
        """What there is now; while the cluster does not answer, what there was."""
        try:
            return await see(self._cluster, self._canary, self._home)
        except UnreachableError as error:
            before = last or Seen(canary=self._canary)
            return replace(before, notes=(f"what has changed since: {error.message}",))
