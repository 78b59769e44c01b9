"""What a comparison says to people: counts, shares, and what would have changed the verdict."""

from metrics.judges.counts import WindowCounts
from metrics.judges.settings import CompareWithPrimary
from metrics.spec import number
from metrics.verdict import Evidence, Outcome


def said(outcome: Outcome, evidence: Evidence, settings: CompareWithPrimary, uneven: int) -> str:
    """The verdict in one sentence."""
    counts = evidence.sentence
    if outcome is Outcome.FAIL:
        return f"{counts}; {evidence.changed_by}" if evidence.changed_by else counts
    if outcome is Outcome.PASS:
        return f"{counts}: {_fine(evidence, settings)}"
    if uneven:
        return f"{counts}; {load(evidence.load, uneven)}"
    if (evidence.strength or 0.0) > 1.0:
        return f"{counts}: this may still be chance"
    return f"{counts}: too few to tell; {evidence.changed_by}"


def primary_too(evidence: Evidence) -> str:
    """What an absolute limit's breach needs to have beside it if the primary is as bad; "" if it is not.

    As bad: it has at least two thirds of the canary's share, so that leaving the release would not help much.
    """
    canary, primary = evidence.canary_percent, evidence.primary_percent
    if canary is None or primary is None or canary <= 0 or primary * 1.5 < canary:
        return ""
    return f"the primary is as bad: {evidence.sentence}, so the cause is probably not this release"


def fewer_bad(fewer: int | None, edge: float) -> str:
    """What would have kept a failed canary."""
    if fewer is None:
        return ""
    kind = "slow request" if edge else "failure"
    return f"with {fewer:,} {kind}{'' if fewer == 1 else 's'} fewer it would have gone on"


def more_requests(missing: float | None) -> str:
    """What would have decided an open comparison."""
    if missing is None:
        return "more requests alone may not tell"
    return f"about {_rounded(missing)} more to the canary would show that it is not worse"


def unmet(counts: WindowCounts) -> str:
    """Why a window without requests to one of the roles says nothing."""
    what = counts.noun or "requests"
    if counts.canary.requests <= 0:
        return f"no {what} reached the canary in this window"
    return f"no {what} reached the primary in this window, so there is nothing to compare with"


def _fine(evidence: Evidence, settings: CompareWithPrimary) -> str:
    if (evidence.canary_percent or 0.0) <= settings.ignore_below_percent:
        return f"not more than {number(settings.max_increase_percent)} % worse, or too few to matter"
    return f"not more than {number(settings.max_increase_percent)} % worse"


def load(ratio: float | None, uneven: int) -> str:
    """Why a difference in load excuses one in what is seen; `ratio` as in `Evidence.load`."""
    times = ratio or 1.0
    if uneven > 0:
        return f"a canary pod gets {times:.1f} times the requests of a primary pod, which may cause a difference"
    return f"a primary pod gets {1 / times:.1f} times the requests of a canary pod, which may cause a difference"


def _rounded(count: float) -> str:
    """Two digits that matter, never fewer requests than needed."""
    step = 10 ** max(0, len(str(int(count))) - 2)
    return f"{-(-int(count) // step) * step:,}"
