"""May a role carry a share of the users? Counted in ready pods, never in hope."""

from datetime import datetime, timedelta
from math import ceil

from strategies.snapshot import Workload
from strategies.spec import RolloutSpec
from strategies.traffic import Role


def needed(floor: int, share: int) -> int:
    """Ready pods that carry `share` percent of what `floor` pods carried: max(1, ceil(floor x share)), 0 for none."""
    return max(1, ceil(floor * share / 100)) if share > 0 else 0


def _asked(spec: RolloutSpec, workload: Workload, *, floor: int, share: int) -> int:
    """The ready pods that are asked of a workload for a share: never more than it can have, and at least one."""
    pods = needed(floor, share)
    if not spec.capacity_check:
        return min(1, pods)
    return pods if workload.most is None else min(pods, max(1, workload.most))


def carries(spec: RolloutSpec, workload: Workload | None, *, floor: int, share: int) -> bool:
    """True when the workload's ready pods carry the share (one is enough with the capacity check off)."""
    if workload is None:
        return share == 0
    return workload.ready >= _asked(spec, workload, floor=floor, share=share)


def known_at(spec: RolloutSpec, workload: Workload | None, *, floor: int, share: int) -> datetime | None:
    """When every proxy knows enough ready pods to carry the share; None if that is so already, or never with these.

    A pod that is ready is an endpoint that proxies have yet to hear of; like routes, it gets settleSeconds. Times of
    conditions are whole seconds, rounded down (Kubernetes' metav1.Time), so one second comes on top.
    """
    if workload is None or not workload.ready_since:
        return None
    place = _asked(spec, workload, floor=floor, share=share) - (workload.ready - len(workload.ready_since)) - 1
    if not 0 <= place < len(workload.ready_since):
        return None
    return sorted(workload.ready_since)[place] + timedelta(seconds=spec.settle_seconds + 1)


def is_ready(spec: RolloutSpec, role: Role, workload: Workload | None) -> bool:
    """True when the role's rollout is complete and enough of its pods are ready.

    Enough is `canaryReadyThreshold` or `primaryReadyThreshold` percent of the wanted pods, and at least one.
    """
    if workload is None or workload.replicas == 0 or not workload.settled:
        return False
    return workload.updated_ready >= awaited(spec, role, workload.replicas)


def awaited(spec: RolloutSpec, role: Role, replicas: int) -> int:
    """How many of a role's wanted pods have to be ready."""
    percent = spec.canary_ready_percent if role is Role.CANARY else spec.primary_ready_percent
    return max(1, ceil(replicas * percent / 100))


def missing(workload: Workload | None, *, name: str) -> str:
    """What a workload lacks, in words."""
    if workload is None:
        return f"{name} does not exist"
    if workload.trouble is not None:
        return workload.trouble.message
    return f"{workload.updated_ready} of {workload.replicas} pods of {name} are ready and up to date"
