"""A world with a Prometheus: the controller's own analyst puts its own queries to what was scraped of the mesh.

Elsewhere in the simulation somebody who knows how good each version is answers. Here nobody knows: proxies count, are
scraped each second of virtual time, and questions wait for each other before they are asked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from delivery.cluster.memory.handles import INSTANCE
from delivery.sandbox.promql.embedded import EmbeddedPrometheus
from delivery.sandbox.promql.engine import Evaluation
from delivery.sandbox.promql.grammar import parse
from delivery.sandbox.promql.labels import NAME
from metrics.analysis import Analyst
from metrics.providers import Query, QueryError, Sample, Samples
from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Verdict
from tests.simulation.simulation import Simulation

ERROR_SHARE = "sandbox.progressive.delivery/error-share"
WAIT = 1.0
DURATION: dict[str, Any] = {
    "name": "request-duration",
    "interval": "10s",
    "thresholdRange": {"max": 500},
    "warmupSeconds": 0,
}


class Prometheus:
    """Scrapes each second, and answers what a real one would, after a while that the seed decides."""

    def __init__(self, sim: Simulation) -> None:
        self.asked: list[tuple[float, Query]] = []
        self._sim = sim
        self._server = EmbeddedPrometheus(sim.promises.mesh_samples, interval=1.0, clock=sim.clock)
        self._scrape()

    def _scrape(self) -> None:
        self._server.scrape()
        self._sim.loop.call_later(1.0, self._scrape, context=self._sim.loop.world)

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """As a provider."""
        moment = round(at.timestamp() * 1000)
        self.asked += [(self._sim.loop.time(), query) for query in queries]
        answers = {query: self._value(query, moment) for query in queries}
        await asyncio.sleep(self._sim.rng.uniform(0.0, 0.5))
        return answers

    def _value(self, query: Query, at: int) -> Samples:
        found = Evaluation(self._server.storage, at, at, lambda: None).vector(parse(query), at)
        return tuple(Sample(value, {name: text for name, text in labels if name != NAME}) for labels, value in found)


class PerProcess:
    """Each controller process has an analyst of its own, which is gone with it."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._analysts: dict[str, Analyst] = {}

    async def metric(self, spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        return await self._own.metric(spec, subject, window, server=server)

    async def compared(
        self, spec: MetricSpec, subject: Subject, window: Window, *, number: int, memory: str, server: str
    ) -> Verdict:
        return await self._own.compared(spec, subject, window, number=number, memory=memory, server=server)

    async def traffic(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        return await self._own.traffic(subject, window, server=server)

    async def drained(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        return await self._own.drained(subject, window, server=server)

    @property
    def _own(self) -> Analyst:
        return self._analysts.setdefault(INSTANCE.get(), Analyst(lambda _: self._prometheus, wait=WAIT))


class Measured(Simulation):
    """A world in which versions are as good as their requests."""

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.prometheus = Prometheus(self)
        self.analyst = PerProcess(self.prometheus)  # type: ignore[assignment]  # nobody here changes its answers

    def _workload(self, *version: str, quality: str = "good", **options: Any) -> dict[str, Any]:
        body = super()._workload(*version, quality=quality, **options)
        share = "0.3" if quality == "bad" else "0"
        body["spec"]["template"]["metadata"]["annotations"][ERROR_SHARE] = share
        return body
