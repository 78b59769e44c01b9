"""The comparison as whoever asks for verdicts sees it: texts in, a verdict with its memory out."""

from metrics.judges.counts import WindowCounts
from metrics.judges.memory import Memory
from metrics.judges.sequential import judge
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Verdict


def compare(counts: WindowCounts, memory: str, settings: CompareWithPrimary) -> Verdict:
    """The verdict on one more window; its `memory` is the text for the next one.

    `memory` is the text of the verdict before, "" for the first window of a run. A text of another version is not
    understood: the comparison then starts anew, which costs time, and says so. So does one of failures that follows one
    of durations, or the other way round.
    """
    lost = ""
    try:
        known = Memory.decode(memory) if memory else Memory(settings.margin)
    except ValueError:
        known, lost = Memory(settings.margin), "of another version"
    if known.tracks and bool(known.tracks[0].edge) != bool(counts.edges) and _has_both(counts):
        known, lost = Memory(settings.margin, known.window), "of other counters"
    verdict, after = judge(counts, known, settings)
    message = f"{verdict.message} (begun anew: what was remembered is {lost})" if lost else verdict.message
    return verdict._replace(message=message, memory=after.encode())


def _has_both(counts: WindowCounts) -> bool:
    return counts.canary.requests > 0 and counts.primary.requests > 0
