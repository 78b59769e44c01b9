"""What was scraped comes back as it was scraped, from a scripted server and from a real Prometheus."""

import math
from datetime import timedelta
from typing import Any

import pytest

from metrics.providers import Kind, Matrix, Point, Providers, QueryError, RawProvider, Series
from tests.metrics.conftest import NOON, Server
from tests.metrics.scenes import SCRAPE, Scenes, growing, requests

PATIENCE = 20.0
SCENES = Scenes({})
scene = SCENES.scene


async def raw(providers: Providers, address: str, query: str, later: float = 0) -> Matrix | QueryError:
    provider = providers.provider_for(address)
    assert isinstance(provider, RawProvider)
    return (await provider.raw([query], at=NOON + timedelta(seconds=later), timeout=PATIENCE))[query]


def noon(*seconds: float) -> list[float]:
    return [NOON.timestamp() + second for second in seconds]


async def test_series_have_labels_and_points(server: Server, providers: Providers) -> None:
    found = [{"metric": {"pod": "a", "le": "+Inf"}, "values": [[1.5, "3"], [16.5, "NaN"]]}]
    server.script = lambda handler: handler.result("matrix", found)
    answer = await raw(providers, server.address, "x[1m]")
    assert isinstance(answer, tuple)
    (series,) = answer
    assert series.labels == {"pod": "a", "le": "+Inf"}
    assert series.points[0] == Point(at=1.5, value=3)
    assert math.isnan(series.points[1].value)


async def test_nothing_scraped_is_an_empty_answer(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.result("matrix", [])
    assert await raw(providers, server.address, "x[1m]") == ()


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("vector", [{"metric": {}, "value": [1, "1"]}], "write it as a selector with a range"),
        ("scalar", [1, "7"], "write it as a selector with a range"),
        ("matrix", [{"metric": {}, "histograms": [[1, {"count": "3"}]]}], "native histograms"),
        ("matrix", [{"metric": {}, "values": [[1]]}], "write it as a selector with a range"),
        ("matrix", [{"metric": {}, "values": [[1, "many"]]}], "write it as a selector with a range"),
    ],
)
async def test_what_is_no_range_is_a_wrong_shape(
    server: Server, providers: Providers, kind: str, value: Any, words: str
) -> None:
    server.script = lambda handler: handler.result(kind, value)
    answer = await raw(providers, server.address, "x")
    assert isinstance(answer, QueryError)
    assert answer.kind is Kind.SHAPE
    assert words in answer.message


async def test_an_answer_that_would_fill_the_memory_is_refused(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer(b" " * 9_000_000)
    answer = await raw(providers, server.address, "x[1y]")
    assert isinstance(answer, QueryError)
    assert answer.kind is Kind.SHAPE


async def test_an_error_is_the_answer_of_its_query_alone(server: Server, providers: Providers) -> None:
    server.script = lambda handler: (
        handler.answer("busy", status=503, kind="text/plain")
        if "bad" in handler.path
        else handler.result("matrix", [{"metric": {}, "values": [[1, "1"]]}])
    )
    provider = providers.provider_for(server.address)
    assert isinstance(provider, RawProvider)
    answers = await provider.raw(["bad[1m]", "good[1m]"], at=NOON, timeout=PATIENCE)
    assert isinstance(answers["bad[1m]"], QueryError)
    assert answers["good[1m]"] == (Series({}, (Point(1, 1),)),)


@scene(requests(growing(500, by=10)), requests({-45: 3, -30: 3, -15: 9}, code="503"))
async def test_prometheus_tells_every_scrape_of_the_range(prometheus: str, providers: Providers) -> None:
    """Given scrapes each 15 s, when the minute before noon is asked for, then both ends of it are in the answer."""
    namespace = test_prometheus_tells_every_scrape_of_the_range.__name__
    answer = await raw(
        providers, prometheus, f'istio_requests_total{{destination_workload_namespace="{namespace}"}}[1m]'
    )
    assert isinstance(answer, tuple)
    by_code = {series.labels["response_code"]: series.points for series in answer}
    assert [point.at for point in by_code["200"]] == noon(-60, -45, -30, -15, 0)
    assert [point.value for point in by_code["200"]] == [460, 470, 480, 490, 500]
    assert by_code["503"] == tuple(map(Point, noon(-45, -30, -15), (3, 3, 9)))


@scene(requests(growing(500, by=10)))
async def test_a_range_may_end_before_the_moment_of_the_question(prometheus: str, providers: Providers) -> None:
    namespace = test_a_range_may_end_before_the_moment_of_the_question.__name__
    selector = f'istio_requests_total{{destination_workload_namespace="{namespace}"}}'
    answer = await raw(providers, prometheus, f"{selector}[{SCRAPE}s] offset 1m", later=15)
    assert isinstance(answer, tuple)
    assert [point.at for point in answer[0].points] == noon(-60, -45)


@pytest.mark.parametrize("query", ["up", "sum(up)", "7", '"text"', "sum(", "rate(up[1m])"])
async def test_what_is_no_range_selector_is_refused_where_it_can_be_told(
    prometheus: str, providers: Providers, query: str
) -> None:
    """An answer without series does not say of what kind it is."""
    answer = await raw(providers, prometheus, query)
    assert answer == () or isinstance(answer, QueryError)
    if query in ("7", '"text"'):
        assert isinstance(answer, QueryError)
        assert answer.kind is Kind.SHAPE
    if query == "sum(":
        assert isinstance(answer, QueryError)
        assert answer.kind is Kind.REFUSED
