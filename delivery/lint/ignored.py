"""Comments by which authors say that they mean what a rule warns of.

interval: 5s             # lint: ignore[short-window]
# lint: ignore-file[short-window, short-deadline]
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from delivery.lint.finding import Finding, Severity

_COMMENT = re.compile(r"#\s*lint:\s*(ignore(?:-file)?)\s*(?:\[([^\]\n]*)\])?")


@dataclass(frozen=True, slots=True)
class Ignored:
    """Which rules are not to be heard of, on one line or, with line 0, in the whole file."""

    places: frozenset[tuple[int, str]] = frozenset()

    def has(self, found: Finding) -> bool:
        """Is this warning meant? Errors are not a matter of opinion."""
        meant = (found.line, found.rule) in self.places or (0, found.rule) in self.places
        return meant and found.severity is Severity.WARNING


def ignored(text: str, *, file: str, rules: Collection[str]) -> tuple[Ignored, list[Finding]]:
    """What the comments of a file say, and those that say nothing that is known."""
    places: set[tuple[int, str]] = set()
    wrong: list[Finding] = []
    for line, whole, names in _comments(text):
        wrong += [_unknown(file, line, name, rules) for name in names or ("",) if name not in rules]
        places |= {(0 if whole else line, name) for name in names}
    return Ignored(frozenset(places)), wrong


def _comments(text: str) -> Iterator[tuple[int, bool, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for word, names in _COMMENT.findall(line):
            yield number, word == "ignore-file", [name.strip() for name in names.split(",") if name.strip()]


def _unknown(file: str, line: int, name: str, rules: Collection[str]) -> Finding:
    given = f"given {name!r}" if name else "given no rule"
    return Finding(
        file=file,
        line=line,
        rule="unknown-rule",
        severity=Severity.ERROR,
        about="",
        field="",
        message=f"{given}, allowed ignore[RULE, ...] with warnings: {', '.join(sorted(rules))}",
    )
