"""All series, found by their labels, for as long as they are kept.

Kept are `retention` seconds (an hour, as long as the builtin queries look back), and no more than `max_bytes`: a large
mesh that is scraped each second loses its oldest samples sooner, as with Prometheus' --storage.tsdb.retention.size.
Space is given back in blocks of 240 scrapes, so that samples may live a little longer than that.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, chain

from delivery.sandbox.promql.exposition import Sample
from delivery.sandbox.promql.labels import Labels, Matcher, labels_of
from delivery.sandbox.promql.series import Chunk, Series, Times

RETENTION_SECONDS = 3600.0
MAX_BYTES = 32 * 1024 * 1024
"""For samples: 30,000 series with much traffic for half an hour at a scrape each 5 s, or with little for an hour.
Labels of 20 pairs and the index take about 900 bytes a series more.
"""

BLOCK_SCRAPES = 240
FEW = 1000


class Storage:
    """Series in memory. Written and read from one thread."""

    def __init__(self, *, retention: float = RETENTION_SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._retention, self._max_bytes = round(retention * 1000), max_bytes
        self._series: dict[Labels, Series] = {}
        self._by_pair: dict[tuple[str, str], list[Series]] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self.scrapes = 0  # of all sources; tells one scrape's series from another's
        self.generation = 0  # rises when series are forgotten: who remembers some must look again

    def __len__(self) -> int:
        return len(self._series)

    @property
    def size(self) -> int:
        """About how many bytes the samples take."""
        return sum(chunk.size for series in self._series.values() for chunk in series.chunks)

    def series(self, labels: Labels) -> Series:
        """The series with these labels, made if there is none."""
        found = self._series.get(labels)
        if found is None:
            shared = tuple(self._pairs.setdefault(pair, pair) for pair in labels)
            found = self._series[shared] = Series(shared)
            for pair in shared:
                self._by_pair.setdefault(pair, []).append(found)
        return found

    def select(self, matchers: Iterable[Matcher]) -> list[Series]:
        """All series that satisfy every matcher, in the order in which they were first seen."""
        pairs: list[tuple[str, str]] = []
        others = []
        for matcher in matchers:
            if (pair := matcher.wants_pair) is not None:
                pairs.append(pair)
            else:
                others.append((matcher.name, matcher.predicate()))
        found = []
        for series in self._candidates(pairs):
            if all(pair in series.labels for pair in pairs):
                values = dict(series.labels) if others else {}
                if all(accepts(values.get(name, "")) for name, accepts in others):
                    found.append(series)
        return found

    def collect(self, now: int) -> None:
        """Forget what is older than the retention at `now` (milliseconds), and the oldest beyond the space allowed."""
        self._forget_before(now - self._retention)
        excess = self.size - self._max_bytes
        if excess > 0:
            self._forget_before(self._end_of_oldest(excess) + 1)

    def _candidates(self, pairs: Sequence[tuple[str, str]]) -> Collection[Series]:
        if not pairs:
            return self._series.values()
        return min((self._by_pair.get(pair, []) for pair in pairs), key=len)

    def _end_of_oldest(self, excess: int) -> int:
        """The time up to which chunks must go to free so many bytes."""
        chunks = sorted((chunk.end, chunk.size) for chunk in self._chunks())
        freed = accumulate(size for _, size in chunks)
        enough = sum(each < excess for each in freed)
        return chunks[min(enough, len(chunks) - 1)][0]

    def _chunks(self) -> Iterator[Chunk]:
        return chain.from_iterable(series.chunks for series in self._series.values())

    def _forget_before(self, moment: int) -> None:
        gone = False
        for series in self._series.values():
            if series.chunks and series.chunks[0].end < moment:
                series.chunks = [chunk for chunk in series.chunks if chunk.end >= moment]
            gone = gone or not series.chunks
        if gone:
            self._reindex()

    def _reindex(self) -> None:
        """Keep only series with samples, in the index as well."""
        kept = [series for series in self._series.values() if series.chunks]
        self._series, self._by_pair, self._pairs = {}, {}, {}
        self.generation += 1
        for series in kept:
            self._series[series.labels] = series
            for pair in series.labels:
                self._by_pair.setdefault(self._pairs.setdefault(pair, pair), []).append(series)


class Source:
    """What one target says, scrape after scrape. Its series share their times."""

    def __init__(self, storage: Storage, own: Iterable[tuple[str, str]] = ()) -> None:
        self._storage = storage
        self._own = dict(own)  # the target's labels; what a sample says of itself goes before them
        self._times: Times = array("q")
        self._live: list[Series] = []
        self._known: dict[tuple[str, int], tuple[object, Series]] = {}
        self._generation = storage.generation

    @property
    def latest(self) -> int | None:
        """When it was last recorded, in milliseconds."""
        return self._times[-1] if self._times else None

    def record(self, at: int, samples: Iterable[Sample]) -> int:
        """Keep what a scrape found at a time in milliseconds, later than all before; how many samples it had.

        A series that the scrape before had and this one has not is marked as gone. Raises ValueError for a time that
        is not later.
        """
        index = self._next(at)
        number, scrape, times, known = 0, self._new_scrape(), self._times, self._known
        live: list[Series] = []
        for name, labels, value in samples:
            number += 1
            met = known.get((name, id(labels)))
            series = met[1] if met is not None else self._meet(name, labels)
            if series.seen != scrape:
                series.seen = scrape
                live.append(series)
                series.add(times, index, float(value))
        self._end_all_but(scrape, at)
        self._live = live
        return number

    def lost(self, at: int) -> None:
        """The target did not answer: all its series are gone from then on (milliseconds)."""
        self._end_all_but(self._new_scrape(), at)
        self._live = []

    def _new_scrape(self) -> int:
        self._storage.scrapes += 1
        return self._storage.scrapes

    def _next(self, at: int) -> int:
        if self._times and at <= self._times[-1]:
            raise ValueError(f"a scrape at {at} ms is not later than the one before, at {self._times[-1]} ms")
        if not self._times or len(self._times) >= BLOCK_SCRAPES:
            self._storage.collect(at)
            self._times = array("q")
        if self._generation != self._storage.generation:
            self._known, self._generation = {}, self._storage.generation
        self._times.append(at)
        return len(self._times) - 1

    def _meet(self, name: str, labels: Labels) -> Series:
        """The series of a sample. It is remembered by the identity of its labels, which are kept so that it stays."""
        series = self._storage.series(labels_of(name, {**self._own, **dict(labels)}))
        if len(self._known) >= 2 * len(self._live) + FEW:  # somebody makes new tuples for each scrape
            self._known.clear()
        self._known[name, id(labels)] = (labels, series)
        return series

    def _end_all_but(self, scrape: int, at: int) -> None:
        for series in self._live:
            if series.seen != scrape:
                series.end(at)
