"""A deterministic cluster in memory: the API server's semantics, workloads that roll, and virtual time.

The same store stands under the simulation of the loop (through `MemoryApi`, with lags and faults) and can be
served over HTTP. Nothing in here reads a wall clock, opens a socket or depends on hash order.
"""

from delivery.cluster.memory.handles import INSTANCE, WORLD, InstanceError, Step, StuckError
from delivery.cluster.memory.timekeeping import EPOCH, VirtualClock, VirtualTimers
from delivery.cluster.memory.virtual import VirtualLoop

__all__ = [
    "EPOCH",
    "INSTANCE",
    "WORLD",
    "InstanceError",
    "Step",
    "StuckError",
    "VirtualClock",
    "VirtualLoop",
    "VirtualTimers",
]
