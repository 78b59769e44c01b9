"""Judges a canary against its primary, window by window, with a known rate of false alarms however often it looks.

For each alternative ratio a likelihood ratio is multiplied up over the windows. Under "within the margin" its mean
never exceeds 1, so it ever exceeds 1/alpha in at most alpha of all runs (Ville 1939), whenever one looks and stops; a
mean of such E-values is one too (Vovk and Wang, "E-values: Calibration, combination and applications", 2021).
The same downwards shows that a canary is not worse. Clusters of bad requests temper both (clusters.py); how well that
does is measured, not proven: docs/statistics.md.
"""

from dataclasses import dataclass, replace
from math import exp

from metrics.judges import clusters, missing, ratios, sentences
from metrics.judges.counts import RoleCounts, WindowCounts
from metrics.judges.memory import Memory, Track
from metrics.judges.remembering import kind_of, remembered, unevenness
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Evidence, Outcome, Verdict

LARGEST_SHARE = 0.8
"""An edge that more requests pass than this cannot tell a worse canary, and need not be shown to be fine."""


@dataclass(frozen=True, slots=True)
class Strength:
    """E-values of one track: how strongly the counts speak for a worse canary, and for one that is not."""

    worse: float
    fine: float
    dispersion: float


def judge(counts: WindowCounts, memory: Memory, settings: CompareWithPrimary) -> tuple[Verdict, Memory]:
    """The verdict after one more window, and what to remember.

    Fail: more bad requests than the margin allows. Pass: shown to be not worse than the margin, or below the floor.
    Inconclusive: neither is shown yet, or the roles' loads are too far apart to blame the release. Error: a window that
    does not follow the one before; the memory stays.
    """
    limit = _limit(settings)
    if counts.number <= memory.window:
        message = f"window {counts.number} cannot be judged after window {memory.window}, each counts once and in order"
        return Verdict(Outcome.ERROR, limit=limit, message=message), memory
    if abs(memory.margin - settings.margin) > 1e-6 * settings.margin:
        memory = Memory(settings.margin, memory.window)
    if counts.canary.requests <= 0 or counts.primary.requests <= 0:
        message = sentences.unmet(counts)
        return Verdict(Outcome.INCONCLUSIVE, limit=limit, message=message), memory._replace(window=counts.number)
    costs = _costs(counts, settings)
    known = remembered(counts, memory, costs, settings).rounded()
    verdict = _verdict(counts, memory, known, settings, costs)
    return verdict, known


def strength(
    track: Track, memory: Memory, primary: RoleCounts, canary: RoleCounts, settings: CompareWithPrimary
) -> Strength:
    """What a track says after the windows of the memory."""
    spread = clusters.dispersion(track, memory, primary, canary)
    grid = ratios.OF_LATENCY if track.edge else ratios.OF_FAILURES
    floor = settings.ignore_below_percent / 100.0
    bad, requests = track.canary_bad, memory.canary_requests
    worse = min(
        ratios.for_worse(grid, track.ratios, spread) * exp(min(track.boost, ratios.MOST)),
        ratios.above_floor(bad, requests, floor, spread),
    )
    fine = (ratios.for_fine(grid, track.ratios, spread) + ratios.below_floor(bad, requests, floor, spread)) / 2.0
    return Strength(worse, fine, spread)


def _verdict(
    counts: WindowCounts, before: Memory, known: Memory, settings: CompareWithPrimary, costs: list[float]
) -> Verdict:
    limit, uneven = _limit(settings), unevenness(counts, settings)
    found = [(strength(track, known, counts.primary, counts.canary, settings), track) for track in known.tracks]
    if not found:
        message = sentences.load(counts.load, uneven)
        return Verdict(Outcome.INCONCLUSIVE, limit=limit, message=message, evidence=_of_window(counts))
    worse = sum([each.worse for each, _ in found]) / len(found)
    outcome, more = Outcome.INCONCLUSIVE, None
    if worse * settings.alpha >= 1.0 and (uneven == 0 or (uneven < 0 and not counts.edges)):
        outcome, track = Outcome.FAIL, max(found, key=_by_worse)[1]
        changed_by = sentences.fewer_bad(_too_many(counts, before, settings, track), track.edge)
    else:
        weakest, track = _weakest(found, known)
        if weakest.fine * settings.alpha >= 1.0 and uneven >= 0:
            outcome = Outcome.PASS
        else:
            more = missing.requests(track, weakest.dispersion, known, costs, settings)
        changed_by = sentences.more_requests(more)
    evidence = Evidence(
        canary_requests=known.canary_requests,
        canary_bad=track.canary_bad,
        primary_requests=known.primary_requests,
        primary_bad=track.primary_bad,
        strength=worse,
        needed=1.0 / settings.alpha,
        edge=track.edge or None,
        missing=more,
        load=counts.load,
        noun=counts.noun or None,
        changed_by="" if outcome is Outcome.PASS else changed_by,
    )
    value = None if counts.edges else 100.0 * (1.0 - counts.canary.bad[0] / counts.canary.requests)
    message = sentences.said(outcome, evidence, settings, uneven)
    return Verdict(outcome, value=value, limit=limit, message=message, evidence=evidence)


def _of_window(counts: WindowCounts) -> Evidence:
    """What the window itself shows where nothing is learned of it: requests were there, so this is not "no data"."""
    return Evidence(
        canary_requests=counts.canary.requests,
        canary_bad=counts.canary.bad[-1],
        primary_requests=counts.primary.requests,
        primary_bad=counts.primary.bad[-1],
        edge=counts.edges[-1] if counts.edges else None,
        load=counts.load,
        noun=counts.noun or None,
    )


def _weakest(found: list[tuple[Strength, Track]], known: Memory) -> tuple[Strength, Track]:
    """Of those that can tell a worse canary, the one that speaks least for "not worse"."""
    if len(found) == 1:
        return found[0]
    telling = [pair for pair in found if pair[1].primary_bad <= LARGEST_SHARE * known.primary_requests]
    return min(telling, key=_by_fine, default=found[0])


def _by_worse(pair: tuple[Strength, Track]) -> float:
    return pair[0].worse


def _by_fine(pair: tuple[Strength, Track]) -> float:
    return pair[0].fine


def _limit(settings: CompareWithPrimary) -> str:
    return f"max {settings.margin:g} x primary"


def _costs(counts: WindowCounts, settings: CompareWithPrimary) -> list[float]:
    return ratios.costs(ratios.of(counts), settings.margin, counts.canary.requests, counts.primary.requests)


def _too_many(counts: WindowCounts, before: Memory, settings: CompareWithPrimary, track: Track) -> int | None:
    """With how many fewer bad requests in this window the canary would not have failed; None if with none at all."""
    kind = kind_of(track.edge, counts) or 0
    low, high = 0, int(counts.canary.bad[kind])
    if not high or _worse(_fewer(counts, high), before, settings) >= 1.0 / settings.alpha:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if _worse(_fewer(counts, middle), before, settings) >= 1.0 / settings.alpha:
            low = middle
        else:
            high = middle
    return high


def _fewer(counts: WindowCounts, fewer: int) -> WindowCounts:
    bad = tuple(max(0.0, each - fewer) for each in counts.canary.bad)
    return replace(counts, canary=replace(counts.canary, bad=bad))


def _worse(counts: WindowCounts, before: Memory, settings: CompareWithPrimary) -> float:
    known = remembered(counts, before, _costs(counts, settings), settings)
    found = [strength(track, known, counts.primary, counts.canary, settings).worse for track in known.tracks]
    return sum(found) / len(found)
