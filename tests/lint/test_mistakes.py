"""Each manifest in mistakes/ has one mistake, in the line that says so; the examples have none."""

import re
from pathlib import Path

import pytest

from delivery.lint.linting import RULES, WARNINGS, files_of, lint

MISTAKES = Path(__file__).parent / "mistakes"
EXAMPLES = Path(__file__).parents[2] / "examples"
SEEDED = sorted(MISTAKES.glob("*.yaml"))
_EXPECTED = re.compile(r"# mistake: (\S+)")


def found_in(file: Path) -> set[tuple[int, str]]:
    return {(each.line, each.rule) for each in lint([(file.name, file.read_text())])}


def expected_in(file: Path) -> set[tuple[int, str]]:
    lines = enumerate(file.read_text().splitlines(), start=1)
    return {(number, rule) for number, line in lines for rule in _EXPECTED.findall(line)}


@pytest.mark.parametrize("file", SEEDED, ids=[file.stem for file in SEEDED])
def test_the_one_mistake_is_found_in_its_line_and_nothing_else(file: Path) -> None:
    assert len(expected_in(file)) == 1
    assert found_in(file) == expected_in(file)


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    seeded = {rule for file in SEEDED for _, rule in expected_in(file)}

    assert set(WARNINGS) <= seeded
    assert len(SEEDED) >= 25
    assert RULES


def test_the_examples_have_none() -> None:
    files = files_of([EXAMPLES])

    assert len(files) > 20
    assert [str(each) for each in lint((str(file), file.read_text()) for file in files)] == []
