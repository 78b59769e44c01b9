"""Answers of a world in which everything is well, so that a plan shows what a good release meets."""

from collections.abc import Callable

from metrics.spec import Counted, MetricSpec, Subject, Window
from metrics.verdict import Counts, Outcome, Verdict

REQUESTS = 1000
"""In a window, of both versions together: enough for every limit on their number that is not absurd."""


class Agreeing:
    """An Analyst to whom every window passes. `weight` says what percent of users meets the canary now."""

    def __init__(self, weight: Callable[[], int]) -> None:
        self._weight = weight

    async def metric(self, spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        """See Analyst."""
        return Verdict(Outcome.PASS, limit=spec.limit)

    async def compared(
        self, spec: MetricSpec, subject: Subject, window: Window, *, number: int, memory: str, server: str
    ) -> Verdict:
        """See Analyst. What was learned is kept as it is: nothing new was seen."""
        return Verdict(Outcome.PASS, limit=spec.limit, memory=memory)

    async def traffic(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """See Analyst."""
        if subject.counted is Counted.BY_APPLICATION:
            return Verdict(Outcome.INCONCLUSIVE)
        canary = REQUESTS * self._weight() // 100
        return Verdict(Outcome.PASS, counts=Counts(canary=canary, primary=REQUESTS - canary, expected=REQUESTS))

    async def drained(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """See Analyst."""
        return Verdict(Outcome.PASS)
