"""What those who tell people report back into a decision: which messages there are, and who cannot be told."""

from dataclasses import replace

from delivery.controller.seams import Announcer
from strategies.snapshot import Snapshot


def told(snapshot: Snapshot, announcer: Announcer, key: str) -> Snapshot:
    """The snapshot of a Canary with what sending has shown."""
    posted, fault = announcer.posted(key), announcer.fault(key)
    if not posted and fault is None:
        return snapshot
    return replace(snapshot, posted=posted, unalertable=snapshot.unalertable or fault)
