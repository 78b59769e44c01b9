"""Names become addresses here, and addresses that must not be called become errors: after DNS, before a connection."""

import asyncio
import socket
from collections.abc import Iterable
from typing import Protocol

from aiodns import error as dns
from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from delivery.outbound.api_server import Addresses, Nobody
from delivery.outbound.guard import Guard, literal
from delivery.outbound.outgoing import OutboundError

NO_SUCH_NAME = (dns.ARES_ENOTFOUND, dns.ARES_ENODATA)
"""What a name service says that works and knows no address."""


class Lookup(Protocol):
    """Who turns a name into addresses; aiohttp's resolvers do."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses. OSError when there are none."""

    async def close(self) -> None:
        """Let go of what it holds."""


class GuardedResolver(AbstractResolver):
    """Resolves names and lets through only what the guard allows: one bad address refuses the name.

    `endpoints` knows addresses of the API server besides those of the guard's hosts.
    """

    def __init__(self, guard: Guard, lookup: Lookup | None = None, endpoints: Addresses | None = None) -> None:
        self._guard = guard
        self._lookup = lookup
        self._endpoints = endpoints or Nobody()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As in aiohttp. RefusedAddressError when one of the addresses must not be called."""
        found = await self._resolver().resolve(host, port, family)
        await self._judge((each["host"] for each in found), where=host, host=host)
        return found

    async def check(self, host: str, *, where: str) -> None:
        """The same for a host that may be an address, which nobody would resolve."""
        address = literal(host, where=where)
        if address is not None:
            await self._judge([address], where=where)

    async def _judge(self, addresses: Iterable[str], *, where: str, host: str = "") -> None:
        """Who may be called in any case is no reason to ask where the API server is."""
        asked = [each for each in addresses if not self._guard.allows(each)]
        servers = await self.api_server(where=where) if asked else ()
        for each in asked:
            self._guard.check(each, where=where, host=host, api_server=servers)

    async def foresee(self, host: str, *, where: str) -> None:
        """The same for a host that a proxy will resolve. A name that only the proxy knows is the proxy's to judge."""
        await self.check(host, where=where)
        if literal(host, where=where) is not None:
            return
        try:
            await self.resolve(host)
        except OSError:
            self._guard.check_name(host, where=where)

    async def api_server(self, *, where: str) -> tuple[str, ...]:
        """The addresses that the API server has now, for a call to `where`.

        OutboundError when its name cannot be resolved: nobody can say then that the call would not reach it.
        """
        found = [*await self._endpoints.known()]
        for host in self._guard.api_server:
            address = literal(host, where=host)
            found += [address] if address is not None else await self._addresses(host, where=where)
        return tuple(found)

    async def close(self) -> None:
        """Let go of the sockets."""
        if self._lookup is not None:
            await self._lookup.close()

    def _resolver(self) -> Lookup:
        if self._lookup is None:  # not before a loop runs
            self._lookup = AsyncResolver(loop=asyncio.get_running_loop())
        return self._lookup

    async def _addresses(self, host: str, *, where: str) -> list[str]:
        try:
            return [each["host"] for each in await self._resolver().resolve(host, 0, socket.AF_UNSPEC)]
        except OSError as error:
            if _knows_no_such_name(error):
                return []  # a name that leads nowhere is no way to the API server
            said = " ".join(str(error.strerror or type(error).__name__).split())[:160]
            raise OutboundError(
                f"{where} is not called: nobody knows whether it is the API server, for {host} cannot be resolved "
                f"({said})"
            ) from error


def _knows_no_such_name(error: OSError) -> bool:
    code = error.__cause__.args[0] if isinstance(error.__cause__, dns.DNSError) and error.__cause__.args else None
    return code in NO_SUCH_NAME
