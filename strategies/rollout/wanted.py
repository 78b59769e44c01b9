"""What the cluster must look like, read from the recorded status.

Nothing here decides: it only spells out what a phase means. What a cache cannot justify at this moment (a share for a
role without ready pods) is left as it is and shows as routes that are out of sync.
"""

from strategies.decision import Wanted
from strategies.readiness import carries
from strategies.rollout.advance import suspended
from strategies.rollout.scaling import of_previous, with_minimums
from strategies.rollout.terminating import may_serve
from strategies.snapshot import Routes, Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Phase, Run, Stage, Status
from strategies.traffic import Traffic

_RESCUES = (Phase.INITIALIZING, Phase.FAILED, Phase.TERMINATING)
"""Phases in which all users go to the canary because the primary does not serve them."""


def wanted(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    """The wish that belongs to a recorded status. Fields that are None are to be left as they are."""
    return with_minimums(spec, status, snapshot, _wanted(spec, status, snapshot))


def _wanted(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    if suspended(spec, status) and not snapshot.deleting:
        return Wanted(hands_off=True)
    match status.phase:
        case Phase.NONE | Phase.OBSERVING:
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
    if spec.revert_on_deletion and not snapshot.finalizer:
        return Wanted(finalizer=True)  # nothing that would have to be undone comes before it
    routes = status.stage is not Stage.PRIMARY or routed
    return Wanted(
        primary_revision=status.last_promoted_spec,
        kept=(status.last_promoted_spec,),
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=1) if routes else None,
        apex_to_primary=status.stage in (Stage.APEX, Stage.DRAIN),
        finalizer=spec.revert_on_deletion,
    )


def _terminating(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    routed, stage = snapshot.routes.canary_weight is not None, status.stage
    moving = stage in (Stage.ROUTES, Stage.TARGET, Stage.RETURN)
    waking = stage in (Stage.TARGET, Stage.RETURN) and may_serve(status, snapshot) and not spec.versions_stay
    primary, target = snapshot.primary, snapshot.target
    saved = primary is not None and primary.ready > 0 and (target is None or target.ready == 0)
    return Wanted(
        canary_replicas=max(1, primary.replicas if primary is not None else 1) if waking else None,
        destinations=routed and stage in (Stage.TARGET, Stage.RETURN),
        traffic=_traffic(spec, status, snapshot, floor=1) if routed and moving else None,
        apex_to_primary=stage is Stage.TARGET and saved,
        apex_as_before=stage is Stage.RETURN,
        routes_as_before=stage is Stage.RESTORE,
        nothing_left=stage is Stage.REMOVE,
        finalizer=stage is not Stage.NONE,
    )


def _running(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    run = status.run
    if run is None:
        raise ValueError("no run is open")
    copying = status.phase in (Phase.PROMOTING, Phase.FINALISING, Phase.FAILED)
    return Wanted(
        primary_revision=run.revision if copying else status.last_promoted_spec,
        primary_floor=run.floor,
        canary_replicas=None if status.phase is Phase.FINALISING else _canary_replicas(status, run),
        kept=(status.last_promoted_spec, run.revision),
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=run.floor),
        apex_to_primary=True,
        finalizer=True,
    )


def _canary_replicas(status: Status, run: Run) -> int | None:
    """As many pods as the primary has; none while those of other configs are going, once users have left them."""
    if not run.renewing:
        return run.floor
    return 0 if status.stage is Stage.NONE else None


def _resting(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Wanted:
    leaving = status.stage is not Stage.NONE
    floor = status.history[-1].floor if leaving and status.history else None
    return Wanted(
        primary_revision=status.last_promoted_spec,
        primary_floor=floor,
        canary_replicas=None if leaving else 0,
        kept=(status.last_promoted_spec,),
        collect=not leaving and _is_promoted(status, snapshot),
        destinations=True,
        traffic=_traffic(spec, status, snapshot, floor=floor or 1),
        apex_to_primary=True,
        finalizer=leaving or (spec.revert_on_deletion and not spec.observe) or _borrows(spec, status, snapshot),
    )


def _borrows(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> bool:
    """Is a floor held between runs? Without us nobody would ever give it back."""
    return snapshot.previous_scaled and of_previous(spec, status) > 0


def _is_promoted(status: Status, snapshot: Snapshot) -> bool:
    """Are all the primary's pods of the promoted revision?"""
    primary = snapshot.primary
    return primary is not None and primary.revision == status.last_promoted_spec and primary.settled


def _traffic(spec: RolloutSpec, status: Status, snapshot: Snapshot, *, floor: int) -> Traffic | None:
    """The recorded traffic, unless what was observed forbids to write it now."""
    traffic, live = _recorded(spec, status, snapshot), snapshot.routes
    primary_ready = snapshot.primary is not None and snapshot.primary.ready > 0
    canary_ready = snapshot.target is not None and snapshot.target.ready > 0
    if live.canary_weight is None:
        both = (traffic.everybody == 100 or primary_ready) and (traffic.canary == 0 or canary_ready)
        return traffic if both else None
    if lowers(traffic, live) and not _may_lower(spec, status, snapshot, floor=floor):
        return None
    if live.behind and not carries(spec, snapshot.primary, floor=floor, share=100):
        return None
    if rises(traffic, live) and not _may_rise(spec, status, snapshot, traffic, floor=floor):
        return None
    return traffic


def _recorded(spec: RolloutSpec, status: Status, snapshot: Snapshot) -> Traffic:
    """What the status says, as a value for routers. Testers meet a canary that has pods, or the primary.

    Nobody looks after what a deleted Canary leaves: it sends everybody to one place, and nobody anywhere else.
    """
    run = status.run
    if status.phase is Phase.TERMINATING:
        return Traffic.to_canary(status.canary_weight)
    if run is None:
        expired = status.previous_session_affinity_cookie if spec.analysis.affinity else ""
        return Traffic.to_canary(status.canary_weight, expired=expired)
    weight = status.canary_weight if run.override is None else run.override
    canary_ready = snapshot.target is not None and snapshot.target.ready > 0
    return Traffic.to_canary(
        weight,
        mirror=0 if run.override is not None else run.mirror,
        matched=run.matched,
        testers=run.testers and spec.analysis.testers and canary_ready,
        cookie=status.session_affinity_cookie if 0 < weight < 100 and spec.analysis.affinity else "",
    )


def lowers(traffic: Traffic, live: Routes) -> bool:
    """Does it take any requests away from the canary?"""
    matching = live.canary_weight is not None and traffic.canary < live.canary_weight
    return matching or traffic.everybody < live.everybody or (live.testers and not traffic.testers)


def rises(traffic: Traffic, live: Routes) -> bool:
    """Does it send the canary anything that it did not get?"""
    matching = live.canary_weight is not None and traffic.canary > live.canary_weight
    more = traffic.everybody > live.everybody or traffic.mirror > live.mirror
    return matching or more or (traffic.testers and not live.testers)


def _may_lower(spec: RolloutSpec, status: Status, snapshot: Snapshot, *, floor: int) -> bool:
    """A rollback wants one ready pod of the primary; the step back after a promotion wants all that it takes."""
    run, primary, target = status.run, snapshot.primary, snapshot.target
    if primary is None or primary.ready == 0:
        return False
    if status.phase is not Phase.FINALISING or run is None or target is None:
        return True
    canary_works = target.ready > 0 and target.revision == run.revision
    return not canary_works or carries(spec, primary, floor=floor, share=100)


def _may_rise(spec: RolloutSpec, status: Status, snapshot: Snapshot, traffic: Traffic, *, floor: int) -> bool:
    """A step wants the pods that carry it and fresh caches; a rescue, which gives the canary all, one ready pod."""
    if snapshot.target is None or snapshot.target.ready == 0:
        return False
    lost = snapshot.primary is None or snapshot.primary.ready == 0
    healing = status.run is not None and status.run.healing
    if traffic.everybody == 100 and (lost or healing or status.phase in _RESCUES):
        return True
    return snapshot.hold is None and carries(spec, snapshot.target, floor=floor, share=traffic.load)
