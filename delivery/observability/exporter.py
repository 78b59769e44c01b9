"""The controller's own metrics: Flagger's families under our prefix, and what it does not tell.

Dashboards and alerts made for Flagger work after changing the prefix, so names and labels of those families
are Flagger's, `name` being the target's. Its faults are repaired: the series of a Canary go away with it, and
the length of a tick is not taken for the length of a rollout.

A registry of our own: two controllers in one process (a simulation has many) must not share counters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics import MetricWrapperBase

from strategies.status import Past, Phase, Result, Status

PREFIX = "progressive_delivery"
ROLLOUT_BUCKETS = (30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds: a rollout takes minutes to a day."""

PROGRESSING, OTHERWISE, FAILED = 0, 1, 2
PHASES = tuple(phase for phase in Phase if phase)
STRATEGIES = ("canary", "blue-green", "ab-testing")
ANALYSES = ("completed", "skipped")
UNROUTED = frozenset({Phase.NONE, Phase.INITIALIZING})


@dataclass(slots=True)
class _Known:
    """What has been exported of one Canary."""

    target: str
    primary: str
    metrics: tuple[str, ...] = ()
    counted: frozenset[str] = field(default_factory=frozenset)


class Exporter:
    """The metrics of one controller. `mesh_provider` is what `info` names."""

    def __init__(self, *, mesh_provider: str = "istio") -> None:
        self._registry = CollectorRegistry()
        self._known: dict[tuple[str, str], _Known] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._make_flagger_families()
        self._make_own_families()
        self._info.labels(_version(), mesh_provider).set(1)

    def _make_flagger_families(self) -> None:
        self._info = self._gauge("info", "Version and mesh provider of the controller", "version", "mesh_provider")
        self._ticks = self._histogram(
            "canary_duration_seconds", "Seconds that one pass for a Canary took", "name", "namespace"
        )
        self._total = self._gauge("canary_total", "Canaries in a namespace", "namespace")
        self._status = self._gauge("canary_status", "0: progressing, 1: anything else, 2: failed", "name", "namespace")
        self._weight = self._gauge("canary_weight", "Percent of the requests", "workload", "namespace")
        self._analysis = self._gauge("canary_metric_analysis", "Last value of a metric", "name", "namespace", "metric")
        ended = ("name", "namespace", "deployment_strategy", "analysis_status")
        self._successes = self._counter("canary_successes_total", "Runs promoted", *ended)
        self._failures = self._counter("canary_failures_total", "Runs rolled back", *ended)

    def _make_own_families(self) -> None:
        self._phase = self._gauge("canary_phase", "1 for the present phase", "name", "namespace", "phase")
        self._rollouts = self._histogram(
            "rollout_duration_seconds",
            "Seconds from the start of a run to its end",
            "namespace",
            "result",
            buckets=ROLLOUT_BUCKETS,
        )
        self._requests = self._counter("api_requests_total", "Requests to the API server", "verb", "kind", "outcome")
        told = "Alerts by service; outcome: delivered, retried, unusable, refused or expired"
        self._alerts = self._counter("alerts_total", told, "service", "outcome")
        self._leader = self._gauge("leader", "1 while this process holds the Lease")
        self._leader.set(0)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS
    ) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, registry=self._registry, buckets=buckets)

    # --- what the loop tells

    def observe_status(
        self,
        namespace: str,
        name: str,
        target: str,
        status: Status,
        *,
        strategy: str = "canary",
        skipped: bool = False,
        primary: str = "",
    ) -> None:
        """A Canary's status as recorded. `strategy`: canary, blue-green or ab-testing; `primary`: the primary's name.

        Runs that had ended before the Canary was first seen by this process are not counted again. Of two
        Canaries with one target, the first one seen has the series named after the target.
        """
        known = self._known.get((namespace, name))
        primary = primary or f"{target}-primary"
        if known is not None and (known.target, known.primary) != (target, primary):
            self.remove(namespace, name)
            known = None
        past = frozenset(run.id for run in status.history)
        if known is None:
            known = self._known[namespace, name] = _Known(target, primary, counted=past)
            self._total.labels(namespace).inc()
        for phase in PHASES:
            self._phase.labels(name, namespace, phase.value).set(float(status.phase is phase))
        if self._owners.setdefault((namespace, target), name) == name:
            self._observe_target(namespace, target, status, known)
        for run in status.history:
            if run.id not in known.counted:
                self._count(namespace, target, run, strategy, "skipped" if skipped else "completed")
        known.counted = past

    def _observe_target(self, namespace: str, target: str, status: Status, known: _Known) -> None:
        value = {Phase.PROGRESSING: PROGRESSING, Phase.FAILED: FAILED}.get(status.phase, OTHERWISE)
        self._status.labels(target, namespace).set(value)
        if status.phase not in UNROUTED:
            self._weight.labels(target, namespace).set(status.canary_weight)
            self._weight.labels(known.primary, namespace).set(100 - status.canary_weight)
        values = {check.name: check.value for check in status.checks if check.value is not None}
        for gone in known.metrics:
            if gone not in values:
                _forget(self._analysis, target, namespace, gone)
        for metric, measured in values.items():
            self._analysis.labels(target, namespace, metric).set(measured)
        known.metrics = tuple(values)

    def _count(self, namespace: str, target: str, run: Past, strategy: str, analysis: str) -> None:
        seconds = max(0.0, (run.ended - run.started).total_seconds())
        self._rollouts.labels(namespace, run.result.value).observe(seconds)
        if run.result is Result.PROMOTED:
            self._successes.labels(target, namespace, strategy, analysis).inc()
        elif run.result is Result.ROLLED_BACK:
            self._failures.labels(target, namespace, strategy, analysis).inc()

    def observe_tick(self, namespace: str, target: str, seconds: float) -> None:
        """How long one pass of the loop took."""
        self._ticks.labels(target, namespace).observe(seconds)

    def remove(self, namespace: str, name: str) -> None:
        """The Canary is gone, and its series with it. Harmless for one that was never seen."""
        known = self._known.pop((namespace, name), None)
        if known is None:
            return
        for phase in PHASES:
            _forget(self._phase, name, namespace, phase.value)
        self._total.labels(namespace).dec()
        if not any(space == namespace for space, _ in self._known):
            _forget(self._total, namespace)
        if self._owners.get((namespace, known.target)) == name:
            del self._owners[namespace, known.target]
            self._remove_target(namespace, known)

    def _remove_target(self, namespace: str, known: _Known) -> None:
        target = known.target
        for metric in known.metrics:
            _forget(self._analysis, target, namespace, metric)
        for family in (self._ticks, self._status, self._weight):
            _forget(family, target, namespace)
        _forget(self._weight, known.primary, namespace)
        for strategy, analysis in product(STRATEGIES, ANALYSES):
            _forget(self._successes, target, namespace, strategy, analysis)
            _forget(self._failures, target, namespace, strategy, analysis)

    def count_request(self, verb: str, kind: str, outcome: str) -> None:
        """A request to the API server. `outcome`: ok, or the name of the error in lower case."""
        self._requests.labels(verb, kind, outcome).inc()

    def count_alert(self, service: str, outcome: str) -> None:
        """An alert went out, or did not: retried and unusable ones come again, refused and expired ones are lost."""
        self._alerts.labels(service, outcome).inc()

    def watch_alerts(self, *, pending: Callable[[], float]) -> None:
        """Ask at each scrape how many announcements alert services are still to be told. To be called once."""
        self._gauge("alerts_pending", "Announcements that an alert service is still to be told").set_function(pending)

    def set_leader(self, leader: bool) -> None:
        """Whether this process holds the Lease."""
        self._leader.set(float(leader))

    def watch_queue(self, *, depth: Callable[[], float], oldest_seconds: Callable[[], float]) -> None:
        """Ask the work queue at each scrape. To be called once."""
        self._gauge("queue_depth", "Canaries that wait for a worker").set_function(depth)
        oldest = self._gauge("queue_oldest_seconds", "How long the first of them has waited")
        oldest.set_function(oldest_seconds)

    def watch_restarts(self, part: str, restarts: Callable[[], float]) -> None:
        """Ask a supervised part at each scrape how often it was started again. To be called once a part."""
        gauge = self._gauge(f"{part}_restarts", f"How often the {part} was started again")
        gauge.set_function(restarts)

    # --- what Prometheus reads

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _forget(family: MetricWrapperBase, *labels: str) -> None:
    try:
        family.remove(*labels)
    except KeyError:
        return  # never set: nothing to forget


def _version() -> str:
    try:
        return version("progressive-delivery")
    except PackageNotFoundError:
        return "unknown"
