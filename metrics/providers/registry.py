"""Finds the provider for an address, and owns what all of them share.

One pool of threads a process, because blocking clients must neither take the event loop's own threads (which resolve
names and renew the Lease) nor grow with the number of Canaries; one provider an address, because its connections and
its circuit breaker are the address's.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import urlsplit

from metrics.providers.base import ClosableProvider, PeriodProvider, Provider
from metrics.providers.tls import tls
from metrics.source import CLOUDWATCH, DATADOG, PROMETHEUS, WEB, Source

Monotonic = Callable[[], float]
Asked = ClosableProvider | PeriodProvider
Factory = Callable[[Source, ThreadPoolExecutor, Monotonic], Asked]

MOST_SOURCES = 256
"""How many sources of templates are kept; who has not been asked for longest is forgotten, with its connections."""


def _prometheus(source: Source, pool: ThreadPoolExecutor, monotonic: Monotonic) -> ClosableProvider:
    from metrics.providers.prometheus import PrometheusProvider

    return PrometheusProvider(source, pool=pool, monotonic=monotonic)


def _datadog(source: Source, pool: ThreadPoolExecutor, monotonic: Monotonic) -> PeriodProvider:
    from metrics.providers.datadog import datadog

    return datadog(source, pool, monotonic)


def _cloudwatch(source: Source, pool: ThreadPoolExecutor, monotonic: Monotonic) -> PeriodProvider:
    from metrics.providers.cloudwatch import cloudwatch

    return cloudwatch(source, pool, monotonic)


def _web(source: Source, pool: ThreadPoolExecutor, monotonic: Monotonic) -> PeriodProvider:
    from metrics.providers.web import web

    return web(source, pool, monotonic)


PROVIDERS: Mapping[str, Factory] = MappingProxyType(
    {PROMETHEUS: _prometheus, DATADOG: _datadog, CLOUDWATCH: _cloudwatch, WEB: _web}
)
"""Providers by the name of their type."""


class Providers:
    """The providers of one process. `threads` bounds the queries that are under way at once, over all addresses; those
    of templates, whose services are anybody's, have as many of their own.
    """

    def __init__(self, *, threads: int = 8, monotonic: Monotonic = time.monotonic) -> None:
        if threads < 1:
            raise ValueError(f"threads: given {threads}, at least 1 is needed")
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="metrics")
        self._others = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="templates")
        self._monotonic = monotonic
        self._known: dict[str, ClosableProvider] = {}
        self._sources: dict[Source, Asked] = {}

    def provider_for(self, address: str) -> Provider:
        """The Prometheus at `address`, the same one each time.

        Raises ValueError for an address that is no http or https URL.
        """
        address = checked_address(address)
        if address not in self._known:
            self._known[address] = _prometheus(Source(address=address), self._pool, self._monotonic)
        return self._known[address]

    def source_for(self, source: Source) -> Provider | PeriodProvider:
        """The provider of a source, the same one each time while it is in use.

        One source's failures are nobody else's, even at one address: its credentials or authority may be what is wrong.
        Raises ValueError for an unknown type, and for what the type cannot be asked with.
        """
        factory = PROVIDERS.get(source.type)
        if factory is None:
            raise ValueError(f"provider type: given {source.type!r}, allowed are {', '.join(sorted(PROVIDERS))}")
        known = self._sources.pop(source, None)
        if known is None:
            tls(source)
            address = checked_address(source.address) if source.address else ""
            known = factory(replace(source, address=address), self._others, self._monotonic)
        self._sources[source] = known
        while len(self._sources) > MOST_SOURCES:
            self._sources.pop(next(iter(self._sources))).close()
        return known

    def close(self) -> None:
        """Stop: what waits for a thread is dropped, what is under way ends with its own timeout and is not awaited."""
        for pool in (self._pool, self._others):
            pool.shutdown(wait=False, cancel_futures=True)
        for provider in (*self._known.values(), *self._sources.values()):
            provider.close()


def checked_address(address: str) -> str:
    """The address without a trailing slash. Raises ValueError, which never quotes credentials in it."""
    try:
        parts = urlsplit(address.strip())
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"metrics server address is no URL ({error}); needed is one like http://host:9090") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"metrics server address: given {displayed(address)!r}, needed is an http or https URL "
            "without query, like http://prometheus.monitoring:9090"
        )
    return address.strip().rstrip("/")


def displayed(address: str) -> str:
    """The address for messages: without user name and password."""
    head, separator, tail = address.rpartition("@")
    scheme = head.partition("://")[0] + "://" if "://" in head else ""
    return f"{scheme}{tail}" if separator else address
