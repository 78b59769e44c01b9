"""What autoscalers must not fall below while a run needs the pods, as the recorded status says.

The primary must be able to take everybody back, so it keeps what it had until the canary has drained; and the canary
has the pods for its next share before it gets it.
"""

from strategies.changing import changed
from strategies.decision import Wanted
from strategies.plan import plan_for
from strategies.readiness import needed
from strategies.snapshot import Snapshot
from strategies.spec import RolloutSpec
from strategies.status import Phase, Result, Run, Skip, Stage, Status


def with_minimums(spec: RolloutSpec, status: Status, snapshot: Snapshot, wish: Wanted) -> Wanted:
    """The same wish with the least pods that the autoscalers of both roles may leave."""
    if wish.hands_off:
        return wish
    return changed(
        wish,
        {
            "primary_min": _of_primary(status, snapshot, wish),
            "canary_min": _of_canary(spec, status, wish),
            "previous_min": of_previous(spec, status),
        },
    )


def _of_primary(status: Status, snapshot: Snapshot, wish: Wanted) -> int | None:
    if status.phase is Phase.INITIALIZING:
        # Without users it has no load yet, and would be scaled down before they come.
        return snapshot.target.ready if snapshot.target is not None else 0
    if status.phase is Phase.TERMINATING:
        return None if status.stage is Stage.ROUTES else 0
    return wish.primary_floor or 0


def _of_canary(spec: RolloutSpec, status: Status, wish: Wanted) -> int | None:
    leaving = status.stage in (Stage.ROUTES, Stage.DRAIN)
    if status.phase is Phase.INITIALIZING or status.phase is Phase.FINALISING:
        return None
    if status.phase is Phase.TERMINATING and status.stage in (Stage.TARGET, Stage.RETURN):
        return wish.canary_replicas
    if status.run is not None and status.phase is not Phase.TERMINATING:
        return max(1, needed(status.run.floor, _share(spec, status, status.run)) if spec.capacity_check else 1)
    return None if leaving else 0


def of_previous(spec: RolloutSpec, status: Status) -> int:
    """The way back is instant as long as whoever served before can take everybody; so it keeps what the run began with
    that took its users from it, for as long as the way is open.
    """
    if spec.keep_previous_seconds <= 0 or status.phase is Phase.TERMINATING:
        return 0
    promoted = next((past.floor for past in reversed(status.history) if past.result is Result.PROMOTED), 0)
    floor = promoted if status.previous_until is not None else 0
    leading = status.run is not None and status.phase in (Phase.PROMOTING, Phase.FINALISING)
    return max(floor, status.run.floor) if leading and status.run is not None else floor


def _share(spec: RolloutSpec, status: Status, run: Run) -> int:
    """The larger one of the share that the canary has and the one that it gets next; all, if it is to be promoted with
    the pods that it has.
    """
    present = max(status.canary_weight, run.mirror)
    if spec.shares_pods and status.phase is Phase.PROMOTING:
        return 100
    if status.phase not in (Phase.PROGRESSING, Phase.WAITING_PROMOTION):
        return present
    plan = plan_for(spec)
    following = plan.index_of(status.canary_weight, run.step) + 1
    last = 100 if spec.shares_pods else 0
    ending = following >= len(plan) or run.skip is Skip.REST
    return max(present, last if ending else plan.traffic(following).load)
