"""What all providers have in common that speak to a service over blocking connections: threads, a deadline, a breaker.

A connection is opened at the first question, in its thread, and so are the libraries that it needs imported.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from metrics.providers.base import Kind, PeriodProvider, Query, QueryError, RateLimitedError, Samples
from metrics.providers.breaker import Breaker

Found = TypeVar("Found")

CLOSED = QueryError(Kind.UNREACHABLE, "the metrics client is closed")
LONGEST_PAUSE = 300.0
"""Seconds that a service which limits how often it may be asked is believed at the most."""


class Connection(Protocol):
    """A way to a service, for one thread at a time."""

    def close(self) -> None:
        """Close it."""


class Asks(Connection, Protocol):
    """A connection that answers one query about a piece of time."""

    def ask(self, query: Query, *, start: datetime, end: datetime, timeout: float) -> Samples:
        """The answer, `timeout` in seconds for the whole exchange. Raises QueryError, nothing else."""


Way = TypeVar("Way", bound=Connection)


class Pooled(Generic[Way]):
    """Puts questions to one service, named `where` in messages. Used from one event loop at a time.

    Nothing is retried: who asks decides whether to ask again.
    """

    def __init__(
        self, where: str, connect: Callable[[], Way], *, pool: ThreadPoolExecutor, monotonic: Callable[[], float]
    ) -> None:
        self._where = where
        self._connect = connect
        self._pool = pool
        self._monotonic = monotonic
        self._breaker = Breaker(monotonic=monotonic)
        self._limited_until = 0.0
        self._idle: deque[Way] = deque()
        self._closed = False

    async def ask(self, exchange: Callable[[Way], Found], timeout: float) -> Found | QueryError:
        """What `exchange` answers, which is called in a thread and raises QueryError; `timeout` in seconds."""
        if (left := self._limited_until - self._monotonic()) > 0:
            return QueryError(
                Kind.UNREACHABLE, f"{self._where} limits how often it may be asked and is asked again in {left:.0f} s"
            )
        if not self._breaker.permit():
            return QueryError(
                Kind.UNREACHABLE,
                f"{self._where} did not answer several times in a row and is asked again "
                f"in {self._breaker.retry_in:.0f} s",
            )
        try:
            work = self._pool.submit(self._blocking, exchange)
        except RuntimeError:
            self._breaker.abandoned()
            return CLOSED
        return await self._outcome(work, timeout)

    def close(self) -> None:
        """Close the idle connections; one in use is closed by its thread when it is done."""
        self._closed = True
        while self._idle:
            self._idle.popleft().close()

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
            return QueryError(Kind.TIMEOUT, f"{self._where} gave no answer within {timeout:g} s")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return CLOSED  # nobody cancelled us: the pool dropped what was waiting
        except Exception as error:
            return QueryError(Kind.FAULT, f"the metrics client failed with {type(error).__name__}: {error}")

    def _learn(self, answer: object) -> None:
        if isinstance(answer, RateLimitedError):
            self._limited_until = self._monotonic() + min(LONGEST_PAUSE, answer.seconds)
        silent = isinstance(answer, QueryError) and answer.kind in (Kind.UNREACHABLE, Kind.TIMEOUT)
        if silent:
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def _blocking(self, exchange: Callable[[Way], Found]) -> Found | QueryError:
        """In a thread of the pool. A connection belongs to one thread at a time and is kept only after an answer."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            answer = exchange(connection)
        except QueryError as error:
            connection.close()
            return error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return answer

    def _give_back(self, connection: Way) -> None:
        self._idle.append(connection)
        if self._closed:
            self.close()


class PooledProvider(PeriodProvider):
    """A service that is asked about pieces of time, one query at a time."""

    def __init__(
        self, where: str, connect: Callable[[], Asks], *, pool: ThreadPoolExecutor, monotonic: Callable[[], float]
    ) -> None:
        self._asked: Pooled[Asks] = Pooled(where, connect, pool=pool, monotonic=monotonic)

    async def over(
        self, queries: Sequence[Query], *, start: datetime, end: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """As `PeriodProvider.over`; equal queries are asked once."""
        distinct = list(dict.fromkeys(queries))
        answers = await asyncio.gather(*(self._one(query, start, end, timeout) for query in distinct))
        return dict(zip(distinct, answers, strict=True))

    def close(self) -> None:
        """Give up the connections."""
        self._asked.close()

    async def _one(self, query: Query, start: datetime, end: datetime, timeout: float) -> Samples | QueryError:
        return await self._asked.ask(lambda way: way.ask(query, start=start, end=end, timeout=timeout), timeout)
