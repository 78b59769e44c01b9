"""Where frames go: a live screen where there is a terminal, lines where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live

from delivery.sandbox.demo.frame import Frame
from delivery.sandbox.demo.plain import Lines
from delivery.sandbox.demo.view import Screen


class Show(Protocol):
    """Shows frames, as often as there are new ones."""

    def show(self, frame: Frame) -> None:
        """Show this moment."""


class LiveShow:
    """The screen of a terminal, drawn over and over in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, frame: Frame) -> None:
        self._live.update(Screen(frame), refresh=True)


class PlainShow:
    """Lines, as things happen."""

    def __init__(self, console: Console) -> None:
        self._console, self._lines = console, Lines()

    def show(self, frame: Frame) -> None:
        for line in self._lines.of(frame):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def opened(console: Console, *, plain: bool) -> Iterator[Show]:
    """A show on this console; lines if they are wanted or if it is no terminal."""
    if plain or not console.is_terminal:
        yield PlainShow(console)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield LiveShow(live)
