"""What the terminal shows, as text at a width; `python -m tests.terminal.snapshots` writes the files anew."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console, RenderableType

from delivery.terminal import look, rows, runs, view, why
from delivery.terminal.seen import Seen
from tests.terminal.holding import HELD
from tests.terminal.recorded import MOMENTS, NOW, canary

FOLDER = Path(__file__).parent / "snapshots"
WIDTHS = (80, 160)

VIEWS: dict[str, Callable[[Seen], RenderableType]] = {
    "get": lambda seen: view.screen(look.look(seen, NOW)),
    "why": lambda seen: why.view(why.why(seen, NOW)),
    "history": lambda seen: runs.view(runs.runs(seen.status, seen.events, NOW)),
}


def text(what: RenderableType, width: int, **options: object) -> str:
    """As it is printed, without spaces at the ends of lines."""
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False, **options).print(what)  # type: ignore[arg-type]
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def everything() -> Iterator[tuple[str, RenderableType]]:
    for name, show in VIEWS.items():
        for moment, seen in {**MOMENTS, **HELD}.items():
            yield f"{name}-{moment}", show(seen)
    every = [*MOMENTS.values(), *HELD.values(), Seen(canary=canary(None, name="a-much-longer-name-of-a-canary"))]
    yield "list", rows.Rows(rows.rows(every, NOW), NOW, everywhere=True)


def names() -> list[tuple[str, int]]:
    return [(name, width) for name, _ in everything() for width in WIDTHS]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, what in everything():
        for width in WIDTHS:
            (FOLDER / f"{name}-{width}.txt").write_text(text(what, width))


if __name__ == "__main__":
    main()
