"""Over HTTP, too, nobody can tell which Prometheus answers: paths, forms, JSON, errors and codes are the same."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from delivery.sandbox.promql.http import Api
from delivery.sandbox.promql.labels import labels_of
from delivery.sandbox.promql.storage import Storage
from tests.sandbox.promql.conftest import Embedded, Real, Recording, Stopped
from tests.sandbox.promql.recordings import NOON, growing, scrapes

TIMES = scrapes(-600, 0)
RECORDING: Recording = {
    labels_of("one", {"k": 'ü "x" \\'}): growing(TIMES, 0.1),
    labels_of("two", {"a": "1"}): growing(TIMES, 3),
    labels_of("two", {"a": "2"}): [*growing(TIMES[:10], 3), (TIMES[11], None)],
}
SECOND = NOON / 1000


@dataclass
class Asker:
    """Asks both with the same request."""

    session: aiohttp.ClientSession
    url: str
    real: str

    async def ours(self, method: str, path: str, parameters: dict[str, Any]) -> tuple[int, str, str]:
        text = urlencode(parameters, doseq=True)
        if method == "POST":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            sent = self.session.post(f"{self.url}{path}", data=text, headers=form)
        else:
            sent = self.session.get(f"{self.url}{path}?{text}")
        async with sent as answer:
            return answer.status, answer.content_type, await answer.text()

    def theirs(self, method: str, path: str, parameters: dict[str, Any]) -> tuple[int, str, str]:
        text = urlencode(parameters, doseq=True)
        connection = HTTPConnection(urlsplit(self.real).netloc, timeout=10)
        if method == "POST":
            connection.request("POST", path, text, {"Content-Type": "application/x-www-form-urlencoded"})
        else:
            connection.request("GET", f"{path}?{text}")
        answer = connection.getresponse()
        kind = (answer.headers["Content-Type"] or "").partition(";")[0]
        found = (answer.status, kind, answer.read().decode())
        connection.close()
        return found


@pytest.fixture(scope="module")
def recorded(real: Real) -> Real:
    real.record(RECORDING)
    return real


@pytest.fixture
async def ask(recorded: Real) -> AsyncIterator[Asker]:
    embedded = Embedded(Storage())
    embedded.record(RECORDING)
    app: web.Application = Api(embedded.storage, Stopped(NOON)).application()
    timeout = aiohttp.ClientTimeout(total=10)
    async with TestServer(app) as server, aiohttp.ClientSession(timeout=timeout) as session:
        yield Asker(session, str(server.make_url("")).rstrip("/"), recorded.url)


QUERY, RANGE = "/api/v1/query", "/api/v1/query_range"
SAME_TEXT = [
    (QUERY, {"query": "one", "time": SECOND}),
    (QUERY, {"query": "one", "time": "2026-03-01T11:59:00Z"}),
    (QUERY, {"query": "one", "time": "2026-03-01T12:59:00.5+01:00"}),
    (QUERY, {"query": "one[1m]", "time": SECOND - 0.25}),
    (QUERY, {"query": "nothing", "time": SECOND}),
    (QUERY, {"query": "1", "time": SECOND}),
    (QUERY, {"query": '"text ü"', "time": SECOND}),
    (QUERY, {"query": "one / 0", "time": SECOND, "timeout": "1m30s"}),
    (QUERY, {"query": "one / 0", "time": SECOND, "timeout": "500ms"}),
    *(
        (QUERY, {"query": f"one * {value}", "time": SECOND})
        for value in ("1e20", "1e21", "1e-8", "1e-300", "-1e-7", "0")
    ),
    (QUERY, {"query": "1", "time": "noon"}),
    (QUERY, {"query": "1", "timeout": "soon"}),
    (QUERY, {"query": "1", "time": SECOND, "timeout": "5"}),
    (QUERY, {"query": "two * on () two", "time": SECOND - 590}),
    (QUERY, {"query": '{__name__=~"one|two"} + 1', "time": SECOND}),
    (RANGE, {"query": "two", "start": SECOND - 700, "end": SECOND + 400, "step": "15s"}),
    (RANGE, {"query": "rate(two[1m])", "start": SECOND - 100, "end": SECOND, "step": 7.5}),
    (RANGE, {"query": "two @ end() - two @ start()", "start": SECOND - 100, "end": SECOND, "step": 50}),
    (RANGE, {"query": "time()", "start": SECOND, "end": SECOND + 1, "step": "0.3"}),
    (RANGE, {"query": "nothing", "start": SECOND, "end": SECOND, "step": "1m"}),
    (RANGE, {"query": "two[1m]", "start": SECOND, "end": SECOND, "step": "1m"}),
    (RANGE, {"query": '"x"', "start": SECOND, "end": SECOND, "step": "1m"}),
    (RANGE, {"query": "two"}),
    (RANGE, {"query": "two", "start": SECOND, "end": SECOND - 1, "step": 1}),
    (RANGE, {"query": "two", "start": SECOND, "end": SECOND, "step": 0}),
    (RANGE, {"query": "two", "start": SECOND, "end": SECOND}),
    (RANGE, {"query": "two", "start": 0, "end": SECOND, "step": 1}),
    ("/api/v1/series", {}),
    ("/api/v1/series", {"match[]": "two"}),
    ("/api/v1/series", {"match[]": ["two", "one"], "start": SECOND - 1000, "end": SECOND}),
    ("/api/v1/series", {"match[]": "two", "start": SECOND + 10_000}),
    ("/api/v1/labels", {}),
    ("/api/v1/labels", {"match[]": "two"}),
    ("/api/v1/label/__name__/values", {}),
    ("/api/v1/label/a/values", {}),
    ("/api/v1/label/a/values", {"match[]": "one"}),
    ("/api/v1/label/nothing/values", {}),
    ("/api/v1/label/a-b/values", {}),
]


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        (method, *asked)
        for asked in SAME_TEXT
        for method in (("GET",) if "/label/" in asked[0] else ("GET", "POST"))  # Prometheus knows no POST there
    ],
)
async def test_an_answer_is_the_same_to_the_letter(
    ask: Asker, method: str, path: str, parameters: dict[str, Any]
) -> None:
    assert await ask.ours(method, path, parameters) == ask.theirs(method, path, parameters)


@pytest.mark.parametrize(
    "query", ["", "foo bar", "rate(two)", "nosuch(two)", "sum(two", '{a=""}', 'two{a=~"(["}', "1 > 2"]
)
async def test_what_is_malformed_is_refused_alike_in_other_words(ask: Asker, query: str) -> None:
    for path, more in ((QUERY, {}), (RANGE, {"start": SECOND, "end": SECOND, "step": 1})):
        ours = await ask.ours("GET", path, {"query": query, **more})
        theirs = ask.theirs("GET", path, {"query": query, **more})
        assert ours[:2] == theirs[:2] == (400, "application/json")
        mine, wanted = json.loads(ours[2]), json.loads(theirs[2])
        assert (mine["status"], mine["errorType"]) == (wanted["status"], wanted["errorType"])
        assert mine["error"].startswith('invalid parameter "query": ')


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("label_join(two, 'b', '-', 'a')", "label_join"),
        ("predict_linear(two[5m], 60)", "predict_linear"),
        ("deriv(two[5m])", "deriv"),
        ("count_values('v', two)", "count_values"),
        ("two atan2 two", "atan2"),
        ('two{a="1" or a="2"}', '"or" between label matchers'),
        ("two + fill(0) two", "fill"),
        ('two{a=~"[[:digit:]]"}', "[:digit:]"),
        (r"two{a=~`\pN`}", r"\\p"),
        ('two{a="\\xff"}', "\\xff"),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(ask: Asker, query: str, named: str) -> None:
    """Given a question that Prometheus answers and the engine cannot, when it is asked, then no number comes back."""
    status, _, text = await ask.ours("GET", QUERY, {"query": query, "time": SECOND})
    assert status == 400
    answer = json.loads(text)
    assert answer["errorType"] == "bad_data"
    assert named in answer["error"]


@pytest.mark.parametrize("count", [400, 2000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("-", ""), ("two + ", ""), ("abs(", ")"), ("two or ", "")]
)
async def test_a_query_that_is_too_deep_is_an_error(ask: Asker, opening: str, closing: str, count: int) -> None:
    """Given a query that would fill the parser's stack, then it is refused, and the next one is answered."""
    status, _, text = await ask.ours("POST", QUERY, {"query": opening * count + "two" + closing * count})
    assert status in (200, 400, 422) if count == 400 else status == 400, text
    assert (await ask.ours("GET", QUERY, {"query": "two"}))[0] == 200


async def test_the_supported_functions_are_told(ask: Asker) -> None:
    _, _, text = await ask.ours("GET", QUERY, {"query": "deriv(two[5m])"})
    assert all(name in json.loads(text)["error"] for name in ("rate", "histogram_quantile", "absent"))


async def test_a_query_without_time_is_about_now(ask: Asker) -> None:
    _, _, text = await ask.ours("GET", QUERY, {"query": "time()"})
    assert json.loads(text)["data"]["result"] == [SECOND, str(int(SECOND))]


async def test_a_query_that_may_take_no_time_times_out(ask: Asker) -> None:
    for path, more in ((QUERY, {}), (RANGE, {"start": SECOND, "end": SECOND, "step": 1})):
        parameters = {"query": "two", "timeout": "0", **more}
        ours, theirs = await ask.ours("GET", path, parameters), ask.theirs("GET", path, parameters)
        assert ours[:2] == theirs[:2] == (503, "application/json")
        assert json.loads(ours[2])["errorType"] == json.loads(theirs[2])["errorType"] == "timeout"


async def test_health_and_version(ask: Asker) -> None:
    for path in ("/-/healthy", "/-/ready"):
        assert (await ask.ours("GET", path, {}))[0] == ask.theirs("GET", path, {})[0] == 200
    ours = json.loads((await ask.ours("GET", "/api/v1/status/buildinfo", {}))[2])
    theirs = json.loads(ask.theirs("GET", "/api/v1/status/buildinfo", {})[2])
    assert ours["data"].keys() == theirs["data"].keys()
    assert (await ask.ours("GET", "/api/v1/nothing", {}))[0] == ask.theirs("GET", "/api/v1/nothing", {})[0] == 404
