"""What a check says, and nothing about how it came to say it.

Four outcomes instead of two: a rollout that cannot be measured is neither good nor bad, so "too little data" and
"could not be asked" are outcomes of their own and can hold a rollout without failing it.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import floor, log10
from typing import NamedTuple

MEMORY_BYTES = 1250
"""The most that a judge may remember of one check, encoded in UTF-8: it travels with every status of a run."""

MEMORIES_BYTES = 1500
"""The most that all checks of a Canary together may: one comparison of latencies and one of failures, or six of those.
"""


class Outcome(StrEnum):
    """The four things that a check can say."""

    PASS = "pass"  # noqa: S105 - the field's word, no secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # too little data to tell
    ERROR = "error"  # could not be measured


class Counts(NamedTuple):
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


@dataclass(frozen=True, kw_only=True)  # no slots: it is copied often
class Evidence:
    """The numbers that a verdict rests on. A comparison with the primary counts over all windows that it used.

    `bad` are the requests that failed or, with an `edge` in milliseconds, those that took longer than it, which is an
    edge of the histogram's buckets: nothing finer is known. The primary's are None where it was not counted.
    `changed_by` says in one clause what would have changed the verdict; "" if nothing would, or nothing is known.
    `noun` is what was counted, in the plural; None for requests.

    Of comparisons only, else None: `strength` is how many times better the counts fit a worse canary than one within
    the margin (an E-value, at least 0); the canary fails at `needed` (above 1). `missing`: about how many more requests
    to the canary would show that it is not worse; None if that is shown, or cannot be foreseen. `load` is a canary
    pod's requests for each one of a primary pod's; None if pods are unknown.
    """

    canary_requests: float
    canary_bad: float
    primary_requests: float | None = None
    primary_bad: float | None = None
    strength: float | None = None
    needed: float | None = None
    edge: float | None = None
    missing: float | None = None
    load: float | None = None
    changed_by: str = ""
    noun: str | None = None

    @property
    def canary_percent(self) -> float | None:
        """Bad requests of the canary, 0..100; None without requests."""
        return _percent(self.canary_bad, self.canary_requests)

    @property
    def primary_percent(self) -> float | None:
        """Bad requests of the primary, 0..100; None without requests."""
        return _percent(self.primary_bad, self.primary_requests)

    @property
    def sentence(self) -> str:
        """The numbers as people say them.

        "57 of 1,204 requests failed (4.7 %) against 11 of 4,790 (0.23 %) on the primary".
        """
        what = "failed" if self.edge is None else f"took longer than {self.edge:,.6g} ms"
        every = f"{self.canary_requests:,.0f} {self.noun or 'requests'}"
        mine = f"{self.canary_bad:,.0f} of {every} {what}{_share(self.canary_percent)}"
        if self.primary_requests is None or self.primary_bad is None:
            return mine
        theirs = f"{self.primary_bad:,.0f} of {self.primary_requests:,.0f}{_share(self.primary_percent)}"
        return f"{mine} against {theirs} on the primary"


def _percent(bad: float | None, requests: float | None) -> float | None:
    return 100.0 * bad / requests if requests is not None and bad is not None and requests > 0 else None


def _share(percent: float | None) -> str:
    return f" ({rate(percent)} %)" if percent is not None else ""


def rate(percent: float) -> str:
    """A percentage for people: two significant digits of its distance to 0 or 100, whichever is nearer.

    0.23, 4.7, 47, 99.96: so what is not quite nothing or everything never reads as if it were.
    """
    if not 0.0 < percent < 100.0:
        return f"{percent:.0f}"
    digits = max(0, 1 - floor(log10(min(percent, 100.0 - percent))))
    text = f"{percent:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


class Verdict(NamedTuple):
    """One check, judged over one window.

    `value` is in the metric's own unit (percent for success rates, milliseconds for durations); `limit` is the
    limit in words ("min 99", "max 500"); `message` is one sentence for people and empty for a plain pass.
    `counts` is set by the traffic question only. `memory` is what a judge remembers after this window, an opaque text
    of at most MEMORY_BYTES that whoever takes the verdict records and hands back with the next question; "" from judges
    without memory. `evidence` are the numbers behind it, where requests were counted.
    """

    outcome: Outcome
    value: float | None = None
    limit: str = ""
    message: str = ""
    counts: Counts | None = None
    memory: str = ""
    evidence: Evidence | None = None

    @property
    def undecided(self) -> bool:
        """Were there requests, but too few to tell? Inconclusive without any is no data at all."""
        some = self.evidence is not None and self.evidence.canary_requests > 0
        return self.outcome is Outcome.INCONCLUSIVE and some

    @property
    def proven(self) -> bool:
        """Does a comparison over all windows so far show the failure? Then it needs no other window to agree with."""
        numbers = self.evidence
        if self.outcome is not Outcome.FAIL or numbers is None or numbers.strength is None or numbers.needed is None:
            return False
        return numbers.strength >= numbers.needed
