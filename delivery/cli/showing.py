"""How a command shows what it found: as text for people, or in a documented shape for programs.

On a terminal text has its width and colours; elsewhere every fact has a line of its own, neither cut nor folded, and
no control codes. `NO_COLOR` in the environment (to anything but "") is --no-color.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

ENDLESS = 10_000
"""Columns where there is no terminal."""


def showing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options -o and --no-color, as its arguments `form` and `no_color`."""
    for option in (
        click.option("--no-color", is_flag=True, help="No colours; so it is with NO_COLOR, too."),
        click.option(
            *("-o", "--output", "form"),
            type=click.Choice(("text", "json", "yaml")),
            default="text",
            show_default=True,
            help="How it is written.",
        ),
    ):
        command = option(command)
    return functools.wraps(command)(command)


def console(*, no_color: bool = False) -> "Console":
    """Standard output, as wide as it is."""
    from rich.console import Console

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # an old locale must not make a look fail
    terminal = sys.stdout.isatty()
    return Console(
        no_color=no_color or bool(os.environ.get("NO_COLOR")) or None,
        force_terminal=terminal,
        width=None if terminal else _columns(),
        highlight=False,
        markup=False,
        emoji=False,
    )


def show(what: "RenderableType", *, no_color: bool = False) -> None:
    """Print it, without spaces at the ends of lines."""
    out = console(no_color=no_color)
    with out.capture() as captured:
        out.print(what)
    text = captured.get()
    click.echo("\n".join(line.rstrip() for line in text.splitlines()), color=out.is_terminal)


def emit(body: dict[str, Any], form: str) -> None:
    """Print a shape as JSON or YAML."""
    from delivery.terminal.shape import written

    click.echo(written(body, form), nl=False)


def _columns() -> int:
    """COLUMNS, as programs that call us set it, else without an end."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdigit() and int(given) > 0 else ENDLESS
