"""What is asked of Prometheus for a comparison of both roles: what was scraped of each pod, as builders of PromQL.

A comparison is fair if chance alone decides which role a request meets. That holds for those whose proxy follows the
routes and for nobody else, so two kinds of callers are left out of both roles' counts:

- Callers without a proxy of their own. They ask the apex Service, whose pods are the primary's, whatever the routes
  say. `source_workload` is "unknown" for them.
- Workloads that have met one role only: a load tester that asks the canary's Service, a job that asks the primary's, a
  namespace to which the VirtualService is not exported. A caller that is split meets the canary sooner or later; until
  then its few requests to the primary are not missed. This looks at who was met and never at what came of it, so it
  makes neither role look better.

No label says which host a request was sent to. With reporter="source" destination_service is where the routes led it,
the same for who asked the primary's Service at once; with reporter="destination" it is one of the Services of the pod,
whichever the proxy knows first. So a caller that does both, some requests by the routes and some past them, is counted
with all of them; docs/metrics.md says so.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from metrics.counting import POD_LABELS
from metrics.providers.base import Matrix, Point, Query, Sample, Series
from metrics.queries import (
    ANSWERED,
    DURATION_BUCKETS,
    REMEMBERED,
    REQUESTS,
    duration,
    literal,
    offset,
    role_label,
    role_names,
    selector,
    to_services,
)
from metrics.spec import Subject, Window

LOOKBACK_SECONDS = 300.0
"""How long before a window the samples begin. Longer gaps in scraping are bridged by `returned`."""
UNKNOWN = "unknown"

SOURCE = ("source_workload", "source_workload_namespace")


class What(StrEnum):
    """What is compared."""

    REQUESTS = "requests"
    DURATIONS = "durations"


def scraped(what: What, subject: Subject, window: Window) -> Query:
    """A range selector: what was scraped of both roles' pods from before the window until `window.at`.

    Of durations these are cumulative buckets in milliseconds, of requests that the server has answered.
    """
    return samples_of(both_roles(what, subject), window)


def returned(what: What, subject: Subject, window: Window) -> Query:
    """What `silent_before` says of the series of both roles' pods."""
    return silent_before(both_roles(what, subject), window)


def samples_of(series: str, window: Window) -> Query:
    """A range selector: what was scraped of these series from before the window until `window.at`."""
    return f"{series}[{duration(_seconds(window))}]"


def silent_before(series: str, window: Window) -> Query:
    """The last values, before the samples, of series that were silent for longer than these go back: pods that could
    not be scraped for a while and are not new. Nearly always none.
    """
    begin = _seconds(window)
    before = f"last_over_time({series}[{REMEMBERED}]{offset(window, begin)})"
    silent = f"last_over_time({series}[{duration(LOOKBACK_SECONDS)}]{offset(window, begin - LOOKBACK_SECONDS)})"
    back = f"last_over_time({series}[{duration(begin - LOOKBACK_SECONDS)}]{offset(window, 0.0)})"
    return f"({before} unless {silent}) and {back}"


def looking(subject: Subject, window: Window, *, scrape_seconds: float) -> Query:
    """The first moment since the samples begin at which Prometheus scraped anything, in seconds since 1970."""
    scraping = f"timestamp(count({selector('up', {}, subject.matchers)}))"
    return f"min_over_time({scraping}[{duration(_seconds(window))}:{duration(scrape_seconds)}]{offset(window, 0.0)})"


def bridged(found: Iterable[Series], earlier: Iterable[Sample], window: Window) -> Matrix:
    """The series with the values that `silent_before` has found in front."""
    begin = window.at.timestamp() - _seconds(window)
    values = {frozenset(sample.labels.items()): sample.value for sample in earlier}
    return tuple(
        Series(each.labels, (Point(begin, values[key]), *each.points))
        if (key := frozenset(each.labels.items())) in values
        else each
        for each in found
    )


def by_role(subject: Subject, found: Iterable[Series]) -> tuple[Matrix, Matrix]:
    """(primary, canary): the series of both roles, of callers that have met both.

    Of a subject known by its services it is callers who count, so that nothing is known of single pods.
    """
    label, (canary_name, primary_name) = role_label(subject), role_names(subject)
    every = [_without_pods(each) if subject.by_service else each for each in found]
    roles = [tuple(each for each in every if each.labels.get(label) == name) for name in (primary_name, canary_name)]
    in_both = frozenset.intersection(*(frozenset(_source(each.labels) for each in role) for role in roles))
    primary, canary = (tuple(each for each in role if _source(each.labels) in in_both) for role in roles)
    return primary, canary


def both_roles(what: What, subject: Subject) -> str:
    """The selector of what is compared, of both roles' pods and without callers that nobody splits."""
    labels = {**_both(subject), "source_workload!=": UNKNOWN}
    if what is What.REQUESTS:
        return selector(REQUESTS, labels, subject.matchers)
    return selector(DURATION_BUCKETS, {**labels, **ANSWERED}, subject.matchers)


def _both(subject: Subject) -> dict[str, str]:
    if subject.by_service:
        return {"reporter=": "source", **to_services(subject, subject.primary_service, subject.canary_service)}
    workloads = "|".join(map(literal, (subject.primary, subject.target)))
    where = {"destination_workload_namespace=": subject.namespace, "destination_workload=~": workloads}
    return {"reporter=": "destination", **where}


def _seconds(window: Window) -> float:
    return (window.at - window.start).total_seconds() + LOOKBACK_SECONDS


def _source(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(label, "") for label in SOURCE)


def _without_pods(series: Series) -> Series:
    return Series({name: value for name, value in series.labels.items() if name not in POD_LABELS}, series.points)
