"""Prometheus' HTTP API over the embedded engine: the same paths, parameters, JSON, errors and codes.

The provider, a browser and curl must not be able to tell which Prometheus answers. Evaluation runs in the event loop,
where nothing can change under it; range queries let others have their turn between moments.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from multidict import MultiDict

from delivery.cluster.protocols import Clock
from delivery.sandbox.promql import encoding, parameters
from delivery.sandbox.promql.engine import LOOKBACK, Evaluation, Matrix, Value
from delivery.sandbox.promql.errors import EXECUTION, STATUS, TIMEOUT, QueryFailedError, bad_data
from delivery.sandbox.promql.grammar import TOO_DEEP, kind, parse, selector
from delivery.sandbox.promql.labels import LABEL_NAME, Labels
from delivery.sandbox.promql.nodes import Node
from delivery.sandbox.promql.storage import Storage

TIMEOUT_MILLISECONDS = 10_000
"""The longest that a query may take; a request may ask for less. It runs beside everything else in the process."""

TURN_SECONDS = 0.02
VERSION = "2.42.0+embedded"

Answer = Callable[[MultiDict[str]], Awaitable[str]]


class Api:
    """The answers. `clock` says what the present is where a request does not."""

    def __init__(self, storage: Storage, clock: Clock, *, lookback: int = LOOKBACK) -> None:
        self._storage, self._clock, self._lookback = storage, clock, lookback

    def application(self) -> web.Application:
        """All paths, ready to be served."""
        app = web.Application(client_max_size=2**20)
        both = {"query": self.query, "query_range": self.query_range, "series": self.series, "labels": self.labels}
        for path, answer in both.items():
            handler = _handler(answer)
            app.router.add_get(f"/api/v1/{path}", handler)
            app.router.add_post(f"/api/v1/{path}", handler)
        app.router.add_get("/api/v1/label/{label}/values", _handler(self.values))
        app.router.add_get("/api/v1/status/buildinfo", _handler(self.build))
        app.router.add_get("/-/healthy", _healthy)
        app.router.add_get("/-/ready", _ready)
        return app

    async def query(self, given: MultiDict[str]) -> str:
        """The value at one moment."""
        at = parameters.moment(given, "time", self._now())
        check = self._deadline(given)
        node = parse(given.get("query", ""))
        value = self._evaluation(at, at, check).value(node, at)
        return encoding.result(kind(node), value, at)

    async def query_range(self, given: MultiDict[str]) -> str:
        """The values at many moments."""
        moments = parameters.steps(given)
        check = self._deadline(given)
        node = parse(given.get("query", ""))
        if kind(node) not in ("scalar", "instant vector"):
            raise bad_data(f'invalid expression type "{kind(node)}" for range query, must be Scalar or instant Vector')
        evaluation = self._evaluation(moments[0], moments[-1], check)
        return encoding.matrix(await self._stepped(evaluation, node, moments))

    async def series(self, given: MultiDict[str]) -> str:
        """The labels of series that have samples in a range of time."""
        if not given.getall("match[]", []):
            raise bad_data("no match[] parameter provided")
        return encoding.compact([dict(labels) for labels in sorted(self._labels(given))])

    async def labels(self, given: MultiDict[str]) -> str:
        """The names of labels."""
        return encoding.compact(sorted({name for labels in self._labels(given) for name, _ in labels}))

    async def values(self, given: MultiDict[str]) -> str:
        """The values of one label."""
        label = given["label"]
        if not LABEL_NAME.fullmatch(label):
            raise bad_data(f"invalid label name: {encoding.compact(label)}")
        found = {value for labels in self._labels(given) for name, value in labels if name == label}
        return encoding.compact(sorted(found))

    async def build(self, _given: MultiDict[str]) -> str:
        """What answers here: the version whose behaviour it has."""
        keys = ("revision", "branch", "buildUser", "buildDate", "goVersion")
        return json.dumps({"version": VERSION, **dict.fromkeys(keys, "")})

    async def _stepped(self, evaluation: Evaluation, node: Node, moments: Iterable[int]) -> Matrix:
        found: dict[Labels, tuple[list[int], list[float]]] = {}
        turn = self._clock.monotonic()
        for moment in moments:
            for labels, value in _samples(evaluation.value(node, moment)):
                times, values = found.setdefault(labels, ([], []))
                times.append(moment)
                values.append(value)
            if self._clock.monotonic() - turn > TURN_SECONDS:
                await asyncio.sleep(0)
                turn = self._clock.monotonic()
        return list(found.items())

    def _evaluation(self, start: int, end: int, check: Callable[[], None]) -> Evaluation:
        return Evaluation(self._storage, start, end, check, self._lookback)

    def _labels(self, given: MultiDict[str]) -> set[Labels]:
        """The labels of what match[] selects (everything without one) between start and end."""
        start, end = parameters.moment(given, "start", 0), parameters.moment(given, "end", 2**62)
        matchers = [selector(text).matchers for text in given.getall("match[]", [])] or [()]
        return {
            series.labels
            for each in matchers
            for series in self._storage.select(each)
            if series.last_between(start, end) is not None
        }

    def _deadline(self, given: MultiDict[str]) -> Callable[[], None]:
        allowed = min(parameters.duration(given, "timeout", TIMEOUT_MILLISECONDS), TIMEOUT_MILLISECONDS) / 1000
        ends = self._clock.monotonic() + allowed

        def check() -> None:
            if self._clock.monotonic() >= ends:
                raise QueryFailedError(TIMEOUT, f"query timed out in expression evaluation after {allowed:g} s")

        return check

    def _now(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


def _samples(value: Value) -> Iterable[tuple[Labels, float]]:
    if isinstance(value, float):
        return [((), value)]
    return value  # type: ignore[return-value]  # the kind was checked: no string, no range


def _handler(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            data = await answer(await _given(request))
        except RecursionError:
            return _json(encoding.failure(EXECUTION, TOO_DEEP), STATUS[EXECUTION])
        except QueryFailedError as error:
            return _json(encoding.failure(error.kind, error.message), STATUS[error.kind])
        return _json(encoding.success(data), 200)

    return handle


async def _given(request: web.Request) -> MultiDict[str]:
    """The parameters of the URL and of the form, if the request has one."""
    given = MultiDict[str](request.query)
    if request.method == "POST":
        form = await request.post()
        given.extend([(name, value) for name, value in form.items() if isinstance(value, str)])
    given.update(request.match_info)
    return given


def _json(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/json")


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="Prometheus Server is Healthy.\n")


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="Prometheus Server is Ready.\n")
