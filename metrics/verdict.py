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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check, judged over one window.

    `value` is in the metric's own unit (percent for success rates, milliseconds for durations); `limit` is the
    limit in words ("min 99", "max 500"); `message` is one sentence for people and empty for a plain pass.
    `counts` is set by the traffic question only.
    """

    outcome: Outcome
    value: float | None = None
    limit: str = ""
    message: str = ""
    counts: Counts | None = None
