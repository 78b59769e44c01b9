"""The seam between the carrier and those who are told: a service by an AlertProvider or a flag, a webhook of events."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from delivery.alerts.facts import Facts, Part, Severity
from delivery.alerts.messages import message_of
from delivery.alerts.services.registry import service_for
from delivery.alerts.services.service import Memory, Recipient, UnusableError
from delivery.outbound.outgoing import Caller, RefusedAddressError

TOLD = "told"
"""Remembered of a run for services that get three messages of it: the one in the middle was sent."""

Resolve = Callable[[], Awaitable[tuple[str, Recipient]]]
"""Reads the address and what belongs to it at the moment of an alert. Raises UnusableError."""


class Destination(Protocol):
    """Somewhere that announcements are told, one after the other for each Canary."""

    @property
    def name(self) -> str:
        """What it is called in logs and conditions; the same name is the same destination."""

    @property
    def service(self) -> str:
        """Its kind, for metrics."""

    @property
    def hears_muted(self) -> bool:
        """Whether it is told what is kept from alert services."""

    @property
    def version(self) -> str:
        """Changes with whatever describes it, so that what was wrong with it before may be right now."""

    async def tell(self, facts: Facts, memory: Memory) -> bool:
        """Tell it; False when there was nothing to say.

        May raise TryAgainError, UnusableError, UndeliverableError, OutboundError; anything else is tried again too.
        """


def mark(name: str) -> str:
    """A destination's name in eight characters, for the status."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDestination:
    """A chat service, or a machine that reads JSON. `versions` asks for the version of what describes it."""

    name: str
    service: str
    severity: Severity
    resolve: Resolve
    caller: Caller
    versions: Callable[[], str] = str

    hears_muted = False

    @property
    def version(self) -> str:
        """See Destination."""
        return self.versions()

    async def tell(self, facts: Facts, memory: Memory) -> bool:
        """See Destination. Secrets are read here, and forgotten when it returns."""
        loud = facts.severity.rank >= self.severity.rank
        if not loud and not memory.get():
            return False
        kind, to = await self.resolve()
        service = service_for(kind, to)
        if not loud and not service.edits:
            return False
        if service.brief and not worth_telling(facts, memory.get()):
            return False
        message = message_of(facts, template=to.template, links=to.links, quiet=not loud)
        try:
            await service.tell(self.caller.send, to, message, memory)
        except RefusedAddressError as error:
            raise UnusableError("AddressRefused", f"{self._said(to)}: {error}") from error
        except UnusableError as error:
            raise UnusableError(error.reason, f"{self._said(to)}: {error}") from error
        if service.brief and facts.run and facts.part is Part.MIDDLE:
            memory.set(TOLD)
        return True

    def _said(self, to: Recipient) -> str:
        """Who cannot be told, and where what has to be corrected is kept."""
        return f"{self.name} ({to.kept_in})" if to.kept_in else self.name


def worth_telling(facts: Facts, known: str) -> bool:
    """Of a run: its beginning, the first thing that is wrong, its end. What else happens is told by the end."""
    if not facts.run or facts.part is not Part.MIDDLE:
        return True
    return facts.severity is not Severity.INFO and known != TOLD
