"""What a comparison with the primary counts in a window: requests and bad ones of both roles, pod by pod.

What the tape does not tell pod by pod is spread evenly over the pods, each request with what became of it, as a mesh
spreads it.
"""

from collections.abc import Sequence

from delivery.simulate.draws import Draws
from delivery.simulate.latency import shares
from delivery.simulate.tape import Piece, Tape
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.quantiles import ISTIO_EDGES_MS


def failures(number: int, piece: Piece, tape: Tape) -> WindowCounts:
    """Requests and failures in window `number` of a run."""
    roles = []
    for name, served, pods in (
        ("primary", (piece.primary, piece.primary_failed), tape.primary_pods),
        ("canary", (piece.canary, piece.failed), tape.canary_pods),
    ):
        known = piece.pods.get(name) or _split(served, len(pods), tape.draws)
        roles.append(_role(name, [(requests, (failed,)) for requests, failed in known], kinds=1))
    primary, canary = roles
    return WindowCounts(number, primary, canary)


def slow(number: int, piece: Piece, tape: Tape) -> WindowCounts:
    """Requests in window `number` of a run, and how many took longer than each of the buckets' edges."""
    scenario, draws = tape.scenario, tape.draws
    healthy = shares(scenario.log_median, scenario.log_sigma, 1.0)
    roles = [
        _role(name, [_slower(each) for each in _split(buckets, len(pods), draws)], kinds=len(ISTIO_EDGES_MS))
        for name, buckets, pods in (
            ("primary", draws.spread(piece.primary, healthy), tape.primary_pods),
            ("canary", piece.buckets or [0] * len(healthy), tape.canary_pods),
        )
    ]
    primary, canary = roles
    return WindowCounts(number, primary, canary, ISTIO_EDGES_MS)


def _split(numbers: Sequence[int], pods: int, draws: Draws) -> list[tuple[int, ...]]:
    """Each number over so many pods; for requests and failures, failures are among a pod's requests."""
    rest, every = list(numbers), []
    if len(rest) == 2:
        rest[0] -= rest[1]
    for pod in range(pods):
        part = [draws.binomial(each, 1 / (pods - pod)) for each in rest]
        rest = [each - taken for each, taken in zip(rest, part, strict=True)]
        every.append((part[0] + part[1], part[1]) if len(part) == 2 else tuple(part))
    return every


def _slower(buckets: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """A pod's requests, and for each edge how many of them lie above it."""
    requests = left = sum(buckets)
    above = []
    for count in buckets[:-1]:
        left -= count
        above.append(left)
    return requests, tuple(above)


def _role(name: str, pods: Sequence[tuple[int, Sequence[int]]], *, kinds: int) -> RoleCounts:
    return RoleCounts.of(
        [
            PodCounts(f"{name}-{pod}", float(requests), tuple(map(float, bad)))
            for pod, (requests, bad) in enumerate(pods)
            if requests
        ],
        kinds=kinds,
    )
