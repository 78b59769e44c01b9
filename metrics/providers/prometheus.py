"""Prometheus as a provider: a blocking client behind bounded threads, one deadline and a circuit breaker.

The client library and everything below it are imported in a thread at the first question, not at start-up.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from metrics.providers.base import ClosableProvider, Kind, Matrix, Query, QueryError, Samples
from metrics.providers.breaker import Breaker
from metrics.providers.registry import displayed

if TYPE_CHECKING:
    from metrics.providers.prometheus_connection import Connection

Found = TypeVar("Found", Samples, Matrix)
Exchange = Callable[["Connection", Query, datetime, float], Found]
"""Puts one question over a connection and waits. Raises QueryError."""

CLOSED = QueryError(Kind.UNREACHABLE, "the metrics client is closed")


class PrometheusProvider(ClosableProvider):
    """Asks the Prometheus (or what speaks its query API) at `address`. Used from one event loop at a time.

    Nothing is retried: who asks decides whether to ask again.
    """

    def __init__(self, address: str, *, pool: ThreadPoolExecutor, monotonic: Callable[[], float]) -> None:
        self._address = address
        self._pool = pool
        self._breaker = Breaker(monotonic=monotonic)
        self._idle: deque[Connection] = deque()
        self._closed = False

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
        """Close the idle connections; one in use is closed by its thread when it is done."""
        self._closed = True
        while self._idle:
            self._idle.popleft().close()

    async def _all(
        self, queries: Sequence[Query], at: datetime, timeout: float, exchange: Exchange[Found]
    ) -> Mapping[Query, Found | QueryError]:
        distinct = list(dict.fromkeys(queries))
        answers = await asyncio.gather(*(self._ask(query, at, timeout, exchange) for query in distinct))
        return dict(zip(distinct, answers, strict=True))

    async def _ask(self, query: Query, at: datetime, timeout: float, exchange: Exchange[Found]) -> Found | QueryError:
        if not self._breaker.permit():
            return QueryError(
                Kind.UNREACHABLE,
                f"{displayed(self._address)} did not answer several times in a row and is asked again "
                f"in {self._breaker.retry_in:.0f} s",
            )
        try:
            work = self._pool.submit(self._blocking, query, at, timeout, exchange)
        except RuntimeError:
            self._breaker.abandoned()
            return CLOSED
        return await self._outcome(work, timeout)

    async def _outcome(self, work: "Future[Found | QueryError]", timeout: float) -> Found | QueryError:
        """The answer of a question that was permitted; the breaker hears of it whatever happens."""
        try:
            answer = await self._awaited(work, timeout)
        except BaseException:
            self._breaker.abandoned()
            raise
        if work.cancelled():  # it never got a thread, which says nothing about the server
            self._breaker.abandoned()
        else:
            self._learn(answer)
        return answer

    async def _awaited(self, work: "Future[Found | QueryError]", timeout: float) -> Found | QueryError:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), timeout)
        except TimeoutError:
            if work.cancelled():
                return QueryError(Kind.TIMEOUT, f"no free thread within {timeout:g} s, too many queries are under way")
            return QueryError(Kind.TIMEOUT, f"{displayed(self._address)} gave no answer within {timeout:g} s")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return CLOSED  # nobody cancelled us: the pool dropped what was waiting
        except Exception as error:
            return QueryError(Kind.FAULT, f"the metrics client failed with {type(error).__name__}: {error}")

    def _learn(self, answer: object) -> None:
        silent = isinstance(answer, QueryError) and answer.kind in (Kind.UNREACHABLE, Kind.TIMEOUT)
        if silent:
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def _blocking(self, query: Query, at: datetime, timeout: float, exchange: Exchange[Found]) -> Found | QueryError:
        """In a thread of the pool. A connection belongs to one thread at a time and is kept only after an answer."""
        from metrics.providers.prometheus_connection import Connection

        try:
            connection = self._idle.pop()
        except IndexError:
            connection = Connection(self._address)
        try:
            answer = exchange(connection, query, at, timeout)
        except QueryError as error:
            connection.close()
            return error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return answer

    def _give_back(self, connection: "Connection") -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()


def _values(connection: "Connection", query: Query, at: datetime, timeout: float) -> Samples:
    return connection.ask(query, at=at, timeout=timeout)


def _scraped(connection: "Connection", query: Query, at: datetime, timeout: float) -> Matrix:
    return connection.raw(query, at=at, timeout=timeout)
