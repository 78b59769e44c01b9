"""Adds a window's counts to what a comparison remembers."""

import struct
from math import log

from metrics.judges import clusters, overshoot, ratios
from metrics.judges.counts import WindowCounts
from metrics.judges.memory import MOST_EDGES, SLOTS_OF_FAILURES, SLOTS_OF_LATENCY, Memory, Track
from metrics.judges.settings import CompareWithPrimary

FOREMOST_SHARE = 0.05
"""Edges that are passed by about this share of requests say most about a slow tail."""


def remembered(counts: WindowCounts, memory: Memory, costs: list[float], settings: CompareWithPrimary) -> Memory:
    """The memory with the window added, as far as the roles' loads allow; `costs` are the window's (`ratios.costs`)."""
    uneven = unevenness(counts, settings)
    tracks = memory.tracks or tuple(_new(edge) for edge in _edges(counts))
    if uneven < 0 and counts.edges:  # too little to do can make slow (cold caches), but not fail
        return memory._replace(window=counts.number)
    canary, primary = counts.canary.requests, counts.primary.requests
    weight = canary * primary / (canary + primary)
    part = settings.margin * canary / (settings.margin * canary + primary)
    pods = (1.0 - part) * canary / clusters.pods_of(counts.canary) + part * primary / clusters.pods_of(counts.primary)
    roles = (1.0 - part) * canary + part * primary
    several = len(counts.primary.pods) > 1
    compared = memory.requests_before > 0
    known = Memory(
        margin=memory.margin,
        window=counts.number,
        canary_requests=memory.canary_requests + canary,
        primary_requests=memory.primary_requests + primary,
        requests_before=primary,
        exposure=memory.exposure + weight,
        pod_size=memory.pod_size + weight * pods,
        role_size=memory.role_size + weight * roles,
        pods_seen=memory.pods_seen + (len(counts.primary.pods) - 1 if several else compared),
        windows_seen=memory.windows_seen + (several and compared),
        tracks=tuple([_step(track, counts, memory, costs, uneven) for track in tracks]),
    )
    return (
        known if counts.edges or uneven > 0 else _boosted(known, tracks[0], counts, costs, part, 1.0 / settings.alpha)
    )


def _boosted(
    known: Memory, before: Track, counts: WindowCounts, costs: list[float], part: float, needed: float
) -> Memory:
    """With what the window could have overshot the goal of a failure given back. Only one track may be boosted: of a
    mean of several none knows how near it is.
    """
    (track,) = known.tracks
    spread = clusters.dispersion(track, known, counts.primary, counts.canary)
    both = counts.canary.bad[0] + counts.primary.bad[0]
    more = overshoot.boost(ratios.OF_FAILURES, before, costs, part=part, both=both, dispersion=spread, needed=needed)
    return known._replace(tracks=(track._replace(boost=track.boost + more),)) if more else known


def unevenness(counts: WindowCounts, settings: CompareWithPrimary) -> int:
    """1 if a canary pod has far more to do than a primary pod, -1 if far less, else 0."""
    load = counts.load
    if load is None:
        return 0
    return (load > settings.max_load_ratio) - (load * settings.max_load_ratio < 1.0)


def _edges(counts: WindowCounts) -> list[float]:
    """The edges to follow, at most `MOST_EDGES`; [0] for failures.

    Chosen by the shares of both roles together: given these, which role a slow request belongs to is still open, so the
    choice does not favour either.
    """
    if not counts.edges:
        return [0.0]
    requests = counts.canary.requests + counts.primary.requests

    def off(kind: int) -> float:
        bad = counts.canary.bad[kind] + counts.primary.bad[kind]
        return abs(log(max(bad, 0.5) / requests / FOREMOST_SHARE))

    chosen = sorted(range(len(counts.edges)), key=off)[:MOST_EDGES]
    return [counts.edges[kind] for kind in sorted(chosen)]


def _new(edge: float) -> Track:
    grid, slots = (ratios.OF_LATENCY, SLOTS_OF_LATENCY) if edge else (ratios.OF_FAILURES, SLOTS_OF_FAILURES)
    length = len(grid.worse) + len(grid.fine)
    return Track(edge, *(0.0,) * 10, ratios=(0.0,) * length, slots=(0.0,) * slots)


def _step(track: Track, counts: WindowCounts, memory: Memory, costs: list[float], uneven: int) -> Track:
    kind = kind_of(track.edge, counts)
    if kind is None:
        return track
    canary, primary = counts.canary.bad[kind], counts.primary.bad[kind]
    requests = counts.primary.requests
    spread = clusters.Spread(track)
    moved, variance = clusters.from_window_to_window(track.before, memory.requests_before, primary, requests)
    apart = moved, variance * requests, clusters.chance_of(variance)
    windows = track.windows_excess, track.windows_weight, track.windows_noise
    if len(counts.primary.pods) > 1:
        spread.add(counts.primary.pods, kind, requests, primary)
        windows = windows[0] + apart[0], windows[1] + apart[1], windows[2] + apart[2]
    else:  # a role of one pod tells about pods what it does from one window to the next
        spread.excess, spread.weight, spread.noise = (
            spread.excess + apart[0],
            spread.weight + apart[1],
            spread.noise + apart[2],
        )
    sums = ratios.added(ratios.of(counts), track.ratios, costs, canary, canary + primary)
    return Track(
        edge=track.edge,
        canary_bad=track.canary_bad + canary,
        primary_bad=track.primary_bad + primary,
        pods_excess=spread.excess,
        pods_weight=spread.weight,
        pods_noise=spread.noise,
        windows_excess=windows[0],
        windows_weight=windows[1],
        windows_noise=windows[2],
        before=primary,
        boost=track.boost,
        ratios=_allowed(sums, track, len(ratios.of(counts).worse), uneven),
        slots=tuple(spread.slots),
    )


def _allowed(sums: list[float], track: Track, worse: int, uneven: int) -> tuple[float, ...]:
    """More to do excuses a canary that looks worse, and less to do does not show that it is fine."""
    if uneven > 0:
        return (*track.ratios[:worse], *sums[worse:])
    if uneven < 0:
        return (*sums[:worse], *track.ratios[worse:])
    return tuple(sums)


def kind_of(edge: float, counts: WindowCounts) -> int | None:
    """Which number of bad requests belongs to an edge; None if a role has not reported that edge in this window."""
    if not edge:
        return 0
    for kind, each in enumerate(counts.edges):
        if each == edge or struct.unpack("<f", struct.pack("<f", each))[0] == edge:
            return kind
    return None
