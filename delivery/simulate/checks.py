"""What a policy's author demands of it, as one line each: `false_rollback<0.01`, `errors-5x.hit_p95 <= 500`.

    check    = [ release "." ] measure comparison number [ unit ]
    comparison = "<" | "<=" | ">" | ">="
    unit     = "%" | "s" | "m" | "h"

Without a release, false_rollback is demanded of every healthy one, detected and missed of every other, and anything
else of all.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from types import MappingProxyType

from delivery.simulate.report import Report, measures

_CHECK = re.compile(
    r"\s*(?:(?P<release>[a-z0-9]([-a-z0-9]*[a-z0-9])?)\.)?(?P<measure>[a-z][a-z0-9_]*)\s*"
    r"(?P<comparison><=|>=|<|>)\s*(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<unit>%|s|m|h)?\s*"
)
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType({"<": lt, "<=": le, ">": gt, ">=": ge})
_UNITS = MappingProxyType({"%": 0.01, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0})
_SYNONYMS = MappingProxyType({"false_rollback": "rolled_back", "detected": "rolled_back", "missed": "promoted"})
SHARES = tuple(
    f"{name}{suffix}"
    for name in ("rolled_back", "promoted", "undecided", *_SYNONYMS)
    for suffix in ("", "_low", "_high")
)
TIMES = tuple(f"{name}_seconds_{which}" for name in ("rollback", "promotion", "held") for which in ("median", "p95"))
MEASURES = (*SHARES, *TIMES, "hit_median", "hit_p95")


class CheckError(ValueError):
    """A check that cannot be understood, or names what is not there; the text says what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One demand. `text` is it as it was written."""

    text: str
    release: str | None
    measure: str
    comparison: str
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a check for one report. `value`: None where no rollout ended so, which meets nothing."""

    check: Check
    policy: str
    release: str
    value: float | None
    met: bool

    def __str__(self) -> str:
        found = "no such rollout" if self.value is None else f"{self.value:.4g}"
        return f"{'met' if self.met else 'NOT MET'}: {self.check.text} ({self.policy}, {self.release}: {found})"


def parse(text: str) -> Check:
    """A check from its line. Raises CheckError."""
    found = _CHECK.fullmatch(text)
    if found is None:
        raise CheckError(
            f"--check: given {text!r}, allowed [RELEASE.]MEASURE COMPARISON NUMBER[%|s|m|h], "
            "such as 'false_rollback<0.01' or 'errors-5x.hit_p95<=500'"
        )
    measure, unit = found["measure"], found["unit"]
    if measure not in MEASURES:
        raise CheckError(f"--check: given {measure!r} in {text!r}, allowed {', '.join(MEASURES)}")
    if (unit == "%" and measure not in SHARES) or (unit in ("s", "m", "h") and measure not in TIMES):
        allowed = "a number or %" if measure in SHARES else "a number, s, m or h" if measure in TIMES else "a number"
        raise CheckError(f"--check: given the unit {unit!r} in {text!r}, allowed for {measure} {allowed}")
    return Check(
        text=text.strip(),
        release=found["release"],
        measure=measure,
        comparison=found["comparison"],
        limit=float(found["number"]) * _UNITS[unit],
    )


def check_names(checks: Sequence[Check], releases: Sequence[str]) -> None:
    """Raises CheckError for a release that is not simulated."""
    for check in checks:
        if check.release is not None and check.release not in releases:
            raise CheckError(
                f"--check: given release {check.release!r} in {check.text!r}, allowed {', '.join(releases)}"
            )


def findings(check: Check, reports: Sequence[Report]) -> list[Finding]:
    """What came of a check. Raises CheckError if there is nothing that it could be about."""
    about = [each for each in reports if _is_about(check, each)]
    if not about:
        kind = "healthy" if check.measure.startswith("false_rollback") else "faulty"
        raise CheckError(f"--check: given {check.text!r} and no {kind} release, allowed checks of what is simulated")
    return [_judge(check, report) for report in about]


def _is_about(check: Check, report: Report) -> bool:
    if check.release is not None:
        return check.release == report.release
    if check.measure.startswith("false_rollback"):
        return report.healthy
    return not report.healthy if check.measure.startswith(("detected", "missed")) else True


def _judge(check: Check, report: Report) -> Finding:
    value = measures(report)[_plain(check.measure)]
    met = value is not None and not math.isnan(value) and _COMPARISONS[check.comparison](value, check.limit)
    return Finding(check=check, policy=report.policy, release=report.release, value=value, met=met)


def _plain(measure: str) -> str:
    """The measure's name in a report."""
    for synonym, name in _SYNONYMS.items():
        if measure.startswith(synonym):
            return name + measure.removeprefix(synonym)
    return measure
