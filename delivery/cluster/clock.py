"""The time of this machine. The only place of the application that asks for it; everything else is handed a Clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The Clock of a process that runs for real."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, UTC. It may jump."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump, from an arbitrary start; the same as the event loop's time."""
        return time.monotonic()
