"""A cluster in memory: the API server's semantics, workloads that roll, and time that is virtual or real.

The same store stands under the simulation of the loop (through `MemoryApi`, with lags and faults) and is served over
HTTP by the sandbox. Nothing in here asks the machine for the time (a Clock is handed in), opens a socket or depends
on hash order; on virtual time all of it is deterministic.
"""

from delivery.cluster.memory.faults import Faults
from delivery.cluster.memory.handles import INSTANCE, WORLD, InstanceError, Step, StuckError
from delivery.cluster.memory.patching import json_patch, merge_patch
from delivery.cluster.memory.rejections import Cause, ContentInvalidError, ForbiddenError, RejectionError
from delivery.cluster.memory.resources import Resource, builtin_resources, custom_resource
from delivery.cluster.memory.store import JSON_PATCH, MERGE_PATCH, Admission, Store
from delivery.cluster.memory.timekeeping import (
    EPOCH,
    RealSchedule,
    Schedule,
    VirtualClock,
    VirtualSchedule,
    VirtualTimers,
)
from delivery.cluster.memory.transport import MemoryApi, Request
from delivery.cluster.memory.virtual import VirtualLoop
from delivery.cluster.memory.watching import Happened, Subscription
from delivery.cluster.memory.workloads import World

__all__ = [
    "EPOCH",
    "INSTANCE",
    "JSON_PATCH",
    "MERGE_PATCH",
    "WORLD",
    "Admission",
    "Cause",
    "ContentInvalidError",
    "Faults",
    "ForbiddenError",
    "Happened",
    "InstanceError",
    "MemoryApi",
    "RealSchedule",
    "RejectionError",
    "Request",
    "Resource",
    "Schedule",
    "Step",
    "Store",
    "StuckError",
    "Subscription",
    "VirtualClock",
    "VirtualLoop",
    "VirtualSchedule",
    "VirtualTimers",
    "World",
    "builtin_resources",
    "custom_resource",
    "json_patch",
    "merge_patch",
]
