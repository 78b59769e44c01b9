"""The seam at which a place to tell people is added: one file a service beside this one."""

from typing import Protocol

from delivery.cluster.objects import Object
from strategies.status import Announcement


class UndeliverableError(Exception):
    """The sink will never take this announcement: it is logged and not tried again."""


class Sink(Protocol):
    """Somewhere that announcements are told.

    `tell` returns when the announcement has arrived, also if it had arrived before: telling twice must look like
    telling once. UndeliverableError and Denied (a permission is missing, tried again slowly) have a meaning of
    their own; after any other exception the same announcement is tried again. A call is cancelled after 15 s.
    """

    @property
    def name(self) -> str:
        """What the sink is called in logs."""

    async def tell(self, canary: Object, announcement: Announcement) -> None:
        """Tell it. `canary` is the Canary with at least apiVersion, kind and metadata."""
