"""One connection to a Prometheus: prometheus-api-client with the edges taken off.

As it comes, that client retries by itself, has no timeout, lets through the exceptions of three libraries, and says
nothing about what an answer holds. Here each question has one deadline and one exception type, and an answer is
numbers.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from metrics.providers.base import Kind, Matrix, Point, QueryError, Sample, Samples, Series
from metrics.providers.http_session import DeadlineSession, OwnTls, cause, session
from metrics.providers.registry import displayed
from metrics.providers.tls import tls
from metrics.source import Source

LONGEST_IN_URL = 2048
"""A query that is longer than so many characters is sent in a form."""

NO_RETRIES = urllib3.Retry(total=0, connect=0, read=False, redirect=0, status=0, other=0)


class Connection:
    """A client for one server, for one thread at a time."""

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        self._address = source.address
        self._session: PrometheusSession = session(source, headers, kind=PrometheusSession)
        self._client = PrometheusConnect(url=source.address, session=self._session, retry=NO_RETRIES)
        if (context := tls(source)) is not None:  # the client has put its own adapter in front of the session's
            self._session.mount(source.address, OwnTls(context))

    def ask(self, query: str, *, at: datetime, timeout: float) -> Samples:
        """The samples that `query` selects as of `at`. `timeout` in seconds covers the whole exchange.

        Raises QueryError, nothing else.
        """
        return samples(self._result(query, at, timeout))

    def raw(self, query: str, *, at: datetime, timeout: float) -> Matrix:
        """What was scraped in the range that `query` selects as of `at`. Raises QueryError, nothing else."""
        return matrix(self._result(query, at, timeout))

    def _result(self, query: str, at: datetime, timeout: float) -> Any:
        limits = {"time": f"{at.timestamp():.3f}", "timeout": f"{max(1, round(timeout * 1000))}ms"}
        where = displayed(self._address)
        try:
            return self._client.custom_query(query, params=limits, timeout=timeout)
        except PrometheusApiClientException:
            raise declined(where, self._session.answer) from None
        except requests.Timeout:
            raise QueryError(Kind.TIMEOUT, f"{where} gave no answer within {timeout:g} s") from None
        except (requests.JSONDecodeError, KeyError, TypeError) as error:
            raise QueryError(Kind.NOT_PROMETHEUS, foreign(where, self._session.answer)) from error
        except requests.RequestException as error:
            raise QueryError(Kind.UNREACHABLE, f"{where} cannot be reached: {cause(error)}") from error

    def close(self) -> None:
        """Close the connection, if one is open."""
        self._client.close()


class PrometheusSession(DeadlineSession):
    """A session that sends long questions in another way."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As in requests; but a long question goes into the body, since what is in front of a server limits a URL."""
        asked = kwargs.get("params")
        if isinstance(asked, dict) and len(asked.get("query", "")) > LONGEST_IN_URL:
            return super().request("POST", url, *args, **{**kwargs, "params": None, "data": asked})
        return super().request(method, url, *args, **kwargs)


def samples(result: Any) -> Samples:
    """What the query API's `result` says as of one moment.

    A vector gives one sample a series, a scalar one without labels. Raises QueryError for anything else.
    """
    _check_list(result)
    try:
        if len(result) == 2 and not isinstance(result[0], dict):
            return (Sample(float(result[1])),)
        if any("values" in each for each in result):
            raise QueryError(Kind.SHAPE, "the query returns a range of values, not one; wrap it in rate()")
        return tuple(Sample(float(each["value"][1]), dict(each["metric"])) for each in result)
    except (KeyError, IndexError, TypeError, ValueError):
        raise QueryError(Kind.SHAPE, "the query does not return a number") from None


def matrix(result: Any) -> Matrix:
    """What the query API's `result` says about a range of time.

    Raises QueryError for anything else, native histograms included.
    """
    _check_list(result)
    try:
        if any("histograms" in each for each in result):
            raise QueryError(Kind.SHAPE, "the query selects native histograms, not numbers")
        return tuple(_series(each) for each in result)
    except (KeyError, TypeError, ValueError):
        words = "the query does not return a range of values; write it as a selector with a range, metric{...}[5m]"
        raise QueryError(Kind.SHAPE, words) from None


def _series(found: Any) -> Series:
    points = tuple(Point(float(at), float(value)) for at, value in found["values"])
    return Series({str(name): str(value) for name, value in found["metric"].items()}, points)


def _check_list(result: Any) -> None:
    if not isinstance(result, list):
        raise QueryError(Kind.NOT_PROMETHEUS, f"the answer's result is {type(result).__name__}, not a list")


def declined(where: str, answer: requests.Response | None) -> QueryError:
    """The error for an answer that is not a 200, with Prometheus' own words where it has some."""
    status = answer.status_code if answer is not None else 0
    words = _told(answer, "error")
    if _told(answer, "errorType") == "timeout":
        return QueryError(Kind.TIMEOUT, f"{where} gave up the query: {words}")
    if words and 400 <= status < 500 and status != 429:
        return QueryError(Kind.REFUSED, f"{where} refuses the query: {words}")
    if status in (401, 403):
        return QueryError(Kind.REFUSED, f"{where} refuses access (HTTP {status}); check its credentials")
    if status == 429 or (status >= 500 and status != 501):
        return QueryError(Kind.UNREACHABLE, f"{where} cannot answer now (HTTP {status}{': ' if words else ''}{words})")
    return QueryError(Kind.NOT_PROMETHEUS, foreign(where, answer))


def _told(answer: requests.Response | None, what: str) -> str:
    """What Prometheus' own error says under a name, in one line; "" if the answer is none."""
    try:
        body = json.loads(answer.content) if answer is not None else None
    except ValueError:
        return ""
    text = body.get(what, "") if isinstance(body, dict) else ""
    return " ".join(str(text).split())[:300]


def foreign(where: str, answer: requests.Response | None) -> str:
    """Says what answered instead of Prometheus."""
    if answer is None:
        return f"{where} gave no answer of Prometheus"
    if answer.is_redirect:
        target = displayed(answer.headers["Location"].partition("?")[0])[:200]
        return f"{where} redirects to {target}, which is not followed; give the address of Prometheus itself"
    kind = answer.headers.get("Content-Type", "").partition(";")[0] or "unnamed content"
    return f"{where} answered HTTP {answer.status_code} with {kind[:60]}, not as Prometheus does; check the address"
