"""Both roles' pods as they were scraped, from a real Prometheus, and whose requests are compared at all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from delivery.sandbox.mesh import Load, Mesh
from metrics import counting, queries, raw_queries
from metrics.analysis import Analyst
from metrics.judges.counts import PodCounts, WindowCounts
from metrics.providers import Matrix, Point, Provider, Providers, QueryError, Series
from metrics.providers.base import Samples as Values
from metrics.raw_queries import What
from metrics.spec import Subject, Window
from tests.metrics import scenes
from tests.metrics.conftest import NOON, subject_in, window_of
from tests.metrics.scenes import SCRAPE, Samples, Scenes, durations, flat, growing
from tests.sandbox.mesh.things import CANARY, PRIMARY, route, shop, virtual_service

SCENES = Scenes.looked_at(until=30)
scene = SCENES.scene
YESTERDAY = -86400
MINUTE = window_of(60, ending=NOON, late=SCRAPE)


def requests(samples: Samples, workload: str = "reviews", *, code: str = "200", **labels: str) -> scenes.Series:
    """Requests of a caller with a proxy, unless it is said otherwise."""
    caller = {"source_workload": "productpage", "source_workload_namespace": "web"}
    return scenes.requests(samples, workload, code=code, **{**caller, **labels})


class Counter:
    """Asks for what was scraped and counts it."""

    def __init__(self, namespace: str, providers: Providers, server: str) -> None:
        self.subject, self._server = subject_in(namespace), server
        self._analyst = Analyst(providers.provider_for, timeout=30)

    async def failures(self, window: Window = MINUTE, subject: Subject | None = None) -> WindowCounts:
        found = await self._analyst.scraped(What.REQUESTS, subject or self.subject, window, server=self._server)
        roles = {"primary": found.primary, "canary": found.canary}
        return counting.failures(1, window, **roles, looking_since=found.looking_since)

    async def slow(self, window: Window = MINUTE) -> WindowCounts:
        found = await self._analyst.scraped(What.DURATIONS, self.subject, window, server=self._server)
        roles = {"primary": found.primary, "canary": found.canary}
        return counting.slow(1, window, **roles, looking_since=found.looking_since)


@pytest.fixture
def count(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Counter:
    return Counter(request.node.originalname, providers, prometheus)


def later(by: float) -> Samples:
    """A counter that goes on for two scrapes after noon."""
    return growing(10 * 50.0, by=by, until=30)


@scene(
    requests(later(5), instance_of="canary"),
    requests({-30: 1, -15: 2, 0: 2, 15: 9}, code="503"),
    requests(later(20), "reviews-primary"),
    requests(later(25), "reviews-primary"),
    requests(later(1), "reviews-primary", code="500"),
    requests(later(90), "reviews-v2"),
    requests(later(90), reporter="source"),
    requests(later(90), "reviews-primary", destination_workload_namespace="elsewhere"),
)
async def test_each_pod_of_both_roles_is_counted_and_a_new_series_from_zero(count: Counter) -> None:
    """Given errors of a canary that are its first ever, then they count; and what comes after the window does not."""
    found = await count.failures()
    assert (found.canary.requests, found.canary.bad) == (20 + 2, (2,))
    assert (found.primary.requests, found.primary.bad) == (80 + 100 + 4, (4,))
    assert sorted(pod.requests for pod in found.primary.pods) == [4, 80, 100]


@scene(requests(later(5)), requests({-20: 4, -5: 9}), requests(later(5), "reviews-primary"))
async def test_disjoint_windows_count_each_request_once(count: Counter) -> None:
    """Ten windows of half a minute that follow each other, each asked as of its own moment."""
    ends = [NOON - timedelta(seconds=30 * back) for back in range(10)]
    found = [await count.failures(window_of(30, ending=end, late=SCRAPE)) for end in ends]
    assert sum(each.primary.requests for each in found) == 5 * 20
    assert sum(each.canary.requests for each in found) == 5 * 20 + 9


@scene(
    requests(later(5)),
    requests({-1800: 10_000, -20: 10_004, 0: 10_009}, code="503"),
    requests(later(5), "reviews-primary"),
)
async def test_a_pod_that_could_not_be_scraped_for_long_is_not_new(count: Counter) -> None:
    """Given half an hour without a scrape, then its 10,000 errors of long ago are not this window's."""
    found = await count.failures()
    assert found.canary.bad == (9,)


@scene(
    requests({YESTERDAY - 20: 10_004, YESTERDAY - 5: 10_004}),
    requests({YESTERDAY - 20: 500, YESTERDAY - 5: 510}, "reviews-primary"),
)
async def test_what_was_counted_before_prometheus_looked_is_not_new(count: Counter) -> None:
    """Given a Prometheus that has just been set up, then what it finds happened before."""
    window = window_of(60, ending=NOON - timedelta(days=1), late=SCRAPE)
    assert (await count.failures(window)).canary.requests == 0


@scene(
    requests(later(9)),
    requests(later(10), "reviews-primary"),
    requests(later(100), "reviews-primary", source_workload="unknown", source_workload_namespace="unknown"),
    requests(later(100), "reviews-primary", source_workload="nightly-job"),
    requests(later(100), source_workload="load-tester", code="503"),
    requests(later(100), "reviews-primary", source_workload_namespace="unrouted"),
)
async def test_callers_outside_the_split_are_in_neither_roles_counts(count: Counter) -> None:
    """No proxy of its own, only the primary, only the canary, a workload of the same name elsewhere."""
    found = await count.failures()
    assert (found.canary.requests, found.canary.bad) == (36, (0,))
    assert (found.primary.requests, found.primary.bad) == (40, (0,))


@scene(requests(flat(500)), requests(later(10), "reviews-primary"))
async def test_a_caller_that_has_met_the_canary_before_is_in_the_split(count: Counter) -> None:
    """At 1 % of little traffic, whole windows pass without a request to the canary; the primary's still count."""
    found = await count.failures()
    assert (found.canary.requests, found.primary.requests) == (0, 40)


def histogram(workload: str, *by: float, code: str = "200") -> list[scenes.Series]:
    edges = ("100", "500", "+Inf")
    found = durations(
        {edge: growing(900, by=each, until=30) for edge, each in zip(edges, by, strict=True)}, workload, code=code
    )
    caller = {
        "source_workload": "productpage",
        "source_workload_namespace": "web",
        "pod": f"{workload}-1",
        "instance": "1",
    }
    return [replace(each, labels={**each.labels, **caller}) for each in found]


@scene(
    *histogram("reviews", 4, 6, 10),
    *histogram("reviews", 0, 0, 10, code="101"),
    *histogram("reviews", 0, 0, 10, code="0"),
    *histogram("reviews-primary", 40, 50, 50),
)
async def test_buckets_of_both_roles_without_streams_and_hang_ups(count: Counter) -> None:
    found = await count.slow()
    assert found.edges == (100, 500)
    assert found.canary.pods == (PodCounts("reviews-1", 40, (24, 16)),)
    assert found.primary.pods == (PodCounts("reviews-primary-1", 200, (40, 0)),)


@scene(
    requests(later(9), "reviews-v2", reporter="source", destination_service_name="reviews-canary", pod="caller-1"),
    requests(later(90), "reviews-v1", reporter="source", destination_service_name="reviews-primary", pod="caller-1"),
    requests(later(90), "reviews-v1", reporter="source", destination_service_name="reviews", pod="caller-1"),
    requests(later(90), "reviews-v2", destination_service_name="reviews-canary"),
)
async def test_of_a_subject_known_by_its_services_callers_count_and_nothing_is_said_of_pods(count: Counter) -> None:
    """The pod of such a series is the caller's: taking it for one of the role would mix up their loads."""
    found = await count.failures(subject=replace(count.subject, by_service=True))
    assert (found.canary.requests, found.primary.requests) == (36, 360)
    assert (found.canary.pods, found.primary.pods) == ((), ())


async def test_of_what_nobody_knows_there_are_no_counts(count: Counter) -> None:
    found = await count.failures()
    assert (found.canary.requests, found.primary.requests) == (0, 0)


async def test_a_provider_that_keeps_no_samples_is_refused_with_the_reason() -> None:
    class Averages:
        async def query(
            self, queries: Sequence[str], *, at: datetime, timeout: float
        ) -> Mapping[str, Values | QueryError]:
            return dict.fromkeys(queries, ())

    provider: Provider = Averages()
    with pytest.raises(QueryError, match="does not tell what was scraped"):
        await Analyst(lambda _: provider).scraped(What.REQUESTS, SUBJECT, MINUTE, server="s")


# --- as the sandbox's mesh counts -----------------------------------------------------------------------------------

SUBJECT = subject_in("shop")


def scraped(mesh: Mesh, *moments: float) -> Matrix:
    """What a Prometheus that scrapes the mesh at these seconds knows."""
    points: dict[tuple[tuple[str, str], ...], list[Point]] = {}
    for moment in moments:
        mesh.advance(moment)
        for sample in mesh.samples():
            if sample.name == queries.REQUESTS and dict(sample.labels)["reporter"] == "destination":
                points.setdefault(sample.labels, []).append(Point(moment, sample.value))
    return tuple(Series(dict(labels), tuple(found)) for labels, found in points.items())


def services(found: Matrix, source: str) -> set[tuple[str, str]]:
    return {
        (each.labels["destination_workload"], each.labels["destination_service_name"])
        for each in found
        if each.labels["source_workload"] == source
    }


def test_no_label_says_whether_a_request_came_by_the_routes() -> None:
    """Given one caller of the apex and one of the primary's Service, then their requests to the primary look alike; but
    only the first meets the canary too, and that is how the second is found.
    """
    split = virtual_service(route(primary=80, canary=20))
    loads = (Load("shop", "reviews", 100), Load("shop", "reviews-primary", 100, source="nightly-job"))
    with_tester = (*loads, Load("shop", "reviews-canary", 100, source="load-tester"))
    found = scraped(shop(PRIMARY, CANARY, split, loads=with_tester), 0, 60)

    assert services(found, "nightly-job") == {("reviews-primary", "reviews-primary")}
    assert services(found, "load-tester") == {("reviews", "reviews-canary")}
    assert services(found, "productpage") == {("reviews-primary", "reviews-primary"), ("reviews", "reviews-canary")}

    primary, canary = raw_queries.by_role(SUBJECT, found)
    assert {each.labels["source_workload"] for each in (*primary, *canary)} == {"productpage"}
    assert sum(each.points[-1].value for each in primary) == pytest.approx(4800, abs=1)
    assert sum(each.points[-1].value for each in canary) == pytest.approx(1200, abs=1)
