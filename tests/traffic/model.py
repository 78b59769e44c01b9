"""The traffic model: requests that follow the routes to pods, and the numbers that the mesh keeps of them.

Pure and deterministic: no clock, no network, no randomness. Who uses it says how the mesh looks and how much time has
passed; it answers with what Istio's proxies would show to Prometheus. The same model stands behind a real control
plane (tests.traffic.exporter), and whatever else needs a mesh that answers to its VirtualServices.

    traffic = TrafficModel([Load("test", "reviews", per_second=50)])
    traffic.advance(topology, seconds=1.0)
    traffic.exposition()
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.traffic.behaviour import Carry, Histogram, Quantiles
from tests.traffic.topology import Destination, Pod, Topology

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_milliseconds"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that somebody keeps sending to a service; `source` is the caller's workload, in the same namespace."""

    namespace: str
    service: str
    per_second: float
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = "productpage"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `flags` are Envoy's response flags; no pod: it was lost on the way."""

    code: int
    flags: str
    milliseconds: float
    pod: Pod | None


@dataclass(slots=True)
class _Series:
    """The numbers that one proxy keeps for one set of labels."""

    requests: int = 0
    durations: Histogram = field(default_factory=Histogram)

    def count(self, milliseconds: float) -> None:
        self.requests += 1
        self.durations.observe(milliseconds)


@dataclass(slots=True)
class _PodState:
    failures: Carry = field(default_factory=Carry)
    quantiles: Quantiles = field(default_factory=Quantiles)


class TrafficModel:
    """Accumulates requests. `loads` may be changed between two calls of `advance`."""

    def __init__(self, loads: Iterable[Load] = ()) -> None:
        self.loads: list[Load] = list(loads)
        self._arrivals: dict[Load, Carry] = {}
        self._credits: dict[tuple[Load, Destination], float] = {}
        self._turns: dict[tuple[str, str], int] = {}
        self._pods: dict[str, _PodState] = {}
        self._callers: dict[Labels, _Series] = {}
        self._receivers: dict[str, dict[Labels, _Series]] = {}

    def advance(self, topology: Topology, *, seconds: float) -> None:
        """Let `seconds` pass in a mesh that looks like this all the while. Numbers of vanished pods vanish."""
        present = {pod.uid for pod in topology.pods}
        for uid in self._pods.keys() - present:
            del self._pods[uid]
            self._receivers.pop(uid, None)
        for load in self.loads:
            due = self._arrivals.setdefault(load, Carry()).take(load.per_second * seconds)
            for _ in range(due):
                self._request(topology, load)

    def requests(self, **labels: str) -> int:
        """Requests counted so far in all series that carry these labels (`reporter` should be one of them)."""
        wanted = set(labels.items())
        return sum(series.requests for key, series in self._all() if wanted <= set(key))

    def exposition(self) -> str:
        """All series in Prometheus' text format."""
        rows = list(self._all())
        lines = [f"# TYPE {REQUESTS} counter"]
        lines += [f"{REQUESTS}{_braces(key)} {series.requests}" for key, series in rows]
        lines.append(f"# TYPE {DURATION} histogram")
        for key, series in rows:
            lines += [
                f"{DURATION}_bucket{_braces((*key, ('le', edge)))} {count}"
                for edge, count in series.durations.cumulative()
            ]
            lines.append(f"{DURATION}_sum{_braces(key)} {series.durations.total_ms:.3f}")
            lines.append(f"{DURATION}_count{_braces(key)} {series.durations.count}")
        return "\n".join(lines) + "\n"

    def _all(self) -> Iterable[tuple[Labels, _Series]]:
        yield from self._callers.items()
        for series in self._receivers.values():
            yield from series.items()

    def _request(self, topology: Topology, load: Load) -> None:
        destination = self._choose(load, topology.destinations(load.namespace, load.service, load.headers))
        outcome = self._send(topology, destination)
        labels = _labels(load, destination, outcome)
        caller = (*labels, ("reporter", "source"), ("pod", f"{load.source}-1"), ("namespace", load.namespace))
        self._callers.setdefault(caller, _Series()).count(outcome.milliseconds)
        if (pod := outcome.pod) is not None:
            receiver = (*labels, ("reporter", "destination"), ("pod", pod.name), ("namespace", pod.namespace))
            kept = self._receivers.setdefault(pod.uid, {})
            kept.setdefault(receiver, _Series()).count(outcome.milliseconds)

    def _choose(self, load: Load, destinations: tuple[Destination, ...]) -> Destination | None:
        """Smooth weighted round robin: every stretch of requests holds each destination's share of them."""
        total = sum(one.weight for one in destinations)
        if not total:
            return None
        credit = self._credits
        open_ones = [one for one in destinations if one.weight]
        for one in open_ones:
            credit[load, one] = credit.get((load, one), 0.0) + one.weight / total
        chosen = max(open_ones, key=lambda one: credit[load, one])
        credit[load, chosen] -= 1.0
        return chosen

    def _send(self, topology: Topology, destination: Destination | None) -> Outcome:
        if destination is None:
            return Outcome(404, "NR", 0.1, None)
        pods = topology.endpoints(destination)
        if pods is None:
            return Outcome(503, "NC", 0.1, None)
        if not pods:
            return Outcome(503, "UH", 0.1, None)
        key = (destination.namespace, destination.service)
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        return self._serve(pods[turn % len(pods)])

    def _serve(self, pod: Pod) -> Outcome:
        state = self._pods.setdefault(pod.uid, _PodState())
        failed = state.failures.take(pod.behaviour.errors)
        return Outcome(500 if failed else 200, "-", pod.behaviour.latency(state.quantiles.next()), pod)


def _labels(load: Load, destination: Destination | None, outcome: Outcome) -> Labels:
    """Istio's standard labels, the same on both sides: a lost request has no workload but keeps its service."""
    pod = outcome.pod
    namespace = destination.namespace if destination else load.namespace
    service = destination.service if destination else load.service
    return (
        ("source_workload", load.source),
        ("source_workload_namespace", load.namespace),
        ("destination_workload", pod.workload if pod else "unknown"),
        ("destination_workload_namespace", pod.namespace if pod else "unknown"),
        ("destination_service", f"{service}.{namespace}.svc.cluster.local"),
        ("destination_service_name", service),
        ("destination_service_namespace", namespace),
        ("request_protocol", "http"),
        ("response_code", str(outcome.code)),
        ("response_flags", outcome.flags),
    )


def _braces(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
