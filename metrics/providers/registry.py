"""Finds the provider for an address, and owns what all of them share.

One pool of threads a process, because blocking clients must neither take the event loop's own threads (which resolve
names and renew the Lease) nor grow with the number of Canaries; one provider an address, because its connections and
its circuit breaker are the address's.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from urllib.parse import urlsplit

from metrics.providers.base import ClosableProvider, Provider

Monotonic = Callable[[], float]
Factory = Callable[[str, ThreadPoolExecutor, Monotonic], ClosableProvider]


def _prometheus(address: str, pool: ThreadPoolExecutor, monotonic: Monotonic) -> ClosableProvider:
    from metrics.providers.prometheus import PrometheusProvider

    return PrometheusProvider(address, pool=pool, monotonic=monotonic)


PROVIDERS: Mapping[str, Factory] = MappingProxyType({"prometheus": _prometheus})
"""Providers by the name of their type."""


class Providers:
    """The providers of one process. `threads` bounds the queries that are under way at once, over all addresses."""

    def __init__(self, *, threads: int = 8, monotonic: Monotonic = time.monotonic) -> None:
        if threads < 1:
            raise ValueError(f"threads: given {threads}, at least 1 is needed")
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="metrics")
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], ClosableProvider] = {}

    def provider_for(self, address: str, kind: str = "prometheus") -> Provider:
        """The provider of type `kind` at `address`, the same one each time.

        Raises ValueError for an unknown type and for an address that is no http or https URL.
        """
        factory = PROVIDERS.get(kind)
        if factory is None:
            raise ValueError(f"provider type: given {kind!r}, allowed are {', '.join(sorted(PROVIDERS))}")
        address = checked_address(address)
        if (kind, address) not in self._known:
            self._known[kind, address] = factory(address, self._pool, self._monotonic)
        return self._known[kind, address]

    def close(self) -> None:
        """Stop: what waits for a thread is dropped, what is under way ends with its own timeout and is not awaited."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for provider in self._known.values():
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
