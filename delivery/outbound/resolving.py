"""Names become addresses here, and addresses that must not be called become errors: after DNS, before a connection."""

import asyncio
import socket
from typing import Protocol

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from delivery.outbound.guard import Guard, literal


class Lookup(Protocol):
    """Who turns a name into addresses; aiohttp's resolvers do."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses. OSError when there are none."""

    async def close(self) -> None:
        """Let go of what it holds."""


class GuardedResolver(AbstractResolver):
    """Resolves names and lets through only what the guard allows: one bad address refuses the name."""

    def __init__(self, guard: Guard, lookup: Lookup | None = None) -> None:
        self._guard = guard
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As in aiohttp. RefusedAddressError when one of the addresses must not be called."""
        found = await self._resolver().resolve(host, port, family)
        servers = await self.api_server()
        for each in found:
            self._guard.check(each["host"], where=host, host=host, api_server=servers)
        return found

    async def check(self, host: str, *, where: str) -> None:
        """The same for a host that may be an address, which nobody would resolve."""
        address = literal(host, where=where)
        if address is not None:
            self._guard.check(address, where=where, api_server=await self.api_server())

    async def foresee(self, host: str, *, where: str) -> None:
        """The same for a host that a proxy will resolve. A name that only the proxy knows is the proxy's to judge."""
        await self.check(host, where=where)
        if literal(host, where=where) is not None:
            return
        try:
            await self.resolve(host)
        except OSError:
            self._guard.check_name(host, where=where)

    async def api_server(self) -> tuple[str, ...]:
        """The addresses that the API server has now."""
        known: list[str] = []
        for host in self._guard.api_server:
            address = literal(host, where=host)
            known += [address] if address is not None else await self._addresses(host)
        return tuple(known)

    async def close(self) -> None:
        """Let go of the sockets."""
        if self._lookup is not None:
            await self._lookup.close()

    def _resolver(self) -> Lookup:
        if self._lookup is None:  # not before a loop runs
            self._lookup = AsyncResolver(loop=asyncio.get_running_loop())
        return self._lookup

    async def _addresses(self, host: str) -> list[str]:
        try:
            return [each["host"] for each in await self._resolver().resolve(host, 0, socket.AF_UNSPEC)]
        except OSError:
            return []  # a name that leads nowhere now is no way to the API server
