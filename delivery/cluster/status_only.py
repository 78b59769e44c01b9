"""A Writer for who only looks on: the status of Canaries, and Events, and nothing else leaves this process.

That nothing is written follows from there being nothing wanted. This is the second lock: whatever asks for another
write is a mistake of ours, so it is refused before it is sent, and loudly.
"""

from delivery.cluster.objects import CANARIES, EVENTS, Action, Change, Object
from delivery.cluster.writer import Writer


class RefusedWriteError(RuntimeError):
    """A write that may not be made by who only looks on: a mistake of the program, not of the cluster."""


class StatusOnly(Writer):
    """Sends changes of a Canary's status, and creates Events; raises RefusedWriteError for all else, unsent."""

    async def write(self, change: Change, *, timeout: float = 10.0) -> Object:
        if not _is_harmless(change):
            raise RefusedWriteError(
                f"{change.action} {change.ref} ({change.why}): refused, this controller or Canary only looks on"
            )
        return await super().write(change, timeout=timeout)


def _is_harmless(change: Change) -> bool:
    """Only `/status` of a Canary, by the status subresource; only new Events."""
    if change.ref.kind == EVENTS:
        return change.action is Action.CREATE
    paths = [str(op.get("path", "")) for op in change.ops]
    status = all(path == "/status" or path.startswith("/status/") for path in paths)
    return change.ref.kind == CANARIES and change.action is Action.PATCH and change.subresource == "status" and status
