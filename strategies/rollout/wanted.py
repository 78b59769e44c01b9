"""What the cluster must look like, read from the recorded status.

Nothing here decides: it only spells out what a phase means. What a cache cannot justify at this moment (a share for a
role without ready pods) is left as it is and shows as routes that are out of sync.
"""

from strategies.decision import Wanted
from strategies.readiness import carries
from strategies.rollout.advance import suspended
from strategies.snapshot import Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Phase, Stage, Status
from strategies.traffic import Traffic

_RESCUES = (Phase.INITIALIZING, Phase.FAILED, Phase.TERMINATING)
"""Phases in which all users go to the canary because the primary does not serve them."""


def wanted(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    """The wish that belongs to a recorded status. Fields that are None are to be left as they are."""
    if suspended(spec, status) and not snapshot.deleting:
        return Wanted(hands_off=True)
    match status.phase:
        case Phase.NONE:
            return Wanted(hands_off=True)
        case Phase.INITIALIZING:
            return _initialising(spec, status, snapshot)
        case Phase.TERMINATING:
            return _terminating(spec, status, snapshot)
        case _ if status.run is not None:
            return _running(spec, status, snapshot)
        case _:
            return _resting(spec, status, snapshot)


def _initialising(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    if status.stage is Stage.NONE:
        return Wanted(hands_off=True)
    routed = snapshot.routes.canary_weight is not None
    if snapshot.refusal is not None and not routed:
        return Wanted(hands_off=True)  # what forbids a start forbids to go on while users are still elsewhere
    routes = status.stage is not Stage.PRIMARY or routed
    return Wanted(
        primary_revision=status.last_promoted_spec,
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=1) if routes else None,
        apex_to_primary=status.stage in (Stage.APEX, Stage.DRAIN),
    )


def _terminating(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    routed = snapshot.routes.canary_weight is not None
    leaving = status.stage is Stage.ROUTES
    return Wanted(
        traffic=_traffic(spec, status, snapshot, floor=1) if routed and leaving else None,
        finalizer=leaving,
    )


def _running(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    run = status.run
    if run is None:
        raise ValueError("no run is open")
    copying = status.phase in (Phase.PROMOTING, Phase.FINALISING, Phase.FAILED)
    return Wanted(
        primary_revision=run.revision if copying else status.last_promoted_spec,
        primary_floor=run.floor,
        canary_replicas=None if status.phase is Phase.FINALISING else run.floor,
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=run.floor),
        apex_to_primary=True,
        finalizer=True,
    )


def _resting(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    leaving = status.stage is not Stage.NONE
    floor = status.history[-1].floor if leaving and status.history else None
    return Wanted(
        primary_revision=status.last_promoted_spec,
        primary_floor=floor,
        canary_replicas=None if leaving else 0,
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=floor or 1),
        apex_to_primary=True,
        finalizer=leaving,
    )


def _traffic(spec: RolloutSpec, status: Status, snapshot: Snapshot, *, floor: int) -> Traffic | None:
    """The recorded weight, unless what was observed forbids to write it now."""
    run = status.run
    weight = run.override if run is not None and run.override is not None else status.canary_weight
    live = snapshot.routes.canary_weight
    primary_ready = snapshot.primary is not None and snapshot.primary.ready > 0
    canary_ready = snapshot.target is not None and snapshot.target.ready > 0
    if live is None and not ((weight == 100 or primary_ready) and (weight == 0 or canary_ready)):
        return None
    if live is not None and weight < live and not _may_lower(spec, status, snapshot, floor=floor):
        return None
    if live is not None and weight > live and not _may_rise(spec, status, snapshot, weight, floor=floor):
        return None
    return Traffic.to_canary(weight)


def _may_lower(spec: RolloutSpec, status: Status, snapshot: Snapshot, *, floor: int) -> bool:
    """A rollback wants one ready pod of the primary; the step back after a promotion wants all that it takes."""
    run, primary, target = status.run, snapshot.primary, snapshot.target
    if primary is None or primary.ready == 0:
        return False
    if status.phase is not Phase.FINALISING or run is None or target is None:
        return True
    canary_works = target.ready > 0 and target.revision == run.revision
    return not canary_works or carries(spec, primary, floor=floor, share=100)


def _may_rise(spec: RolloutSpec, status: Status, snapshot: Snapshot, weight: int, *, floor: int) -> bool:
    """A step wants the pods that carry it and fresh caches; a rescue, which gives the canary all, one ready pod."""
    if snapshot.target is None or snapshot.target.ready == 0:
        return False
    lost = snapshot.primary is None or snapshot.primary.ready == 0
    healing = status.run is not None and status.run.healing
    if weight == 100 and (lost or healing or status.phase in _RESCUES):
        return True
    return snapshot.hold is None and carries(spec, snapshot.target, floor=floor, share=weight)
