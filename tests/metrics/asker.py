"""The analyst as the stories of this room ask it: one namespace, one minute, one real Prometheus."""

from metrics.analysis import Analyst
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Subject
from metrics.verdict import Verdict
from tests.metrics.conftest import NOON, subject_in, window_of

MINUTE = window_of(60, ending=NOON)


class Asker:
    """The analyst, with this test's namespace and the real Prometheus filled in."""

    def __init__(self, analyst: Analyst, namespace: str, server: str) -> None:
        self.analyst, self.subject, self.server = analyst, subject_in(namespace), server

    async def rate(self, minimum: float = 99, subject: Subject | None = None) -> Verdict:
        spec = MetricSpec(name=SUCCESS_RATE, minimum=minimum)
        return await self.analyst.metric(spec, subject or self.subject, MINUTE, server=self.server)

    async def p99(self, maximum: float = 500) -> Verdict:
        spec = MetricSpec(name=DURATION, maximum=maximum)
        return await self.analyst.metric(spec, self.subject, MINUTE, server=self.server)

    async def custom(self, query: str, **limits: float) -> Verdict:
        spec = MetricSpec(name="mine", query=query, **limits)
        return await self.analyst.metric(spec, self.subject, MINUTE, server=self.server)

    async def traffic(self, subject: Subject | None = None) -> Verdict:
        return await self.analyst.traffic(subject or self.subject, MINUTE, server=self.server)

    async def drained(self) -> Verdict:
        return await self.analyst.drained(self.subject, MINUTE, server=self.server)
