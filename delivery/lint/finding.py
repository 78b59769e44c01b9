"""One thing that is wrong, and where."""

from dataclasses import dataclass
from enum import StrEnum

from delivery.api.problems import Path, dotted


class Severity(StrEnum):
    """An error is refused, never acted on or always wrong; a warning is allowed, and seldom what was meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What a rule found in one object. `field` is dotted, from the object's top; `rule` is its name in docs/lint.md."""

    rule: str
    path: Path
    message: str
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A mistake with its place: file, line from 1, and the object as Kind/name, "" where there is none."""

    file: str
    line: int
    rule: str
    severity: Severity
    about: str
    field: str
    message: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.about, self.field) if part)
        return f"{self.file}:{self.line}: {self.severity}: {f'{where}: ' if where else ''}{self.message} [{self.rule}]"


def finding(mistake: Mistake, *, file: str, line: int, about: str) -> Finding:
    """The mistake at its place."""
    return Finding(
        file=file,
        line=line,
        rule=mistake.rule,
        severity=mistake.severity,
        about=about,
        field=dotted(mistake.path),
        message=mistake.message,
    )
