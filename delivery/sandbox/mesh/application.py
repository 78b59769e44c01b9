"""What applications count themselves: requests by status, as the usual scraping of annotated pods delivers it.

Pods with the annotation `prometheus.io/scrape: "true"` show the histogram `http_request_duration_seconds`, to which the
scrape adds their namespace and name. An application does not know who asked, nor what never reached it.
"""

from collections.abc import Iterable, Iterator, Mapping

from delivery.cluster.objects import Object
from delivery.sandbox.mesh.latency import BUCKETS_MS
from delivery.sandbox.mesh.pods import Pod
from delivery.sandbox.mesh.telemetry import Labels, Sample, Series, escaped

NAME = "http_request_duration_seconds"
SCRAPED = "prometheus.io/scrape"
EDGES = (*(f"{edge / 1000:g}" for edge in BUCKETS_MS), "+Inf")


def is_scraped(body: Object) -> bool:
    """Does a pod ask to be scraped?"""
    return (body["metadata"].get("annotations") or {}).get(SCRAPED) == "true"


class Applications:
    """Makes the samples; the labels of a series are the same object from scrape to scrape."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[Labels, ...]] = {}

    def samples(self, pods: Iterable[Pod], received: Mapping[str, Iterable[Series]]) -> Iterator[Sample]:
        """Of pods that are scraped, from what reached each (by uid)."""
        kept: dict[tuple[str, str], tuple[Labels, ...]] = {}
        for pod in pods:
            if not pod.is_scraped:
                continue
            for status, series in _by_status(received.get(pod.uid, ())).items():
                rows = kept[pod.uid, status] = self._rows.get((pod.uid, status)) or _rows(pod, status)
                yield from _samples(series, rows)
        self._rows = kept


def text(samples: Iterable[Sample]) -> str:
    """The samples in Prometheus' text format; empty without any."""
    lines = [f"{each.name}{{{_text(each.labels)}}} {each.value}" for each in samples]
    return "\n".join((f"# TYPE {NAME} histogram", *lines, "")) if lines else ""


def _text(labels: Labels) -> str:
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels)


def _by_status(received: Iterable[Series]) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for each in received:
        status = dict(each.labels).get("response_code", "")
        if each.is_http and status:
            whole = found.setdefault(status, Series((), is_http=True))
            for latency, amount in each.amounts.items():
                whole.add(latency, amount)
    return found


def _rows(pod: Pod, status: str) -> tuple[Labels, ...]:
    """The labels of the buckets, then those of sum and count."""
    own = (("kubernetes_namespace", pod.namespace), ("kubernetes_pod_name", pod.name), ("status", status))
    return (*(tuple(sorted((*own, ("le", edge)))) for edge in EDGES), own)


def _samples(series: Series, rows: tuple[Labels, ...]) -> Iterator[Sample]:
    buckets, total_ms, count = series.values()
    if count:
        for labels, value in zip(rows[:-1], buckets, strict=True):
            yield Sample(f"{NAME}_bucket", labels, value)
        yield Sample(f"{NAME}_sum", rows[-1], round(total_ms / 1000, 6))
        yield Sample(f"{NAME}_count", rows[-1], count)
