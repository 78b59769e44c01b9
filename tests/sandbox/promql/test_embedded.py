"""The embedded Prometheus as the controller meets it: scraping, asked by the product's own provider, gone and back."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from delivery.cluster.clock import SystemClock
from delivery.sandbox.promql.binary import PrometheusUnavailableError
from delivery.sandbox.promql.choice import choose
from delivery.sandbox.promql.embedded import EmbeddedPrometheus
from delivery.sandbox.promql.exposition import Sample, parsed, written
from metrics.analysis import Analyst
from metrics.providers import Providers, QueryError
from metrics.providers.base import Kind
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Window
from metrics.verdict import Outcome
from tests.metrics.conftest import subject_in
from tests.sandbox.promql.conftest import Stopped
from tests.sandbox.promql.recordings import NOON

SUBJECT = subject_in("shop")
POD = (
    ("reporter", "destination"),
    ("destination_workload", "reviews"),
    ("destination_workload_namespace", "shop"),
)


class Mesh:
    """Counters that a test moves."""

    def __init__(self) -> None:
        self.good = self.bad = 0
        self.broken = False
        self.scraped = asyncio.Condition()
        self.scrapes = 0

    def samples(self) -> list[Sample]:
        self.scrapes += 1
        if self.broken:
            raise ConnectionRefusedError("nobody there")
        requests = [
            ("istio_requests_total", (*POD, ("response_code", code)), count)
            for code, count in (("200", self.good), ("503", self.bad))
        ]
        counts = {"100": self.good, "1000": self.good + self.bad, "+Inf": self.good + self.bad}
        name = "istio_request_duration_milliseconds_bucket"
        return requests + [(name, (*POD, ("response_code", "200"), ("le", le)), count) for le, count in counts.items()]


@pytest.fixture
def providers() -> Iterator[Providers]:
    each = Providers()
    yield each
    each.close()


def minutes(prometheus: EmbeddedPrometheus, clock: Stopped, mesh: Mesh, *, good: int, bad: int) -> Window:
    """Two minutes of traffic, scraped each 5 s; the window of the second."""
    for _ in range(24):
        clock.milliseconds += 5000
        mesh.good, mesh.bad = mesh.good + good, mesh.bad + bad
        prometheus.scrape()
    end = clock.now()
    return Window(start=end - timedelta(minutes=1), end=end, at=end)


async def test_the_product_judges_by_it(providers: Providers) -> None:
    """Given 98 good requests to 2 bad ones each scrape, when the analyst asks, then it judges rightly."""
    mesh, clock = Mesh(), Stopped(NOON)
    prometheus = EmbeddedPrometheus(mesh.samples, interval=3600, clock=clock)
    async with prometheus.serve() as url:
        window = minutes(prometheus, clock, mesh, good=98, bad=2)
        analyst = Analyst(providers.provider_for, timeout=10)
        rate = await analyst.metric(MetricSpec(name=SUCCESS_RATE, minimum=99), SUBJECT, window, server=url)
        slowness = await analyst.metric(MetricSpec(name=DURATION, maximum=500), SUBJECT, window, server=url)
        traffic = await analyst.traffic(SUBJECT, window, server=url)
    assert (rate.outcome, rate.value) == (Outcome.FAIL, 98)
    assert (slowness.outcome, slowness.value) == (Outcome.FAIL, pytest.approx(550))
    assert traffic.counts is not None
    assert traffic.counts.canary == 1200


async def test_it_goes_away_and_comes_back_with_what_it_knew(providers: Providers) -> None:
    mesh, clock = Mesh(), Stopped(NOON)
    prometheus = EmbeddedPrometheus(mesh.samples, interval=3600, clock=clock)
    async with prometheus.serve() as url:
        minutes(prometheus, clock, mesh, good=1, bad=0)
        provider = providers.provider_for(url)

        async def asked() -> object:
            return (await provider.query(["sum(istio_requests_total)"], at=clock.now(), timeout=10)).popitem()[1]

        before = await asked()
        assert not isinstance(before, QueryError)
        await prometheus.down()
        away = await asked()
        assert isinstance(away, QueryError)
        assert away.kind is Kind.UNREACHABLE
        clock.milliseconds += 30_000
        await prometheus.up()
        assert prometheus.url == url
        assert await asked() == before
    assert isinstance(await asked(), QueryError)


async def test_going_away_and_coming_back_twice_is_once(providers: Providers) -> None:
    clock = Stopped(NOON)
    prometheus = EmbeddedPrometheus(Mesh().samples, interval=3600, clock=clock)

    def scraping() -> int:
        return sum(task.get_name() == "prometheus-scrapes" for task in asyncio.all_tasks())

    async with prometheus.serve() as url:
        provider = providers.provider_for(url)
        await prometheus.up()
        assert scraping() == 1
        await prometheus.down()
        await prometheus.down()
        assert scraping() == 0
        assert isinstance((await provider.query(["1"], at=clock.now(), timeout=10))["1"], QueryError)
        await prometheus.up()
        assert scraping() == 1
        assert not isinstance((await provider.query(["1"], at=clock.now(), timeout=10))["1"], QueryError)


async def test_it_scrapes_by_itself() -> None:
    """Given an interval of 10 ms, when a third scrape has happened, then there are samples of it."""
    third = asyncio.Event()
    seen: list[int] = []

    def scrape() -> list[Sample]:
        seen.append(len(seen))
        if len(seen) >= 3:
            third.set()
        return [("scrapes", (), float(len(seen)))]

    prometheus = EmbeddedPrometheus(scrape, interval=0.01, clock=SystemClock())
    async with prometheus.serve():
        await asyncio.wait_for(third.wait(), 30)
    found = {series.labels[0][1]: series.points(0, 2**62)[1] for series in prometheus.storage.select([])}
    assert found["scrapes"][:3] == [1.0, 2.0, 3.0]
    assert set(found["up"]) == {1.0}


async def test_a_target_that_is_down_says_so_and_has_no_values() -> None:
    mesh, clock = Mesh(), Stopped(NOON)
    prometheus = EmbeddedPrometheus(mesh.samples, interval=3600, clock=clock)
    prometheus.scrape()
    mesh.broken = True
    clock.milliseconds += 1000
    prometheus.scrape()
    assert prometheus.last_error == "ConnectionRefusedError: nobody there"
    now = {
        series.labels[0][1]: series.value_at(clock.milliseconds, 300_000) for series in prometheus.storage.select([])
    }
    assert now["up"] == (clock.milliseconds, 0.0)
    assert now["istio_requests_total"] is None

    mesh.broken = False
    clock.milliseconds += 1000
    prometheus.scrape()
    assert prometheus.last_error == ""


async def test_samples_that_are_none_are_a_target_that_is_down() -> None:
    prometheus = EmbeddedPrometheus(lambda: [("x", (), "many")], interval=3600, clock=Stopped(NOON))  # type: ignore[list-item]
    prometheus.scrape()
    assert "ValueError" in prometheus.last_error


async def test_text_that_is_no_exposition_is_a_target_that_is_down() -> None:
    prometheus = EmbeddedPrometheus(lambda: "<html>", interval=3600, clock=Stopped(NOON))
    prometheus.scrape()
    assert "ValueError" in prometheus.last_error


async def test_a_clock_that_is_set_back_is_waited_for() -> None:
    mesh, clock = Mesh(), Stopped(NOON)
    prometheus = EmbeddedPrometheus(mesh.samples, interval=3600, clock=clock)
    prometheus.scrape()
    clock.milliseconds -= 5000
    prometheus.scrape()
    assert mesh.scrapes == 1
    clock.milliseconds += 5001
    prometheus.scrape()
    assert mesh.scrapes == 2


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="interval is 0 s, it must be above 0"):
        EmbeddedPrometheus(list, interval=0, clock=Stopped(NOON))


def test_text_and_values_say_the_same() -> None:
    samples = [("x", (("a", 'q"\\\n'),), 1.5), ("y", (), float("inf")), ("z", (), float("-inf")), ("n_total", (), 3.0)]
    assert list(parsed(written(samples))) == samples


def test_without_the_program_the_embedded_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for choice in ("auto", "embedded"):
        assert isinstance(choose(choice, list, interval=5, clock=Stopped(NOON)), EmbeddedPrometheus)
    with pytest.raises(PrometheusUnavailableError, match="no program 'prometheus' on the PATH"):
        choose("binary", list, interval=5, clock=Stopped(NOON))
    with pytest.raises(ValueError, match="--prometheus is 'both'; allowed are auto, binary, embedded"):
        choose("both", list, interval=5, clock=Stopped(NOON))
