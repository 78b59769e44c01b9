"""From what was scraped to counts in disjoint windows, per pod.

A comparison needs whole numbers that add up: each request in exactly one window. PromQL's increase() extrapolates,
loses the first sample of a new series and tells nothing of pods, so counters are differenced here, from the last sample
at or before the window's start to the last one within it. A counter that fell was reset and counts from 0; so does a
series that is new, if Prometheus was looking before it appeared: else its whole past would fall into one window. What a
gap in scraping hides comes to the window in which it is seen.

Label meanings: Istio, "Standard Metrics".
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from metrics.counters import Part
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.providers.base import Matrix, Point, Series
from metrics.spec import Window

GRPC_FAILURES = frozenset({"2", "4", "13", "14", "15"})
"""gRPC codes that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS."""

POD_LABELS = ("pod", "kubernetes_pod_name", "pod_name", "instance")
"""Where a series says whose pod it is, by how Prometheus was set up; the first that is there."""

HUNG_UP = "0"
UPGRADED = "101"

_at = attrgetter("at")


def failures(
    number: int,
    window: Window,
    *,
    primary: Matrix,
    canary: Matrix,
    looking_since: float,
    grpc_failures: frozenset[str] = GRPC_FAILURES,
) -> WindowCounts:
    """Requests and failures of both roles in a window, of `istio_requests_total`.

    `number` is the window's in its run. A failure is a 5xx or a gRPC status of `grpc_failures`; code 0 is mostly a
    client that hung up and is on neither side. `looking_since` is what the function of that name says. The series have
    to reach back to before the window, at least by the longest gap in scraping that is to be bridged.
    """

    def role(series: Matrix) -> RoleCounts:
        pods: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for each in series:
            code = each.labels.get("response_code", "")
            if code == HUNG_UP:
                continue
            grown = increase(each, window, looking_since)
            failed = code.startswith("5") or each.labels.get("grpc_response_status", "") in grpc_failures
            pod = pods[pod_of(each.labels)]
            pod[0] += grown
            pod[1] += grown * failed
        return _role({name: (requests, (bad,)) for name, (requests, bad) in pods.items()}, kinds=1)

    return WindowCounts(number, role(primary), role(canary))


def of_parts(
    number: int,
    window: Window,
    *,
    primary: Mapping[Part, Matrix],
    canary: Mapping[Part, Matrix],
    looking_since: float,
    pod_label: str = "",
) -> WindowCounts:
    """What counters of somebody's own say of both roles in a window: each role's requests, and those of them that
    failed or succeeded; all else as `failures`. Series of one pod add up. `pod_label` as `pod_of` has it.
    """

    def role(parts: Mapping[Part, Matrix]) -> RoleCounts:
        grown = {part: _by_pod(series, window, looking_since, pod_label) for part, series in parts.items()}
        requests, failed = grown[Part.REQUESTS], grown.get(Part.FAILURES)
        pods: dict[str, tuple[float, tuple[float, ...]]] = {}
        for name, every in requests.items():
            # Counters that are not raised at one instant are a request apart between two scrapes.
            bad = every - grown[Part.SUCCESSES].get(name, 0.0) if failed is None else failed.get(name, 0.0)
            pods[name] = every, (min(max(bad, 0.0), every),)
        return _role(pods, kinds=1)

    return WindowCounts(number, role(primary), role(canary))


def _by_pod(series: Matrix, window: Window, looking_since: float, pod_label: str) -> dict[str, float]:
    grown: dict[str, float] = defaultdict(float)
    for each in series:
        grown[pod_of(each.labels, pod_label)] += increase(each, window, looking_since)
    return grown


def slow(
    number: int,
    window: Window,
    *,
    primary: Matrix,
    canary: Matrix,
    looking_since: float,
    left_out: Collection[str] = (HUNG_UP, UPGRADED),
    pod_label: str = "",
    edge_ms: float = 1.0,
) -> WindowCounts:
    """Requests of both roles in a window and how many took longer than each bucket edge (in milliseconds) of both.

    Of `istio_request_duration_milliseconds_bucket`, or of another histogram whose `le` counts `edge_ms` milliseconds
    each. Upgraded connections (code 101) last as long as their user stays and hang-ups (code 0) as long as the user's
    patience: both are `left_out`. An edge counts only if every pod has it. `pod_label` as `pod_of` has it. Raises
    ValueError, with a sentence for people, if the roles have requests and no edge in common.
    """
    kept = [tuple(s for s in role if s.labels.get("response_code", "") not in left_out) for role in (primary, canary)]
    roles = [_histograms(each, window, looking_since, pod_label, edge_ms) for each in kept]
    edges = sorted(_common(histogram for role in roles for histogram in role.values()))
    if not edges:
        if all(roles):
            raise ValueError("the histograms of primary and canary have no bucket edge in common; give both the same")
        return WindowCounts(number, _role({}, kinds=1), _role({}, kinds=1))

    def counted(histogram: dict[float, float]) -> tuple[float, tuple[float, ...]]:
        requests = histogram[math.inf]
        return requests, tuple(min(max(requests - histogram[edge], 0.0), requests) for edge in edges)

    first, second = ({name: counted(each) for name, each in role.items()} for role in roles)
    return WindowCounts(number, _role(first, kinds=len(edges)), _role(second, kinds=len(edges)), tuple(edges))


def looking_since(series: Iterable[Series], *, scrape_seconds: float) -> float:
    """Since when Prometheus certainly looks at all pods, in seconds since 1970: the first scrape of any series and one
    scrape interval. `series` are all that were asked for, best with `up`. Infinite without any.
    """
    return min((each.points[0].at for each in series if each.points), default=math.inf) + scrape_seconds


def increase(series: Series, window: Window, looking_since: float) -> float:
    """How much a counter grew in the window (start, end], over resets; samples that are no number are passed over."""
    start, end = window.start.timestamp(), window.end.timestamp()
    points = series.points
    first = bisect_right(points, start, key=_at)
    last = next((point.value for point in _backwards(points, first) if math.isfinite(point.value)), None)
    grown = 0.0
    for at, value in points[first : bisect_right(points, end, lo=first, key=_at)]:
        if not math.isfinite(value):
            continue
        if last is None:
            last = 0.0 if at > looking_since else value
        grown += value - last if value >= last else value
        last = value
    return grown


def _backwards(points: Sequence[Point], before: int) -> Iterator[Point]:
    return (points[index] for index in range(before - 1, -1, -1))


def pod_of(labels: Mapping[str, str], pod_label: str = "") -> str:
    """The name of the pod that a series is about, by `pod_label` or else the usual ones; "" if it does not say."""
    if pod_label:
        return labels.get(pod_label, "")
    return next((labels[label] for label in POD_LABELS if labels.get(label)), "")


def _role(pods: Mapping[str, tuple[float, tuple[float, ...]]], *, kinds: int) -> RoleCounts:
    """The role of its pods that had requests; without names they cannot be told apart."""
    every = [PodCounts(name, requests, bad) for name, (requests, bad) in sorted(pods.items()) if requests > 0]
    role = RoleCounts.of(every, kinds=kinds)
    return role if all(pod.name for pod in every) else RoleCounts(role.requests, role.bad)


def _histograms(
    series: Matrix, window: Window, looking_since: float, pod_label: str, edge_ms: float
) -> dict[str, dict[float, float]]:
    """Each pod's growth of its cumulative buckets, by edge: those edges that all its label sets have."""
    sets: dict[tuple[str, frozenset[tuple[str, str]]], dict[float, float]] = defaultdict(dict)
    for each in series:
        edge = _edge(each.labels.get("le", ""), edge_ms)
        if edge is None:
            continue
        rest = frozenset((name, value) for name, value in each.labels.items() if name != "le")
        sets[pod_of(each.labels, pod_label), rest][edge] = increase(each, window, looking_since)
    pods: dict[str, list[dict[float, float]]] = defaultdict(list)
    for (pod, _), buckets in sets.items():
        if buckets.get(math.inf, 0.0) > 0:
            pods[pod].append(buckets)
    return {
        pod: {edge: sum(each[edge] for each in every) for edge in (*_common(every), math.inf)}
        for pod, every in pods.items()
    }


def _common(histograms: Iterable[Mapping[float, float]]) -> set[float]:
    """The finite edges above 0 that all histograms have."""
    every = [set(each) for each in histograms]
    return {edge for edge in set.intersection(*every) if 0 < edge < math.inf} if every else set()


def _edge(text: str, edge_ms: float) -> float | None:
    try:
        edge = round(float(text) * edge_ms, 6)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(edge) else edge
