"""Datadog: what is sent, as its API reference has it, and what its answers mean."""

from collections.abc import Iterator
from typing import Any

import pytest

from metrics.providers import Kind, Providers, Sample
from metrics.source import Source
from tests.metrics.conftest import ManualClock
from tests.metrics.providers.vendor import END, START, Vendor, ask, error, vendor

QUERY = "avg:istio.errors{service:reviews,env:prod}.as_rate()"


@pytest.fixture
def datadog() -> Iterator[Vendor]:
    with vendor() as each:
        yield each


def source(server: Vendor, **keys: str) -> Source:
    given = keys or {"datadog_api_key": "one", "datadog_application_key": "two"}
    return Source(type="datadog", address=server.address, credentials=tuple(given.items()))


def answered(*series: Any) -> dict[str, Any]:
    """As the reference shows it."""
    return {
        "status": "ok",
        "res_type": "time_series",
        "resp_version": 1,
        "query": QUERY,
        "from_date": round(START.timestamp() * 1000),
        "to_date": round(END.timestamp() * 1000),
        "series": list(series),
        "values": [],
        "times": [],
        "message": "",
        "group_by": [],
    }


def points(*values: float | None, scope: str = "service:reviews") -> dict[str, Any]:
    first = START.timestamp() * 1000
    listed = [[first + 20_000.0 * number, value] for number, value in enumerate(values)]
    return {"metric": "istio.errors", "scope": scope, "interval": 20, "length": len(listed), "pointlist": listed}


@pytest.mark.parametrize(
    "keys", [{}, {"api_key": "one", "application_key": "two"}, {"api_key": " one\n", "datadog_application_key": "two"}]
)
async def test_the_query_is_asked_about_the_window_with_both_keys(
    datadog: Vendor, providers: Providers, keys: Any
) -> None:
    datadog.says(answered(points(1.0, 2.5)))

    assert await ask(providers, source(datadog, **keys), QUERY) == (Sample(2.5, {"scope": "service:reviews"}),)
    sent = datadog.asked
    assert (sent.method, sent.path) == ("GET", "/api/v1/query")
    assert sent.query == {
        "from": [str(int(START.timestamp()))], "to": [str(int(END.timestamp()))], "query": [QUERY],
    }  # fmt: skip
    assert (sent.headers["DD-API-KEY"], sent.headers["DD-APPLICATION-KEY"]) == ("one", "two")


async def test_the_latest_point_with_a_value_counts_for_each_series(datadog: Vendor, providers: Providers) -> None:
    datadog.says(answered(points(1, 7, None), points(3, scope="b"), points(None, scope="c"), points(scope="d")))
    answer = await ask(providers, source(datadog), QUERY)
    assert answer == (Sample(7, {"scope": "service:reviews"}), Sample(3, {"scope": "b"}))


async def test_no_series_is_an_empty_answer(datadog: Vendor, providers: Providers) -> None:
    datadog.says(answered())
    assert await ask(providers, source(datadog), QUERY) == ()


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (200, {**answered(), "status": "error", "error": "Rule 'avg' is unknown"}, Kind.REFUSED, "Rule 'avg'"),
        (400, {"errors": ["Bad Request", "from is required"]}, Kind.REFUSED, "Bad Request; from is required"),
        (403, {"errors": ["Forbidden"]}, Kind.REFUSED, "check the credentials"),
        (500, "oops", Kind.UNREACHABLE, "HTTP 500"),
        (200, "<html>", Kind.NOT_PROMETHEUS, "not with JSON"),
        (200, [], Kind.NOT_PROMETHEUS, "not answer as Datadog"),
        (200, answered({"pointlist": [["a", "b"]]}), Kind.SHAPE, "no numbers"),
    ],
)
async def test_an_error_is_told_with_datadogs_words(
    datadog: Vendor, providers: Providers, status: int, body: Any, kind: Kind, says: str
) -> None:
    datadog.says(body, status=status)
    found = await error(providers, source(datadog), QUERY)
    assert found.kind is kind
    assert says in found.message
    assert "one" not in found.message.split()


async def test_a_rate_limit_is_kept_for_as_long_as_datadog_says(
    datadog: Vendor, providers: Providers, clock: ManualClock
) -> None:
    limits = {"X_RateLimit_Limit": "300", "X_RateLimit_Period": "3600", "X_RateLimit_Reset": "40"}
    datadog.says({"errors": ["Too many requests"]}, status=429, **limits)
    first = await error(providers, source(datadog), QUERY)
    second = await error(providers, source(datadog), QUERY)
    assert "may be asked again in 40 s" in first.message
    assert "asked again in 40 s" in second.message
    assert len(datadog.requests) == 1

    clock.now += 41
    datadog.says(answered(points(1)))
    assert await ask(providers, source(datadog), QUERY) == (Sample(1, {"scope": "service:reviews"}),)


@pytest.mark.parametrize("keys", [{"datadog_api_key": "one"}, {"datadog_application_key": "two"}, {"token": "x"}])
def test_a_missing_key_is_named(providers: Providers, keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"datadog needs a Secret with the key datadog_(api|application)_key"):
        providers.source_for(Source(type="datadog", credentials=tuple(keys.items())))
