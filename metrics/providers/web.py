"""Any service that answers with JSON: the query is the end of a URL or a body, and a path says where the number is."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from metrics.providers.base import Kind, Query, QueryError, Sample, Samples
from metrics.providers.pooled import PooledProvider
from metrics.providers.registry import displayed
from metrics.source import Source


def web(source: Source, pool: ThreadPoolExecutor, monotonic: Callable[[], float]) -> PooledProvider:
    """The provider. Credentials are `token` (a bearer's) or `username` and `password`. Raises ValueError for others."""
    from metrics.json_paths import compiled

    if not source.address:
        raise ValueError("a web service needs an address")
    compiled(source.json_path)
    authorization = source.authorization
    headers = {"Accept": "application/json", **({"Authorization": authorization} if authorization else {})}
    connect = partial(_Way, source, headers)
    return PooledProvider(displayed(source.address), connect, pool=pool, monotonic=monotonic)


MOST_BYTES = 512 * 1024
"""A longer answer is not followed: a filter takes about 40 microseconds an element, and a thread is held meanwhile."""


class _Way:
    """A connection to the service."""

    def __init__(self, source: Source, headers: dict[str, str]) -> None:
        from metrics.providers.http_connection import HttpConnection

        self._source = source
        self._http: HttpConnection = HttpConnection(source, headers)

    def ask(self, query: Query, *, start: datetime, end: datetime, timeout: float) -> Samples:
        """What the service answers now: it is its query that says which time it is about."""
        from metrics.json_paths import values
        from metrics.providers.http_connection import content

        if self._source.method == "POST":
            headers = {"Content-Type": "application/json"}
            answer = self._http.exchange(
                "POST", self._source.address, timeout=timeout, data=query.encode(), headers=headers
            )
        else:
            answer = self._http.exchange("GET", joined(self._source.address, query), timeout=timeout)
        if len(answer.content) > MOST_BYTES:
            raise QueryError(Kind.SHAPE, f"{self._http.where} answers with more than {MOST_BYTES} bytes; ask for less")
        try:
            found = values(self._source.json_path, content(self._http.where, answer))
        except ValueError as error:
            raise QueryError(Kind.SHAPE, f"the answer of {self._http.where}: {error}") from None
        return tuple(Sample(number(each)) for each in found)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def joined(address: str, query: str) -> str:
    """The address with the end that the query is: a path, a query string, or both. It stays at the address' host."""
    return f"{address}{query}" if query[:1] in ("?", "") else f"{address}/{query.lstrip('/')}"


def number(value: object) -> float:
    """A number as JSON has it, or in a text. Raises QueryError for anything else; null is not a number (NaN)."""
    if value is None:
        return math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise QueryError(Kind.SHAPE, f"jsonPath finds a value of type {type(value).__name__}, not a number")
