"""What is asked of Prometheus about the past: PromQL for a span of windows, and what its answers mean."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from delivery.judge.asked import Asked
from delivery.judge.episodes import Span
from metrics import counting, raw_queries
from metrics.counters import Part, Role
from metrics.judges.counts import WindowCounts
from metrics.providers.base import Matrix, Query
from metrics.queries import REQUESTS, duration, selector
from metrics.raw_queries import LOOKBACK_SECONDS, What
from metrics.spec import Window


def window_of(asked: Asked, begin: datetime, end: datetime) -> Window:
    """A piece of time, as what Prometheus knew one scrape later."""
    return Window(start=begin, end=end, at=end + timedelta(seconds=asked.scrape_seconds))


def requests_per_window(asked: Asked, workload: str, windows: int) -> Query:
    """How many requests a workload had in each of the last `windows` windows, roughly; a range of points."""
    if asked.counters is not None:
        role = Role.CANARY if workload == asked.canary else Role.PRIMARY
        series = asked.selectors(role)[Part.REQUESTS]
    else:
        labels = {"reporter=": "destination", "destination_workload_namespace=": asked.namespace}
        series = selector(REQUESTS, {**labels, "destination_workload=": workload}, asked.matchers)
    step, reach = duration(asked.window_seconds), duration(asked.window_seconds + asked.scrape_seconds)
    return f"sum(increase({series}[{reach}]))[{duration(windows * asked.window_seconds)}:{step}]"


def scraped(asked: Asked, what: What, window: Window) -> Sequence[Query]:
    """Range selectors that together hold all samples of both workloads which the windows within `window` need."""
    if asked.counters is None:
        return (raw_queries.scraped(what, asked.subject, window),)
    length = duration((window.at - window.start).total_seconds() + LOOKBACK_SECONDS)
    return tuple(f"{each}[{length}]" for role in Role for each in asked.selectors(role).values())


def sampled(query: Query) -> Query:
    """How many samples a range selector would return."""
    return f"sum(count_over_time({query}))"


def counted(asked: Asked, what: What, span: Span, answers: Sequence[Matrix]) -> Iterator[WindowCounts]:
    """The counts of each window of a span. Raises ValueError, with a sentence, for what cannot be compared."""
    since = counting.looking_since(chain(*answers), scrape_seconds=asked.scrape_seconds)
    count = _counter(asked, what, answers, since)
    for number in range(span.first, span.until):
        yield count(number, window_of(asked, span.episode.edge(number), span.episode.edge(number + 1)))


def _counter(
    asked: Asked, what: What, answers: Sequence[Matrix], since: float
) -> Callable[[int, Window], WindowCounts]:
    if asked.counters is None:
        (found,) = answers
        primary, canary = raw_queries.by_role(asked.subject, found)
        count = counting.slow if what is What.DURATIONS else counting.failures
        return partial(count, primary=primary, canary=canary, looking_since=since)
    parts = len(asked.counters.parts)
    roles = [dict(zip(asked.counters.parts, each, strict=True)) for each in (answers[:parts], answers[parts:])]
    return partial(counting.of_parts, primary=roles[0], canary=roles[1], looking_since=since)
