"""What is asked of Prometheus about the past: PromQL for a span of windows, and what its answers mean."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from delivery.judge.asked import Asked
from delivery.judge.episodes import Span
from metrics import counting, raw_queries
from metrics.judges.counts import WindowCounts
from metrics.providers.base import Matrix, Query, Series
from metrics.queries import REQUESTS, duration, selector
from metrics.raw_queries import LOOKBACK_SECONDS, What
from metrics.spec import Window

FAILED, SUCCEEDED = "500", "200"


def window_of(asked: Asked, begin: datetime, end: datetime) -> Window:
    """A piece of time, as what Prometheus knew one scrape later."""
    return Window(start=begin, end=end, at=end + timedelta(seconds=asked.scrape_seconds))


def requests_per_window(asked: Asked, workload: str, windows: int) -> Query:
    """How many requests a workload had in each of the last `windows` windows, roughly; a range of points."""
    if asked.counters is not None:
        series, _ = asked.counters.of(workload)
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
    return tuple(f"{each}[{length}]" for name in (asked.primary, asked.canary) for each in asked.counters.of(name))


def sampled(query: Query) -> Query:
    """How many samples a range selector would return."""
    return f"sum(count_over_time({query}))"


def counted(asked: Asked, what: What, span: Span, answers: Sequence[Matrix]) -> Iterator[WindowCounts]:
    """The counts of each window of a span. Raises ValueError, with a sentence, for what cannot be compared."""
    primary, canary = _roles(asked, answers)
    since = counting.looking_since((*primary, *canary), scrape_seconds=asked.scrape_seconds)
    for number in range(span.first, span.until):
        window = window_of(asked, span.episode.edge(number), span.episode.edge(number + 1))
        count = counting.slow if what is What.DURATIONS else counting.failures
        yield count(number, window, primary=primary, canary=canary, looking_since=since)


def _roles(asked: Asked, answers: Sequence[Matrix]) -> tuple[Matrix, Matrix]:
    if asked.counters is None:
        (found,) = answers
        return raw_queries.by_role(asked.subject, found)
    primary, primary_failed, canary, canary_failed = answers
    return _as_istio(primary, primary_failed), _as_istio(canary, canary_failed)


def _as_istio(every: Matrix, failed: Matrix) -> Matrix:
    """Series of other counters, with the label of Istio's that says what became of a request."""
    bad = {frozenset(each.labels.items()) for each in failed}

    def code(each: Series) -> str:
        return FAILED if frozenset(each.labels.items()) in bad else SUCCEEDED

    return tuple(Series({**each.labels, "response_code": code(each)}, each.points) for each in every)
