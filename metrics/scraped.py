"""Fetches what a comparison counts: both roles' series over one window, and since when Prometheus was looking."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

from metrics import counting, raw_queries, selectors
from metrics.batching import Batches
from metrics.counters import Counters, Part, Role
from metrics.providers.base import Kind, Matrix, Provider, QueryError, RawProvider, Samples
from metrics.raw_queries import What
from metrics.spec import Subject, Window

Answer = TypeVar("Answer", Samples, Matrix)


@dataclass(frozen=True, slots=True)
class Scraped:
    """The series of both roles, of callers that have met both, from before the window until its `at`.

    `looking_since` (seconds since 1970) is what `counting` asks for: a series that is new after it counts from 0.
    """

    primary: Matrix
    canary: Matrix
    looking_since: float


@dataclass(frozen=True, slots=True)
class ScrapedParts:
    """The series that each selector of somebody's own counters found of both roles; the rest as `Scraped`."""

    primary: Mapping[Part, Matrix]
    canary: Mapping[Part, Matrix]
    looking_since: float


async def fetch(
    provider: Provider, batches: Batches, what: What, subject: Subject, window: Window, *, timeout: float
) -> Scraped:
    """Ask what Istio's proxies have counted, `timeout` in seconds. Raises QueryError."""
    selected = [raw_queries.both_roles(what, subject)]
    (found,), since = await _fetch(provider, batches, selected, subject, window, timeout)
    primary, canary = raw_queries.by_role(subject, found)
    return Scraped(primary, canary, since)


async def fetch_parts(
    provider: Provider,
    batches: Batches,
    counters: Counters,
    variables: Mapping[str, str],
    subject: Subject,
    window: Window,
    *,
    timeout: float,
) -> ScrapedParts:
    """Ask what counters of somebody's own have counted, `timeout` in seconds. Raises QueryError, selectors' errors, and
    ValueError, with a sentence, where series belong to both roles.
    """
    primary, canary = (selectors.of(counters, role, subject, variables) for role in (Role.PRIMARY, Role.CANARY))
    asked = [each for part in counters.parts for each in _asked(part, primary[part], canary[part])]
    found, since = await _fetch(provider, batches, [each.series for each in asked], subject, window, timeout)
    roles: tuple[dict[Part, Matrix], dict[Part, Matrix]] = ({}, {})
    for each, matrix in zip(asked, found, strict=True):
        for number, value in each.roles:
            roles[number][each.part] = tuple(
                series for series in matrix if not each.label or series.labels.get(each.label) == value
            )
    _told_apart(*roles)
    return ScrapedParts(*roles, since)


class _Asked(NamedTuple):
    """A selector, and whose series it finds: by number those with a value of the label, or all without a label."""

    part: Part
    series: str
    label: str
    roles: tuple[tuple[int, str], ...]


def _asked(part: Part, primary: str, canary: str) -> tuple[_Asked, ...]:
    """Both roles in one question where one label tells them, as it mostly does."""
    both = selectors.joined(primary, canary)
    if both is None:
        return _Asked(part, primary, "", ((0, ""),)), _Asked(part, canary, "", ((1, ""),))
    return (_Asked(part, both.series, both.label, ((0, both.primary), (1, both.canary))),)


def _told_apart(primary: Mapping[Part, Matrix], canary: Mapping[Part, Matrix]) -> None:
    """ValueError where one series is counted for both roles."""
    for part, series in primary.items():
        both = {frozenset(each.labels.items()) for each in series} & {
            frozenset(each.labels.items()) for each in canary[part]
        }
        if both:
            labels = ", ".join(f'{name}="{value}"' for name, value in sorted(min(both, key=sorted)))
            raise ValueError(f"{part} selects series of both versions, such as {{{labels}}}; let it tell them apart")


async def _fetch(
    provider: Provider, batches: Batches, selected: Sequence[str], subject: Subject, window: Window, timeout: float
) -> tuple[list[Matrix], float]:
    """The series of each selector, and since when Prometheus was certainly looking. Raises QueryError."""
    if not isinstance(provider, RawProvider):
        raise QueryError(Kind.REFUSED, "this provider does not tell what was scraped, which a comparison needs")
    scrape = (window.at - window.end).total_seconds() or 1.0
    ranges = [raw_queries.samples_of(each, window) for each in selected]
    about = [partial(raw_queries.silent_before, each) for each in selected]
    looking = partial(raw_queries.looking, subject, scrape_seconds=scrape)
    (first, *earlier), raw = await asyncio.gather(
        batches.ask(provider, [looking, *about], subject, window), provider.raw(ranges, at=window.at, timeout=timeout)
    )
    scraping = _answered(first)
    found = [_answered(raw[each]) for each in ranges]
    whole = [
        raw_queries.bridged(series, _answered(silent), window) for series, silent in zip(found, earlier, strict=True)
    ]
    since = counting.looking_since(chain(*found), scrape_seconds=scrape)
    return whole, min([since, *(sample.value + scrape for sample in scraping)])


def _answered(found: Answer | QueryError) -> Answer:
    """Raises QueryError."""
    if isinstance(found, QueryError):
        raise found
    return found
