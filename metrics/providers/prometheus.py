"""Prometheus as a provider: what speaks its query API, with or without credentials.

The client library and everything below it are imported in a thread at the first question, not at start-up.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from metrics.providers.base import ClosableProvider, Matrix, Query, QueryError, Samples
from metrics.providers.pooled import Pooled
from metrics.providers.registry import displayed
from metrics.source import Source

if TYPE_CHECKING:
    from metrics.providers.prometheus_connection import Connection

Found = TypeVar("Found", Samples, Matrix)
Exchange = Callable[["Connection", Query, datetime, float], Found]
"""Puts one question over a connection and waits. Raises QueryError."""


class PrometheusProvider(ClosableProvider):
    """Asks the Prometheus (or what speaks its query API) of a source, whose credentials are `token` (a bearer's) or
    `username` and `password`. Raises ValueError for others.
    """

    def __init__(self, source: Source, *, pool: ThreadPoolExecutor, monotonic: Callable[[], float]) -> None:
        authorization = source.authorization
        headers = {"Authorization": authorization} if authorization else {}
        self._asked: Pooled[Connection] = Pooled(
            displayed(source.address), partial(_connected, source, headers), pool=pool, monotonic=monotonic
        )

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """As `Provider.query`; equal queries are asked once."""
        return await self._all(queries, at, timeout, _values)

    async def raw(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Matrix | QueryError]:
        """As `RawProvider.raw`; equal queries are asked once."""
        return await self._all(queries, at, timeout, _scraped)

    def close(self) -> None:
        """Give up the connections."""
        self._asked.close()

    async def _all(
        self, queries: Sequence[Query], at: datetime, timeout: float, exchange: Exchange[Found]
    ) -> Mapping[Query, Found | QueryError]:
        distinct = list(dict.fromkeys(queries))
        answers = await asyncio.gather(*(self._one(query, at, timeout, exchange) for query in distinct))
        return dict(zip(distinct, answers, strict=True))

    async def _one(self, query: Query, at: datetime, timeout: float, exchange: Exchange[Found]) -> Found | QueryError:
        return await self._asked.ask(lambda way: exchange(way, query, at, timeout), timeout)


def _connected(source: Source, headers: Mapping[str, str]) -> "Connection":
    from metrics.providers.prometheus_connection import Connection

    return Connection(source, headers)


def _values(connection: "Connection", query: Query, at: datetime, timeout: float) -> Samples:
    return connection.ask(query, at=at, timeout=timeout)


def _scraped(connection: "Connection", query: Query, at: datetime, timeout: float) -> Matrix:
    return connection.raw(query, at=at, timeout=timeout)
