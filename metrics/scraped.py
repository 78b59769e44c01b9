"""Fetches what a comparison counts: both roles' series over one window, and since when Prometheus was looking."""

import asyncio
from dataclasses import dataclass
from functools import partial

from metrics import counting, raw_queries
from metrics.batching import Batches
from metrics.providers.base import Kind, Matrix, Provider, QueryError, RawProvider
from metrics.raw_queries import What
from metrics.spec import Subject, Window


@dataclass(frozen=True, slots=True)
class Scraped:
    """The series of both roles, of callers that have met both, from before the window until its `at`.

    `looking_since` (seconds since 1970) is what `counting` asks for: a series that is new after it counts from 0.
    """

    primary: Matrix
    canary: Matrix
    looking_since: float


async def fetch(
    provider: Provider, batches: Batches, what: What, subject: Subject, window: Window, *, timeout: float
) -> Scraped:
    """Ask for it, `timeout` in seconds. Raises QueryError."""
    if not isinstance(provider, RawProvider):
        raise QueryError(Kind.REFUSED, "this provider does not tell what was scraped, which a comparison needs")
    scrape = (window.at - window.end).total_seconds() or 1.0
    query = raw_queries.scraped(what, subject, window)
    about = [partial(raw_queries.returned, what, subject), partial(raw_queries.looking, subject, scrape_seconds=scrape)]
    (earlier, first), raw = await asyncio.gather(
        batches.ask(provider, about, subject, window), provider.raw([query], at=window.at, timeout=timeout)
    )
    found = raw[query]
    if isinstance(found, QueryError):
        raise found
    if isinstance(earlier, QueryError):
        raise earlier
    if isinstance(first, QueryError):
        raise first
    since = counting.looking_since(found, scrape_seconds=scrape)
    since = min([since, *(sample.value + scrape for sample in first)])
    primary, canary = raw_queries.by_role(subject, raw_queries.bridged(found, earlier, window))
    return Scraped(primary, canary, since)
