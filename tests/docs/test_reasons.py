"""What people see as a reason stands on a page, with what to do about it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from delivery.terminal.advice import ADVICE

ROOT = Path(__file__).parents[2]
ROOMS = ("strategies", *(f"delivery/{name}" for name in ("alerts", "controller", "gates", "routing", "workloads")))
PAGES = ("troubleshooting", "preflight", "lifecycle", "alerts")
_REASON = re.compile(r"([A-Z][a-z]+)+")


def reasons() -> Iterator[tuple[str, str]]:
    """Every constant that is given as a `reason`, and the conditions' own ones, with the file."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                given = [each.value for each in node.keywords if each.arg == "reason"]
                called = node.func.id if isinstance(node.func, ast.Name) else ""
                given += node.args[3:4] if called == "_make" else node.args[:1] if called == "Problem" else []
                for each in given:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and _REASON.fullmatch(each.value):
                        yield each.value, str(file.relative_to(ROOT))


def on_pages() -> set[str]:
    text = "\n".join((ROOT / "docs" / f"{name}.md").read_text() for name in PAGES)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`((?:[A-Z][a-z]+)+)`", row)}


def test_every_reason_stands_in_a_table_with_what_to_do() -> None:
    quiet = {"Synced", "Measuring", "NoAnalysis", "Initialized"}  # all is well
    found = {name: file for name, file in reasons() if name not in quiet}

    assert len(found) > 90
    assert {name: file for name, file in found.items() if name not in on_pages()} == {}


def test_every_reason_that_the_terminal_advises_about_is_there_too() -> None:
    assert set(ADVICE) - on_pages() == set()
