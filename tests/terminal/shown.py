"""The views in which a Canary is shown, as text without folds and as programs have them."""

from typing import Any

from delivery.terminal import look, rows, view, why
from delivery.terminal.seen import Seen
from delivery.terminal.shape import listed, shaped
from tests.terminal import snapshots
from tests.terminal.recorded import NOW

VIEWS = ("get", "why", "list")


def text(name: str, moment: Seen) -> str:
    """A view, without the places where its lines are folded."""
    views = {
        "get": lambda: view.screen(look.look(moment, NOW)),
        "why": lambda: why.view(why.why(moment, NOW)),
        "list": lambda: rows.Rows(rows.rows([moment], NOW), NOW, everywhere=False),
    }
    return " ".join(snapshots.text(views[name](), 400).split())


def bodies(moment: Seen) -> dict[str, Any]:
    """The views for programs; the list's first item."""
    row = listed("CanaryRow", rows.rows([moment], NOW))["items"][0]
    return {
        "get": shaped("CanaryView", look.look(moment, NOW)),
        "why": shaped("Explanation", why.why(moment, NOW)),
        "list": row,
    }
