"""Fetches counts of the past, politely: two questions at a time, each about a bounded number of samples.

How many samples a question would return is asked first; one that is too large is halved, down to a single window.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from math import ceil

from delivery.judge import episodes, questions
from delivery.judge.asked import Asked
from delivery.judge.episodes import Episode, Span
from delivery.judge.kept import Kept
from metrics.analysis import WAYS_OUT
from metrics.judges.counts import WindowCounts
from metrics.providers.base import Kind, Matrix, Query, QueryError, RawProvider
from metrics.raw_queries import What
from metrics.spec import Window

AT_ONCE = 2
"""Questions under way at once."""
MOST_SAMPLES = 50_000
"""Samples that one question may return; the client reads answers of up to 8 MiB."""
WINDOWS_AT_ONCE = 60
POINTS_AT_ONCE = 1000
TIMEOUT = 30.0
"""Seconds for one question."""

TOO_MUCH = frozenset({Kind.TIMEOUT, Kind.SHAPE})
"""Errors that a shorter question may be spared."""

Progress = Callable[[int, int], None]
"""Called with how many windows are done, and of how many."""
Work = tuple[What, Span]


class LookBackError(Exception):
    """Prometheus could not answer; the text says why, in one sentence with a way out."""


class Fetcher:
    """Asks one Prometheus. `timeout` in seconds is for one question."""

    def __init__(self, provider: RawProvider, asked: Asked, *, timeout: float = TIMEOUT) -> None:
        self._provider, self._asked, self._timeout = provider, asked, timeout

    async def episodes(self) -> list[Episode]:
        """Where both workloads had requests. Raises LookBackError."""
        asked = self._asked
        windows = ceil((asked.end - asked.begin).total_seconds() / asked.window_seconds)
        primary, canary = [await self._busy(workload, windows) for workload in (asked.primary, asked.canary)]
        both = [first and second for first, second in zip(primary, canary, strict=True)]
        return list(episodes.found(asked.begin, asked.window_seconds, both))

    async def counts(self, found: Sequence[Episode], kept: Kept, progress: Progress) -> None:
        """Fetch the counts of all windows of the episodes that are not kept yet. Raises LookBackError."""
        spans = [span for episode in found for span in episodes.spans(episode, WINDOWS_AT_ONCE)]
        work = [(what, span) for span in spans for what in self._asked.kinds]
        every, done = sum(span.until - span.first for _, span in work), 0
        waiting = deque(work)

        async def worker() -> None:
            nonlocal done
            while waiting:
                what, span = waiting.popleft()
                try:
                    await self._span(what, span, kept)
                except LookBackError:
                    waiting.clear()  # what is under way comes to its end and is kept
                    raise
                done += span.until - span.first
                progress(done, every)

        progress(0, every)
        ended = await asyncio.gather(*(worker() for _ in range(AT_ONCE)), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _busy(self, workload: str, windows: int) -> list[bool]:
        """In which windows a workload had requests."""
        out: list[bool] = []
        while len(out) < windows:
            some = min(POINTS_AT_ONCE, windows - len(out))
            begin = self._asked.begin + timedelta(seconds=len(out) * self._asked.window_seconds)
            end = begin + timedelta(seconds=some * self._asked.window_seconds)
            (found,) = await self._raw(
                [questions.requests_per_window(self._asked, workload, some)], Window(start=begin, end=end, at=end)
            )
            points = [point for series in found for point in series.points]
            out += episodes.busy(points, begin, self._asked.window_seconds, some)
        return out

    async def _span(self, what: What, span: Span, kept: Kept) -> None:
        begin = span.episode.begin.timestamp()
        if all(kept.get((begin, what, number)) for number in range(span.first, span.until)):
            return
        for part in await self._small_enough(what, span):
            kept.add(span.episode.begin, what, await self._counted(what, part))

    async def _small_enough(self, what: What, span: Span) -> Iterator[Span]:
        """The span, or so many parts of it that none is about too many samples."""
        window = self._window(span)
        asked = [questions.sampled(each) for each in questions.scraped(self._asked, what, window)]
        answers = await self._provider.query(asked, at=window.at, timeout=self._timeout)
        samples = 0.0
        for query in asked:
            answer = answers[query]
            if isinstance(answer, QueryError):
                raise LookBackError(explained(answer))
            samples += sum(sample.value for sample in answer)
        parts = min(ceil(samples / MOST_SAMPLES), span.until - span.first) or 1
        length = ceil((span.until - span.first) / parts)
        return iter(
            [
                Span(span.episode, first, min(first + length, span.until))
                for first in range(span.first, span.until, length)
            ]
        )

    async def _counted(self, what: What, span: Span) -> Sequence[WindowCounts]:
        window = self._window(span)
        try:
            answers = await self._raw(questions.scraped(self._asked, what, window), window)
        except LookBackError as error:
            cause = error.__cause__
            if not isinstance(cause, QueryError) or cause.kind not in TOO_MUCH or span.until - span.first < 2:
                raise
            first, second = span.halves()
            return [*await self._counted(what, first), *await self._counted(what, second)]
        try:
            return list(questions.counted(self._asked, what, span, answers))
        except ValueError as error:
            raise LookBackError(str(error)) from error

    def _window(self, span: Span) -> Window:
        return questions.window_of(self._asked, span.episode.edge(span.first), span.episode.edge(span.until))

    async def _raw(self, queries: Sequence[Query], window: Window) -> list[Matrix]:
        """Raises LookBackError."""
        found = await self._provider.raw(queries, at=window.at, timeout=self._timeout)
        out: list[Matrix] = []
        for query in queries:
            answer = found[query]
            if isinstance(answer, QueryError):
                raise LookBackError(explained(answer)) from answer
            out.append(answer)
        return out


def explained(error: QueryError) -> str:
    """What went wrong and what to do."""
    return f"{error.message}; {WAYS_OUT[error.kind]}"
