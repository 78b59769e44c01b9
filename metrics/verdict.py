"""What a check says, and nothing about how it came to say it.

Four outcomes instead of two: a rollout that cannot be measured is neither good nor bad, so "too little data" and
"could not be asked" are outcomes of their own and can hold a rollout without failing it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The four things that a check can say."""

    PASS = "pass"  # noqa: S105 - the field's word, no secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # too little data to tell
    ERROR = "error"  # could not be measured


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests in one window, as the mesh counted them.

    `canary` and `primary` are requests that reached a pod of the role; `expected` is how many requests the
    callers sent towards the service in all, reached or not (never less than canary + primary).
    """

    canary: float
    primary: float
    expected: float

    @property
    def share(self) -> float | None:
        """The canary's share of the requests that reached a pod, in percent; None without requests."""
        total = self.canary + self.primary
        return 100.0 * self.canary / total if total > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The numbers that a comparison with the primary rests on, counted over all windows of the run that it used.

    `bad` are the requests that failed or, with an `edge` in milliseconds, those that took longer than it. `strength` is
    how many times better the counts fit a worse canary than one within the margin (an E-value, at least 0); the
    canary fails at `needed` (above 1). `missing`: about how many more requests to the canary would show that it is not
    worse; None if that is shown, or cannot be foreseen. `load` is a canary pod's requests for each one of a primary
    pod's; None if pods are unknown. `changed_by` says in one clause what would have changed the verdict; "" if nothing
    would.
    """

    canary_requests: float
    canary_bad: float
    primary_requests: float
    primary_bad: float
    strength: float
    needed: float
    edge: float | None = None
    missing: float | None = None
    load: float | None = None
    changed_by: str = ""

    @property
    def canary_percent(self) -> float | None:
        """Bad requests of the canary, 0..100; None without requests."""
        return 100.0 * self.canary_bad / self.canary_requests if self.canary_requests > 0 else None

    @property
    def primary_percent(self) -> float | None:
        """Bad requests of the primary, 0..100; None without requests."""
        return 100.0 * self.primary_bad / self.primary_requests if self.primary_requests > 0 else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check, judged over one window.

    `value` is in the metric's own unit (percent for success rates, milliseconds for durations); `limit` is the
    limit in words ("min 99", "max 500"); `message` is one sentence for people and empty for a plain pass.
    `counts` is set by the traffic question only. `memory` is what a judge remembers after this window, an opaque text
    that whoever takes the verdict records and hands back with the next question; "" from judges without memory.
    `evidence` is set by comparisons with the primary only.
    """

    outcome: Outcome
    value: float | None = None
    limit: str = ""
    message: str = ""
    counts: Counts | None = None
    memory: str = ""
    evidence: Evidence | None = None
