"""Judges a canary against its primary, window by window, with a known rate of false alarms however often it looks.

For each alternative ratio a likelihood ratio is multiplied up over the windows. Under "within the margin" its mean
never exceeds 1, so it ever exceeds 1/alpha in at most alpha of all runs (Ville 1939), whenever one looks and stops; a
mean of such E-values is one too (Vovk and Wang, "E-values: Calibration, combination and applications", 2021).
The same downwards shows that a canary is not worse. Clusters of bad requests temper both (clusters.py); how well that
does is measured, not proven: docs/statistics.md.
"""

from dataclasses import dataclass, replace

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
    limit = f"max {settings.margin:g} x primary"
    if counts.number <= memory.window:
        message = f"window {counts.number} cannot be judged after window {memory.window}, each counts once and in order"
        return Verdict(Outcome.ERROR, limit=limit, message=message), memory
    if abs(memory.margin - settings.margin) > 1e-6 * settings.margin:
        memory = Memory(settings.margin, memory.window)
    if counts.canary.requests <= 0 or counts.primary.requests <= 0:
        message = sentences.unmet(counts)
        return Verdict(Outcome.INCONCLUSIVE, limit=limit, message=message), replace(memory, window=counts.number)
    known = remembered(counts, memory, settings).rounded()
    return _verdict(counts, memory, known, settings, limit), known


def strength(
    track: Track, memory: Memory, primary: RoleCounts, canary: RoleCounts, settings: CompareWithPrimary
) -> Strength:
    """What a track says after the windows of the memory."""
    spread = clusters.dispersion(track, memory, primary, canary)
    grid = ratios.OF_FAILURES
    tempered = spread
    if track.edge:
        grid = ratios.OF_LATENCY
        tempered *= max(0.1, 1.0 - track.primary_bad / memory.primary_requests)
    floor = settings.ignore_below_percent / 100.0
    bad, requests = track.canary_bad, memory.canary_requests
    worse = min(
        ratios.for_worse(grid, track.ratios, tempered),
        ratios.above_floor(bad, requests, floor, spread),
    )
    fine = (ratios.for_fine(grid, track.ratios, tempered) + ratios.below_floor(bad, requests, floor, spread)) / 2.0
    return Strength(worse, fine, tempered)


def _verdict(counts: WindowCounts, before: Memory, known: Memory, settings: CompareWithPrimary, limit: str) -> Verdict:
    found = [(strength(track, known, counts.primary, counts.canary, settings), track) for track in known.tracks]
    if not found:
        return Verdict(Outcome.INCONCLUSIVE, limit=limit, message=sentences.unmet(counts))
    worse = sum(each.worse for each, _ in found) / len(found)
    needed = 1.0 / settings.alpha
    uneven = unevenness(counts, settings)
    value = None if counts.edges else 100.0 * (1.0 - counts.canary.bad[0] / counts.canary.requests)
    if worse >= needed:
        _, track = max(found, key=lambda pair: pair[0].worse)
        outcome, more = Outcome.FAIL, None
        changed_by = sentences.fewer_bad(_too_many(counts, before, settings, track), track.edge)
    else:
        weakest, track = min(
            ((each, track) for each, track in found if track.primary_bad <= LARGEST_SHARE * known.primary_requests),
            key=lambda pair: pair[0].fine,
            default=found[0],
        )
        shown = weakest.fine >= needed and uneven >= 0
        outcome = Outcome.PASS if shown else Outcome.INCONCLUSIVE
        more = None if shown else missing.requests(track, weakest.dispersion, known, settings)
        changed_by = sentences.more_requests(more)
    evidence = Evidence(
        canary_requests=known.canary_requests,
        canary_bad=track.canary_bad,
        primary_requests=known.primary_requests,
        primary_bad=track.primary_bad,
        strength=worse,
        needed=needed,
        edge=track.edge or None,
        missing=more,
        load=counts.load,
        changed_by=changed_by,
    )
    message = sentences.said(outcome, evidence, settings, uneven)
    return Verdict(outcome, value=value, limit=limit, message=message, evidence=evidence)


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
    known = remembered(counts, before, settings)
    found = [strength(track, known, counts.primary, counts.canary, settings).worse for track in known.tracks]
    return sum(found) / len(found)
