"""What people see as a reason stands on a page, with what to do about it."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from delivery.terminal.advice import NEEDS_NONE
from strategies.reasons import Reason

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("troubleshooting", "preflight", "lifecycle", "alerts")


def names(of: Any) -> set[str]:
    """The values of a Literal, and of those in it."""
    return {of} if isinstance(of, str) else {name for each in get_args(of) for name in names(each)}


def on_pages() -> set[str]:
    text = "\n".join((DOCS / f"{name}.md").read_text() for name in PAGES)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`((?:[A-Z][a-z]+)+)`", row)}


def test_every_reason_that_asks_for_something_stands_in_a_table_with_what_to_do() -> None:
    asking = names(Reason) - set(NEEDS_NONE)

    assert len(asking) > 80
    assert asking - on_pages() == set()


@pytest.mark.parametrize("ground", ["it goes on by itself"])
def test_what_goes_on_by_itself_is_said_to_do_so(ground: str) -> None:
    assert {name for name, why in NEEDS_NONE.items() if why == ground} - on_pages() == set()
