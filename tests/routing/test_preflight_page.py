"""docs/preflight.md says of every refusal what it means and the way out, and of none that does not exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "preflight.md"
ROOMS = ("delivery/routing", "delivery/workloads", "delivery/controller/guarding.py")
"""Where preflight is judged: whatever problem is made there is a refusal."""

ELSEWHERE = ("health.py", "floors.py", "releasing.py")
"""In these rooms, but about pods, about too few of them in a run, and about the end of a Canary."""

SAID_ONLY = {"CoarseWeights", "FieldsNotKept"}
"""Conditions that refuse nothing."""

REASON = re.compile(r"([A-Z][a-z]+){2,}")


def sources() -> Iterator[Path]:
    for room in ROOMS:
        path = ROOT / room
        yield from (each for each in ([path] if path.is_file() else path.rglob("*.py")) if each.name not in ELSEWHERE)


def _constant(statement: ast.stmt) -> tuple[str, object] | None:
    """Name and value of a constant, with or without its type."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(statement.value, ast.Constant):
        return None
    target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
    return ast.unparse(target), statement.value.value


def reasons(path: Path) -> Iterator[str]:
    """The reasons of the problems that a module makes, written out or as constants of the module."""
    tree = ast.parse(path.read_text())
    constants = dict(constant for each in tree.body if (constant := _constant(each)) is not None)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem":
            [given] = [each.value for each in call.keywords if each.arg == "reason"]
            yield str(given.value if isinstance(given, ast.Constant) else constants.get(ast.unparse(given), ""))
        elif isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value) if ast.unparse(call.func) == "_problem" else ""


def test_every_refusal_has_its_line_and_every_line_its_refusal():
    made = {reason for path in sources() for reason in reasons(path) if REASON.fullmatch(reason)}
    table = PAGE.read_text().split("## ")[0]
    rows = re.findall(r"^\| (`[A-Za-z`, ]+`) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    listed = [reason for first, _, _ in rows for reason in re.findall("[A-Za-z]+", first)]
    assert sorted(listed) == sorted(made - SAID_ONLY)
    assert all(meaning.strip() and way_out.strip() for _, meaning, way_out in rows)
