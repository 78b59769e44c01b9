"""Where the API server is, besides the address that this process calls it by.

Behind Service `kubernetes` stand addresses of nodes or of a provider's network, which nothing but the cluster knows: a
webhook that names one of them reaches the API server as well as the Service's name does. They are read when the process
starts, and again when somebody is to be called and they are old, for a control plane moves; so who calls nobody asks
nothing.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from delivery.cluster.errors import ClusterError, Denied, Gone
from delivery.cluster.objects import ENDPOINT_SLICES, ENDPOINTS, Object, Ref
from delivery.cluster.protocols import Clock

OWN = tuple(Ref(kind, "default", "kubernetes") for kind in (ENDPOINT_SLICES, ENDPOINTS))
"""Where the API server keeps its own addresses; servers before 1.21 know the second only."""
READ_SECONDS = 3.0
"""How long one GET may take."""
FRESH_SECONDS = 600.0
"""How long an answer is good for, a missing permission too."""
AGAIN_SECONDS = 30.0
"""How long an API server that could not be asked is left alone."""

log = structlog.get_logger(__name__)


class Gets(Protocol):
    """What is needed of the cluster room's Api."""

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        """One object; raises a ClusterError."""


class Addresses(Protocol):
    """Who knows addresses of the API server."""

    async def known(self) -> tuple[str, ...]:
        """Addresses in their numeric form; never raises."""


class Nobody:
    """Addresses of a process that has no cluster."""

    async def known(self) -> tuple[str, ...]:
        """None."""
        return ()


class Endpoints:
    """Addresses behind Service `kubernetes` in namespace `default`; what was read last where nobody can be asked."""

    def __init__(self, api: Gets, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._known: tuple[str, ...] = ()
        self._until = float("-inf")

    async def known(self) -> tuple[str, ...]:
        """See Addresses. Reads them when they are older than ten minutes; who comes meanwhile gets the old ones."""
        now = self._clock.monotonic()
        if now >= self._until:
            self._until = now + AGAIN_SECONDS
            await self._read(now)
        return self._known

    async def _read(self, now: float) -> None:
        try:
            found = await self._found()
        except Gone as error:  # as in a sandbox, which has nothing behind its address
            self._until = now + FRESH_SECONDS
            log.info("the API server has no other addresses", error=str(error))
        except Denied as error:
            self._until = now + FRESH_SECONDS
            hint = "let the controller get it (deploy/api-server), or webhooks can name the API server's own addresses"
            log.warning("addresses of the API server not known", error=str(error), hint=hint)
        except ClusterError as error:
            log.info("addresses of the API server not known, will be read again", error=str(error))
        else:
            self._until = now + FRESH_SECONDS
            self._known = addresses(found)

    async def _found(self) -> Object:
        slices, endpoints = OWN
        try:
            return await self._api.get(slices, timeout=READ_SECONDS)
        except Gone:
            return await self._api.get(endpoints, timeout=READ_SECONDS)


def addresses(found: Object) -> tuple[str, ...]:
    """The addresses in an EndpointSlice or in Endpoints; what is no address is passed over."""
    every = [each for endpoint in found.get("endpoints") or () for each in endpoint.get("addresses") or ()]
    every += [each.get("ip", "") for subset in found.get("subsets") or () for each in subset.get("addresses") or ()]
    return tuple(each for each in every if _is_address(each))


def hosts(server: str, *, cluster_domain: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The API server's names and addresses as this process has them: of the URL that it is called by, and within a
    cluster those of Service `kubernetes`. Outside of one that name leads nowhere, or to somebody else's.
    """
    found = [urlsplit(server).hostname or ""]
    if inside := environment.get("KUBERNETES_SERVICE_HOST", ""):
        found += [inside, f"kubernetes.default.svc.{cluster_domain}"]
    return tuple(dict.fromkeys(filter(None, found)))


def _is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True
