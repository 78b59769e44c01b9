"""Proxies, and how late they hear of things.

Every proxy gets routes, clusters and endpoints on three streams. A push takes its time, drawn anew for each proxy and
stream; within a stream nothing overtakes. So for some seconds proxies disagree with the cluster and with each other,
and one stream of a proxy with another: that is when users are lost, if somebody was in a hurry.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Any

from delivery.sandbox.mesh.control_plane import CLUSTERS, ENDPOINTS, ROUTES, Delta, Key
from delivery.sandbox.mesh.hosts import best_wildcard
from delivery.sandbox.mesh.load import Load
from delivery.sandbox.mesh.routes import MESH, Cluster, Table, VirtualHost

Range = tuple[float, float]


class Proxy:
    """One proxy's tables. A gateway follows the routes of gateways, a sidecar those of the mesh."""

    def __init__(self, number: int, *, is_gateway: bool = False) -> None:
        self.number = number
        self.is_gateway = is_gateway
        self.tables: dict[str, dict[Key, Any]] = {ROUTES: {}, CLUSTERS: {}, ENDPOINTS: {}}
        self.arrives_last = {ROUTES: 0.0, CLUSTERS: 0.0, ENDPOINTS: 0.0}

    def wants(self, delta: Delta) -> bool:
        """Is this resource for this proxy?"""
        return delta.sort != ROUTES or (delta.key[0] != MESH) == self.is_gateway

    def adopt(self, deltas: Sequence[Delta]) -> None:
        """A push has arrived."""
        for delta in deltas:
            if delta.value is None:
                self.tables[delta.sort].pop(delta.key, None)
            else:
                self.tables[delta.sort][delta.key] = delta.value

    def table(self, load: Load, host: str) -> tuple[VirtualHost | None, Table | None]:
        """The host as this proxy knows it, and the rules that decide for this caller, if there are any."""
        routes, via = self.tables[ROUTES], load.gateway or MESH
        exact: VirtualHost | None = routes.get((via, host))
        if exact is not None and (found := _visible(exact, load)) is not None:
            return exact, found
        patterns = [key[1] for key in routes if key[0] == via and key[1].startswith("*")]
        if (pattern := best_wildcard(host, patterns)) is not None:
            wild: VirtualHost = routes[via, pattern]
            if (found := _visible(wild, load)) is not None:
                return exact or wild, found
        return exact, None

    def cluster(self, key: Key) -> tuple[Cluster, tuple[str, ...]] | None:
        """A cluster and its endpoints (uids of pods); None until both have arrived, for Envoy warms clusters first."""
        cluster, endpoints = self.tables[CLUSTERS].get(key), self.tables[ENDPOINTS].get(key)
        return None if cluster is None or endpoints is None else (cluster, endpoints)


def _visible(host: VirtualHost, load: Load) -> Table | None:
    if load.gateway:
        return next(iter(host.tables), None)
    return next((table for table in host.tables if table.visible_to(load.client_namespace)), None)


class Pushes:
    """What is on its way to proxies. `lag` is the range of seconds that a push takes, `endpoint_lag` (the same range
    when None) the one of endpoints, which have no queue before them in a mesh at rest.

    With `slow` the last sidecar gets everything so many seconds late, as one on an overloaded node does.
    """

    def __init__(
        self,
        proxies: Sequence[Proxy],
        rng: random.Random,
        *,
        lag: Range,
        endpoint_lag: Range | None = None,
        slow: float | None = None,
    ) -> None:
        self.lags = {ROUTES: lag, CLUSTERS: lag, ENDPOINTS: lag if endpoint_lag is None else endpoint_lag}
        for low, high in self.lags.values():
            if not 0.0 <= low <= high:
                raise ValueError(f"lag: {(low, high)}; allowed is a range of seconds from 0")
        self.slow = slow
        self._proxies, self._rng = proxies, rng
        self._slowest = next((each for each in reversed(proxies) if not each.is_gateway), None)
        self._due: list[tuple[float, int, Proxy, list[Delta]]] = []
        self._count = 0

    def send(self, deltas: Sequence[Delta], now: float) -> None:
        """Send what changed to everybody."""
        for sort in (ROUTES, CLUSTERS, ENDPOINTS):
            changed = [each for each in deltas if each.sort == sort]
            for proxy in self._proxies if changed else ():
                mine = [each for each in changed if proxy.wants(each)]
                if mine:
                    self._push(proxy, sort, mine, now)

    def _push(self, proxy: Proxy, sort: str, deltas: list[Delta], now: float) -> None:
        lag = self._rng.uniform(*self.lags[sort])
        if self.slow is not None and proxy is self._slowest:
            lag = self.slow
        arrival = max(now + lag, proxy.arrives_last[sort])
        proxy.arrives_last[sort] = arrival
        self._count += 1
        heapq.heappush(self._due, (arrival, self._count, proxy, deltas))

    def about(self, host: str) -> int:
        """How many pushes are on their way that say something of a host."""
        return sum(any(host in delta.key for delta in deltas) for _, _, _, deltas in self._due)

    def next_at(self) -> float | None:
        """When the next push arrives."""
        return self._due[0][0] if self._due else None

    def arrive(self, now: float, tell: Callable[[Proxy, Sequence[Delta]], None]) -> None:
        """Hand over everything that has arrived by now."""
        while self._due and self._due[0][0] <= now:
            _, _, proxy, deltas = heapq.heappop(self._due)
            tell(proxy, deltas)
