"""One connection to a service that speaks JSON over HTTP, and what its answers mean before they are numbers."""

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from metrics.providers.base import Kind, QueryError, RateLimitedError
from metrics.providers.http_session import cause, session
from metrics.providers.registry import displayed
from metrics.source import Source

LIMIT_HEADERS = ("Retry-After", "X-RateLimit-Reset")
"""Where services say in how many seconds they may be asked again."""


class HttpConnection:
    """HTTP to one service, for one thread at a time. `headers` go with every request, beside the source's own."""

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        self.where = displayed(source.address)
        self._session: requests.Session = session(source, headers)

    def exchange(self, method: str, url: str, *, timeout: float, **options: Any) -> requests.Response:
        """The answer, whatever it says; `timeout` in seconds covers the whole exchange. Raises QueryError."""
        try:
            return self._session.request(method, url, timeout=timeout, **options)
        except requests.Timeout:
            raise QueryError(Kind.TIMEOUT, f"{self.where} gave no answer within {timeout:g} s") from None
        except (requests.RequestException, ValueError) as error:
            raise QueryError(Kind.UNREACHABLE, f"{self.where} cannot be reached: {cause(error)}") from error

    def close(self) -> None:
        """Close the connection, if one is open."""
        self._session.close()


def content(where: str, answer: requests.Response) -> Any:
    """The JSON of an answer that is a 200. Raises QueryError for anything else, without the service's own words."""
    if answer.status_code != 200:
        raise declined(where, answer)
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "unnamed content"
        message = f"{where} answered HTTP 200 with {kind[:60]}, not with JSON; check the address"
        raise QueryError(Kind.NOT_PROMETHEUS, message) from None


def declined(where: str, answer: requests.Response, words: object = "") -> QueryError:
    """The error for an answer that is not a 200; `words` are the service's own."""
    status = answer.status_code
    said = " ".join(str(words or "").split())[:300]
    said = f": {said}" if said else ""
    if status in (401, 403):
        return QueryError(Kind.REFUSED, f"{where} refuses access (HTTP {status}{said}); check the credentials")
    if status == 429:
        return limited(where, answer)
    if status >= 500:
        return QueryError(Kind.UNREACHABLE, f"{where} cannot answer now (HTTP {status}{said})")
    if answer.is_redirect:
        target = displayed(answer.headers["Location"].partition("?")[0])[:200]
        return QueryError(Kind.NOT_PROMETHEUS, f"{where} redirects to {target}, which is not followed")
    return QueryError(Kind.REFUSED, f"{where} refuses the query (HTTP {status}{said})")


def limited(where: str, answer: requests.Response) -> QueryError:
    """The error for a service that is asked too often, with the time that it wants to be left alone."""
    seconds = next((found for name in LIMIT_HEADERS if (found := _seconds(answer, name)) is not None), 0.0)
    again = f"; it may be asked again in {seconds:.0f} s" if seconds else ""
    return RateLimitedError(seconds, f"{where} limits how often it may be asked (HTTP {answer.status_code}{again})")


def _seconds(answer: requests.Response, header: str) -> float | None:
    """A number of seconds, or the time from the answer's own date to a date; None without either."""
    text = answer.headers.get(header, "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        later, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (later - now).total_seconds())
    except (TypeError, ValueError):
        return None
