"""Replays the counts of an episode through the judge that decides in the controller, window by window.

It knows nothing at a window that the controller would not have known then. What is told beside the judge's verdict is
what a fixed limit with strikes would have done with the same windows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.judge.asked import Asked, Rule
from delivery.judge.episodes import Episode
from delivery.judge.kept import Kept
from metrics.judges import sequential
from metrics.judges.counts import WindowCounts
from metrics.judges.memory import Memory
from metrics.raw_queries import What
from metrics.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """One window: its counts and the verdict after it, by what was compared."""

    number: int
    end: datetime
    counts: Mapping[What, WindowCounts]
    verdicts: Mapping[What, Verdict]

    @property
    def requests(self) -> WindowCounts:
        """Requests of both roles, as whatever was counted says."""
        return self.counts.get(What.REQUESTS) or next(iter(self.counts.values()))


@dataclass(frozen=True, slots=True)
class Rollback:
    """When the judge would have rolled back, what for, and what that would have saved.

    `at` is one scrape after the window's end, when it would have been known. `spared` are requests that the canary
    answered after that, of which `bad` failed; `bad_elsewhere` is how many would have failed on the primary all the
    same, at its own rate then.
    """

    at: datetime
    window: int
    what: What
    verdict: Verdict
    spared: float
    bad: float
    bad_elsewhere: float

    @property
    def saved(self) -> float:
        """Failed requests that a rollback would have saved, at least 0."""
        return max(0.0, self.bad - self.bad_elsewhere)


@dataclass(frozen=True, slots=True)
class Story:
    """What the judge says of an episode. `by_rule` is when the fixed limit would have rolled back; None: never."""

    episode: Episode
    windows: Sequence[Judged]
    rollback: Rollback | None
    by_rule: datetime | None

    @property
    def peak_share(self) -> float:
        """The largest share of requests that the canary had in a window, 0..100."""
        return max((share_of(each.requests) for each in self.windows), default=0.0)

    def total(self, role: str) -> tuple[float, float]:
        """(requests, failed ones) of a role over all windows; failures are 0 where they were not counted."""
        counts = [each.counts[What.REQUESTS] for each in self.windows if What.REQUESTS in each.counts]
        roles = [getattr(each, role) for each in counts or [each.requests for each in self.windows]]
        return sum(each.requests for each in roles), sum(each.bad[0] for each in roles) if counts else 0.0


def share_of(counts: WindowCounts) -> float:
    """The canary's share of a window's requests, 0..100; 0 without requests."""
    requests = counts.canary.requests + counts.primary.requests
    return 100.0 * counts.canary.requests / requests if requests > 0 else 0.0


def replay(asked: Asked, episode: Episode, kept: Kept) -> Story:
    """The story of an episode whose windows are all kept."""
    windows = _judged(asked, episode, kept)
    return Story(episode, windows, _rollback(asked, windows), _by_rule(asked, windows, asked.rule))


def _judged(asked: Asked, episode: Episode, kept: Kept) -> list[Judged]:
    settings = asked.settings.part(len(asked.kinds))
    memories = {what: Memory(settings.margin) for what in asked.kinds}
    out = []
    for number in range(episode.windows):
        counts = {what: _kept(kept, episode, what, number) for what in asked.kinds}
        verdicts = {}
        for what, each in counts.items():
            verdicts[what], memories[what] = sequential.judge(each, memories[what], settings)
        out.append(Judged(number, episode.edge(number + 1), counts, verdicts))
    return out


def _kept(kept: Kept, episode: Episode, what: What, number: int) -> WindowCounts:
    counts = kept.get((episode.begin.timestamp(), what, number))
    if counts is None:
        raise ValueError(f"window {number} of {episode.begin.isoformat()} has not been fetched")
    return counts


def _rollback(asked: Asked, windows: Sequence[Judged]) -> Rollback | None:
    for each in windows:
        for what, verdict in each.verdicts.items():
            if verdict.outcome is Outcome.FAIL:
                after = [late.counts for late in windows[each.number + 1 :]]
                failed = [counts[What.REQUESTS] for counts in after if What.REQUESTS in counts]
                return Rollback(
                    at=each.end + timedelta(seconds=asked.scrape_seconds),
                    window=each.number,
                    what=what,
                    verdict=verdict,
                    spared=sum(next(iter(counts.values())).canary.requests for counts in after),
                    bad=sum(counts.canary.bad[0] for counts in failed),
                    bad_elsewhere=sum(map(_elsewhere, failed)),
                )
    return None


def _elsewhere(counts: WindowCounts) -> float:
    """How many of the canary's requests would have failed on the primary."""
    primary = counts.primary
    return counts.canary.requests * primary.bad[0] / primary.requests if primary.requests > 0 else 0.0


def _by_rule(asked: Asked, windows: Sequence[Judged], rule: Rule) -> datetime | None:
    strikes = 0
    for each in windows:
        canary = each.counts[What.REQUESTS].canary if What.REQUESTS in each.counts else None
        if canary is not None and canary.requests > 0:
            strikes += 100.0 * (1.0 - canary.bad[0] / canary.requests) < rule.minimum
        if strikes >= rule.strikes:
            return each.end + timedelta(seconds=asked.scrape_seconds)
    return None
