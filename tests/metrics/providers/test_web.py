"""Any JSON service: what is sent, and where the number is found."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from metrics.analysis import Analyst
from metrics.providers import Kind, Providers, Sample
from metrics.source import Source
from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Outcome
from tests.metrics.conftest import ManualClock
from tests.metrics.providers.vendor import Vendor, ask, error, vendor


@pytest.fixture
def service() -> Iterator[Vendor]:
    with vendor() as each:
        yield each


def source(server: Vendor, **options: Any) -> Source:
    path = options.pop("path", "")
    return Source(type="web", address=f"{server.address}{path}", **{"json_path": "$.errors", **options})


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        ("", "/v1/errors?service=reviews", ("/v1/errors", {"service": ["reviews"]})),
        ("/api/", "v1/errors", ("/api/v1/errors", {})),
        ("/api", "?a=b", ("/api", {"a": ["b"]})),
        ("/api", "@evil.example.com/x", ("/api/@evil.example.com/x", {})),
    ],
)
async def test_a_get_has_the_query_as_the_end_of_its_url(
    service: Vendor, providers: Providers, path: str, query: str, asked: Any
) -> None:
    service.says({"errors": 3})
    assert await ask(providers, source(service, path=path), query) == (Sample(3),)
    assert (service.asked.method, (service.asked.path, service.asked.query)) == ("GET", asked)
    assert service.asked.headers["Accept"] == "application/json"


async def test_a_post_has_the_query_as_its_body(service: Vendor, providers: Providers) -> None:
    service.says({"errors": 3})
    await ask(providers, source(service, method="POST", path="/query"), '{"of": "reviews"}')
    sent = service.asked
    assert (sent.method, sent.path, sent.body) == ("POST", "/query", b'{"of": "reviews"}')
    assert sent.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        ((("token", "secret\n"),), "Bearer secret"),
        ((("username", "me"), ("password", "secret")), "Basic bWU6c2VjcmV0"),
        ((), None),
    ],
)
async def test_credentials_and_headers_go_along(
    service: Vendor, providers: Providers, credentials: Any, sent: str | None
) -> None:
    service.says({"errors": 3})
    await ask(providers, source(service, credentials=credentials, headers=(("X-Scope", "a, b"),)), "/")
    assert service.asked.headers.get("Authorization") == sent
    assert service.asked.headers["X-Scope"] == "a, b"


@pytest.mark.parametrize(
    ("answer", "path", "found"),
    [
        ({"errors": "2.5"}, "$.errors", (Sample(2.5),)),
        ({"errors": []}, "$.errors[*]", ()),
        ({}, "$.errors", ()),
        ([{"a": 1}, {"a": 2}], "$[*].a", (Sample(1), Sample(2))),
        (7, "$", (Sample(7),)),
    ],
)
async def test_the_numbers_are_where_the_path_leads(
    service: Vendor, providers: Providers, answer: Any, path: str, found: Any
) -> None:
    service.says(answer)
    assert await ask(providers, source(service, json_path=path), "") == found


async def test_null_is_no_number(service: Vendor, providers: Providers) -> None:
    service.says({"errors": None})
    (sample,) = await ask(providers, source(service), "")  # type: ignore[misc]
    assert math.isnan(sample.value)


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (200, {"errors": {"a": 1}}, Kind.SHAPE, "type dict, not a number"),
        (200, {"errors": 1, "more": "x" * 600_000}, Kind.SHAPE, "more than 524288 bytes"),
        (200, {"errors": True}, Kind.SHAPE, "type bool, not a number"),
        (200, {"errors": "many"}, Kind.SHAPE, "not a number"),
        (200, "[" * 100_000, Kind.NOT_PROMETHEUS, "not with JSON"),
        (200, "<html>", Kind.NOT_PROMETHEUS, "not with JSON"),
        (401, {}, Kind.REFUSED, "check the credentials"),
        (404, {}, Kind.REFUSED, "HTTP 404"),
        (503, {}, Kind.UNREACHABLE, "cannot answer now"),
        (302, {}, Kind.NOT_PROMETHEUS, "redirects to http://login, which is not followed"),
    ],
)
async def test_an_error_says_what_came_instead(
    service: Vendor, providers: Providers, status: int, body: Any, kind: Kind, says: str
) -> None:
    service.says(body, status=status, Location="http://login?next=secret")
    found = await error(providers, source(service))
    assert (found.kind, says in found.message) == (kind, True), found.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "30"}, 30),
        ({"Retry_After": "99999"}, 300),
        ({"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "Retry_After": "Sun, 01 Mar 2026 12:00:50 GMT"}, 50),
    ],
)
async def test_a_service_that_limits_us_is_left_alone_for_as_long_as_it_says(
    service: Vendor, providers: Providers, clock: ManualClock, headers: dict[str, str], seconds: float
) -> None:
    service.says({}, status=429, **headers)
    await error(providers, source(service))
    clock.now += seconds - 1
    await error(providers, source(service))
    assert len(service.requests) == 1
    clock.now += 2
    await error(providers, source(service))
    assert len(service.requests) == 2


async def test_a_service_that_does_not_answer_is_left_alone_for_a_while(service: Vendor, providers: Providers) -> None:
    service.says({}, status=503)
    for _ in range(7):
        found = await error(providers, source(service))
    assert "several times in a row" in found.message
    assert len(service.requests) == 5


@pytest.mark.parametrize(
    ("variable", "sent"), [("a b&x=1", "a b&x=1"), ("../../admin?", "../../admin?"), ('"}, {"', '"}, {"')]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_value_stays_a_value_whatever_is_in_it(
    service: Vendor, providers: Providers, subject: Subject, window: Window, variable: str, sent: str, method: str
) -> None:
    service.says({"errors": 3})
    query = '{"of": "{{ variables.topic }}"}' if method == "POST" else "/of?topic={{ variables.topic }}&as={{ target }}"
    spec = MetricSpec(
        name="errors", maximum=5, query=query, variables={"topic": variable}, source=source(service, method=method)
    )
    analyst = Analyst(providers.provider_for, source_for=providers.source_for, timeout=20)
    verdict = await analyst.metric(spec, subject, window, server="http://nobody")

    assert (verdict.outcome, verdict.value) == (Outcome.PASS, 3)
    if method == "GET":
        assert (service.asked.path, service.asked.query) == ("/of", {"topic": [sent], "as": ["reviews"]})
    else:
        import json

        assert json.loads(service.asked.body) == {"of": sent}
