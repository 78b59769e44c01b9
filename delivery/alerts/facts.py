"""What there is to say of an announcement: taken from the Canary as it was recorded with it, before anybody is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from delivery.api.status import UnreadableStatus, load
from delivery.cluster.objects import Object
from metrics.verdict import Outcome
from strategies.status import Announcement, Check, Status

ERRORS = frozenset({"RolledBack", "PromotionFailed", "Refused"})
"""Warnings that say that a release has failed."""
BEGINNINGS = frozenset({"NewRevision", "Restarted", "GoingBack", "Healing", "RunObserved"})
ENDINGS = frozenset(
    {
        "Promoted", "RolledBack", "Cancelled", "Superseded", "HealedWithoutAnalysis", "ObservedPromotion",
        "ObservedRollback", "ObservedEnd",
    }
)  # fmt: skip
NO_RUN = "init"


class Severity(StrEnum):
    """How bad it is; Flagger's names."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """The larger, the worse."""
        return list(Severity).index(self)


class Part(StrEnum):
    """Which part of a run it tells of."""

    BEGINNING = "beginning"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """A check's last judged window; numbers as people read them, "" where there is none."""

    name: str
    outcome: str
    value: str
    limit: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a message is made of. `run` is "" for what belongs to no run; `started` and `ended` are of that run.

    `weight` and `seen_weight` are percent of requests, `seen_weight` as text and "" where nobody has counted.
    """

    id: str
    at: datetime
    reason: str
    message: str
    severity: Severity
    namespace: str
    canary: str
    uid: str = ""
    target: str = ""
    cluster: str = ""
    phase: str = ""
    revision: str = ""
    run: str = ""
    step: str = ""
    weight: int = 0
    seen_weight: str = ""
    result: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    checks: tuple[CheckFacts, ...] = ()

    @property
    def part(self) -> Part:
        """What it tells of its run; in the middle is also what belongs to none."""
        if not self.run:
            return Part.MIDDLE
        if self.reason in ENDINGS:
            return Part.END
        return Part.BEGINNING if self.reason in BEGINNINGS else Part.MIDDLE

    @property
    def failing(self) -> CheckFacts | None:
        """The first check that failed in its last window."""
        return next((each for each in self.checks if each.outcome == Outcome.FAIL.value), None)

    @property
    def progress(self) -> str:
        """The run so far, in words."""
        words = [f"step {self.step}"] if self.step else []
        if self.run and not self.result:
            seen = f" ({self.seen_weight} % seen)" if self.seen_weight else ""
            words.append(f"{self.weight} % of requests to the canary{seen}")
        if self.started is not None:
            words.append(f"{elapsed((self.ended or self.at) - self.started)} since it began")
        passed = sum(each.outcome == Outcome.PASS.value for each in self.checks)
        if self.checks:
            words.append(f"{passed} of {len(self.checks)} checks pass")
        return ", ".join(words)

    def values(self) -> dict[str, Any]:
        """The same by the names that templates use."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        at = f"{self.at:%Y-%m-%d %H:%M:%S} UTC"
        return {**plain, "severity": self.severity.value, "at": at, "progress": self.progress, "failing": self.failing}


_PLAIN = (
    "canary", "namespace", "target", "cluster", "reason", "message", "phase", "revision", "run", "step", "weight",
    "seen_weight", "result", "checks",
)  # fmt: skip


def facts_of(canary: Object, announcement: Announcement, *, cluster: str = "") -> Facts:
    """The facts of an announcement of this Canary, whose JSON has the status that was recorded with it."""
    status, meta = _status(canary), canary["metadata"]
    run = run_of(announcement.id)
    open_run = status.run if status.run is not None and status.run.id == run else None
    past = next((each for each in status.history if each.id == run), None)
    current = open_run is not None or not run or (past is not None and past == status.history[-1])
    ref = (canary.get("spec") or {}).get("targetRef") or {}
    return Facts(
        id=announcement.id,
        at=announcement.at,
        reason=announcement.reason,
        message=announcement.message,
        severity=severity_of(announcement),
        namespace=str(meta.get("namespace", "")),
        canary=str(meta["name"]),
        uid=str(meta.get("uid", "")),
        target=str(ref.get("name", "")) if isinstance(ref, Mapping) else "",
        cluster=cluster,
        phase=status.phase.value,
        revision=open_run.revision if open_run else past.revision if past else status.revision,
        run=run,
        step=status.step if open_run is not None else "",
        weight=status.canary_weight,
        seen_weight=f"{status.seen_weight:.3g}" if status.seen_weight is not None and open_run is not None else "",
        started=open_run.started if open_run is not None else past.started if past is not None else None,
        ended=past.ended if past is not None else None,
        result=past.result.value if past is not None else "",
        checks=tuple(_check(each) for each in status.checks if not each.dry_run) if current else (),
    )


def run_of(announcement: str) -> str:
    """The run that an announcement's id belongs to; "" for none. See Turn.tell, which makes the ids."""
    scope = announcement.rsplit("-", 3)[0] if announcement.count("-") >= 3 else ""
    return "" if scope == NO_RUN else scope


def severity_of(announcement: Announcement) -> Severity:
    """How bad an announcement is."""
    if not announcement.warning:
        return Severity.INFO
    return Severity.ERROR if announcement.reason in ERRORS else Severity.WARN


def elapsed(span: Any) -> str:
    """A span of time in its two largest units."""
    seconds = max(0, int(span.total_seconds()))
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    known = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(known[:2]) or "0 s"


def number(value: float | None) -> str:
    """A measured value as people write it."""
    return "" if value is None else f"{value:.6g}"


def _status(canary: Object) -> Status:
    try:
        return load(canary.get("status"))
    except UnreadableStatus:
        return Status()


def _check(check: Check) -> CheckFacts:
    return CheckFacts(
        name=check.name,
        outcome=check.outcome.value,
        value=number(check.value),
        limit=check.limit,
        message=check.message,
    )
