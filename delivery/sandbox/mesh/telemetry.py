"""The numbers that proxies keep: Istio's standard metrics, per pod, gone with the pod.

Amounts are fractions of requests; what is shown is whole, and a series appears with its first whole request. Labels:
Istio, "Standard Metrics"; `pod` and `namespace` are those of the proxy that reports, as a scrape adds them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import repeat
from typing import NamedTuple, cast

from delivery.sandbox.mesh.behaviour import Answer
from delivery.sandbox.mesh.latency import BUCKETS_MS, Latency, in_buckets, mean_ms
from delivery.sandbox.mesh.load import Load
from delivery.sandbox.mesh.pods import Pod

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_milliseconds"
OPENED = "istio_tcp_connections_opened_total"
TYPES = ((REQUESTS, "counter"), (DURATION, "histogram"), (OPENED, "counter"))

WHOLE = 1e-6
"""What may be missing to a whole request by rounding."""

EDGES = tuple(f"{edge:g}" for edge in BUCKETS_MS)
UNKNOWN = "unknown"
INGRESS = ("istio-ingressgateway", "istio-system", "istio-ingressgateway-service-account")

Labels = tuple[tuple[str, str], ...]
To = tuple[str, str]
"""A destination service: namespace, name."""


class Sample(NamedTuple):
    """One sample of one series. `labels` are sorted by name, without the metric's own; the tuple is the same object
    from scrape to scrape.
    """

    name: str
    labels: Labels
    value: float


_SAMPLE = cast("Callable[[tuple[str, Labels, float]], Sample]", partial(tuple.__new__, Sample))
"""`Sample._make`, without a call of Python for each of tens of thousands."""


class Series:
    """The numbers for one set of labels."""

    __slots__ = ("_rows", "_text", "amounts", "is_http", "labels")

    def __init__(self, labels: Labels, *, is_http: bool) -> None:
        self.labels = labels
        self.is_http = is_http
        self.amounts: dict[Latency, float] = {}
        self._text: tuple[str, ...] = ()
        self._rows: tuple[Labels, ...] = ()

    def add(self, latency: Latency, amount: float) -> None:
        """So many requests more that took so long."""
        self.amounts[latency] = self.amounts.get(latency, 0.0) + amount

    @property
    def requests(self) -> int:
        """Whole requests."""
        return int(sum(self.amounts.values()) + WHOLE)

    def values(self) -> tuple[list[int], float, int]:
        """Cumulative buckets (the last is +Inf), the sum in milliseconds, and the count."""
        amounts = self.amounts
        if len(amounts) == 1:
            ((latency, amount),) = amounts.items()
            sums: Iterable[float] = [amount * share for share in in_buckets(latency)]
            total_ms = amount * mean_ms(latency)
        else:
            weighed = [[amount * share for share in in_buckets(latency)] for latency, amount in amounts.items()]
            sums = map(sum, zip(*weighed, strict=True))
            amount = sum(amounts.values())
            total_ms = sum(each * mean_ms(latency) for latency, each in amounts.items())
        count = int(amount + WHOLE)
        return [*(int(each + WHOLE) for each in sums), count], total_ms, count

    def label_rows(self) -> tuple[Labels, ...]:
        """The labels of each bucket's series."""
        if not self._rows:
            self._rows = tuple(tuple(sorted((*self.labels, ("le", edge)))) for edge in (*EDGES, "+Inf"))
        return self._rows

    def texts(self) -> tuple[str, ...]:
        """The names and labels of all its samples as the text format has them: requests, buckets, sum, count."""
        if not self._text:
            inner = ",".join(f'{name}="{escaped(value)}"' for name, value in self.labels)
            buckets = (f'{DURATION}_bucket{{{inner},le="{edge}"}} ' for edge in (*EDGES, "+Inf"))
            whole = f"{{{inner}}} "
            self._text = (
                (REQUESTS if self.is_http else OPENED) + whole,
                *buckets,
                f"{DURATION}_sum{whole}",
                f"{DURATION}_count{whole}",
            )
        return self._text


class Telemetry:
    """All series of the mesh. Callers' proxies live as long as the mesh, pods' series as long as the pod."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._found: dict[tuple[Load, str, str, To, Answer], Series] = {}
        self._callers: dict[Labels, Series] = {}
        self._receivers: dict[str, dict[Labels, Series]] = {}

    def at_caller(self, load: Load, pod: Pod | None, to: To, answer: Answer) -> Series:
        """The caller's series for requests that ended like this; without a pod the workload is unknown."""
        key = (load, "source", pod.uid if pod else "", to, answer)
        series = self._found.get(key)
        if series is None:
            labels = self._labels(load, pod, to, answer, "source")
            series = self._found[key] = self._callers.setdefault(labels, Series(labels, is_http=load.is_http))
        return series

    def at_pod(self, load: Load, pod: Pod, to: To, answer: Answer) -> Series:
        """The series of the pod's own proxy."""
        key = (load, "destination", pod.uid, to, answer)
        series = self._found.get(key)
        if series is None:
            labels = self._labels(load, pod, to, answer, "destination")
            kept = self._receivers.setdefault(pod.uid, {})
            series = self._found[key] = kept.setdefault(labels, Series(labels, is_http=load.is_http))
        return series

    def forget(self, uid: str) -> None:
        """A pod is gone, and its numbers with it."""
        self._receivers.pop(uid, None)
        self._found = {key: series for key, series in self._found.items() if key[2] != uid}

    def all(self) -> Iterator[Series]:
        """Every series that has counted anything."""
        yield from self._callers.values()
        for kept in self._receivers.values():
            yield from kept.values()

    @property
    def received(self) -> Mapping[str, Iterable[Series]]:
        """The series of each pod's own proxy, by the pod's uid."""
        return {uid: kept.values() for uid, kept in self._receivers.items()}

    def _labels(self, load: Load, pod: Pod | None, to: To, answer: Answer, reporter: str) -> Labels:
        source, namespace, account = load.source, load.client_namespace, load.source
        if load.gateway:
            source, namespace, account = INGRESS
        given = {
            "reporter": reporter,
            "source_workload": source,
            "source_workload_namespace": namespace,
            "source_principal": f"spiffe://{self._domain}/ns/{namespace}/sa/{account}",
            "source_app": source,
            "source_version": load.version,
            "source_canonical_service": source,
            "source_canonical_revision": load.version,
            "source_cluster": "Kubernetes",
            **self._to_pod(pod),
            "destination_service": f"{to[1]}.{to[0]}.svc.{self._domain}" if to[0] else to[1],
            "destination_service_name": to[1],
            "destination_service_namespace": to[0] or UNKNOWN,
            "destination_cluster": "Kubernetes" if pod else UNKNOWN,
            "request_protocol": load.protocol if load.is_http else "tcp",
            "response_flags": answer.flags,
            "connection_security_policy": "mutual_tls" if reporter == "destination" else UNKNOWN,
            "pod": pod.name if pod and reporter == "destination" else f"{source}-1",
            "namespace": pod.namespace if pod and reporter == "destination" else namespace,
        }
        if load.is_http:
            given["response_code"] = str(answer.code)
        if load.protocol == "grpc" and answer.grpc is not None:
            given["grpc_response_status"] = str(answer.grpc)
        return tuple(sorted(given.items()))

    def _to_pod(self, pod: Pod | None) -> dict[str, str]:
        if pod is None:
            names = ("workload", "workload_namespace", "principal", "app", "version")
            unknown = {f"destination_{name}": UNKNOWN for name in names}
            return {**unknown, "destination_canonical_service": UNKNOWN, "destination_canonical_revision": "latest"}
        app = pod.labels.get("app", UNKNOWN)
        version = pod.labels.get("version", UNKNOWN)
        canonical = pod.labels.get("service.istio.io/canonical-name") or pod.labels.get("app") or pod.workload
        return {
            "destination_workload": pod.workload,
            "destination_workload_namespace": pod.namespace,
            "destination_principal": f"spiffe://{self._domain}/ns/{pod.namespace}/sa/{pod.account}",
            "destination_app": app,
            "destination_version": version,
            "destination_canonical_service": canonical,
            "destination_canonical_revision": pod.labels.get("version", "latest"),
        }


def samples(series: Iterable[Series]) -> Iterator[Sample]:
    """All samples, without text in between."""
    for one in series:
        buckets, total_ms, count = one.values()
        if not count:
            continue
        yield Sample(REQUESTS if one.is_http else OPENED, one.labels, count)
        if one.is_http:
            yield from map(_SAMPLE, zip(repeat(f"{DURATION}_bucket"), one.label_rows(), buckets, strict=False))
            yield Sample(f"{DURATION}_sum", one.labels, round(total_ms, 3))
            yield Sample(f"{DURATION}_count", one.labels, count)


def exposition(series: Iterable[Series]) -> str:
    """All samples in Prometheus' text format, each metric in one piece."""
    requests, durations, connections = [], [], []
    for one in series:
        buckets, total_ms, count = one.values()
        if not count:
            continue
        texts = one.texts()
        if not one.is_http:
            connections.append(f"{texts[0]}{count}")
            continue
        requests.append(f"{texts[0]}{count}")
        durations += [f"{text}{value}" for text, value in zip(texts[1:-2], buckets, strict=True)]
        durations += (f"{texts[-2]}{total_ms:.3f}", f"{texts[-1]}{count}")
    lines: list[str] = []
    for (name, kind), rows in zip(TYPES, (requests, durations, connections), strict=True):
        if rows:
            lines += (f"# TYPE {name} {kind}", *rows)
    return "\n".join(lines) + "\n"


def escaped(value: str) -> str:
    """A label's value as the text format has it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
