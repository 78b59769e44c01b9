"""How old what the caches say may be, and when to look again although nothing has happened."""

from collections.abc import Iterable
from math import inf

from delivery.cluster.objects import Kind
from delivery.cluster.protocols import Clock
from delivery.cluster.reader import Reader
from delivery.controller.entry import Entry
from delivery.controller.picture import Picture
from strategies.snapshot import Problem

STALE_SECONDS = 30.0
AGAIN_SECONDS = 5.0
"""How often a Canary is looked at at the most while it waits for what is no event of any object."""


def stale(reader: Reader, needed: Iterable[Kind]) -> Problem | None:
    """What forbids a rise while one of these kinds has not been heard of for long."""
    seconds = _stale_seconds(reader, needed)
    if seconds <= STALE_SECONDS:
        return None
    return Problem(
        reason="StaleCache",
        message=f"a watch has had no connection for more than {STALE_SECONDS:.0f} s; the weight does not rise",
    )


def again_in(reader: Reader, clock: Clock, entry: Entry, picture: Picture) -> float | None:
    """When what no event tells may have changed: a watch has come back or is missed too long, a rival gave up, the
    proxies have forgotten the canary.
    """
    waits = [picture.canary_free_in] if 0 < picture.canary_free_in < inf else []
    if (seconds := _stale_seconds(reader, picture.needed)) > 0:
        waits.append(max(AGAIN_SECONDS, STALE_SECONDS - seconds))
    if entry.contested(now := clock.monotonic()):
        waits.append(max(AGAIN_SECONDS, entry.repair_at - now))
    if (left := entry.rivalry.seconds(now)) > 0:
        waits.append(max(AGAIN_SECONDS, left))
    if picture.configs.again_in is not None:
        waits.append(picture.configs.again_in)
    return min(waits, default=None)


def _stale_seconds(reader: Reader, needed: Iterable[Kind]) -> float:
    """For how long the worst watch has been missed. One that is forbidden is no matter of time."""
    return reader.stale(kind for kind in needed if not reader.denied(kind))
