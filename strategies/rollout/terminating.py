"""The Canary is being deleted: users stay served, whatever becomes of everything else.

Users come to the healthy role, then our finalizer goes and all else stays. With revertOnDeletion everything becomes
what it was before us: the target's pods first, then users, then the routes, and what we made last. Each stage stands in
the status, so that whoever comes after a crash goes on with it.
"""

from datetime import timedelta

from strategies.readiness import carries, is_ready, missing
from strategies.rollout.safety import follow_health, safe_weight
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem, Snapshot, Workload
from strategies.status import Phase, Stage, Status
from strategies.traffic import Role


def terminate(turn: Turn) -> None:
    """Walk the stages ROUTES and, with revertOnDeletion, TARGET, RETURN, RESTORE, DRAIN, REMOVE.

    Without TARGET where versions stay: whoever serves users then is what they are left with.
    """
    if turn.status.phase is not Phase.TERMINATING:
        _begin(turn)
    elif turn.status.stage is Stage.ROUTES:
        _wait_for_routes(turn)
    elif turn.status.stage is not Stage.NONE:
        _revert(turn)


def may_serve(status: Status, snapshot: Snapshot) -> bool:
    """May users meet the target's template when the Canary is gone?

    It is the promoted one, or what the primary runs, or users meet it already; a primary that is gone serves nobody.
    """
    target, primary, routes = snapshot.target, snapshot.primary, snapshot.routes
    if target is None:
        return False
    untouched = routes.canary_weight is None and not routes.apex_moved
    known = {status.last_promoted_spec, primary.revision if primary is not None else ""}
    return primary is None or untouched or status.canary_weight == 100 or target.revision in known


def _begin(turn: Turn) -> None:
    run = turn.status.run
    healing = run is not None and run.healing and turn.status.canary_weight > 0
    broken = run is not None and (turn.status.phase is Phase.FAILED or healing)
    weight = safe_weight(turn, broken_promotion=broken)
    turn.become(Phase.TERMINATING, reason="Deleted", message="users are moved to the healthy role", stage=Stage.ROUTES)
    turn.route(weight)


def _wait_for_routes(turn: Turn) -> None:
    before = turn.status.canary_weight
    if before < 100 or not turn.has_pods(turn.target):
        turn.route(safe_weight(turn))
    settled = before == turn.status.canary_weight and turn.seen.routes.confirmed
    if not settled and turn.seen.routes.canary_weight is not None:
        return
    if turn.spec.revert_on_deletion and turn.spec.versions_stay:
        _enter(turn, Stage.RETURN, "the apex Service leads to the pods that serve users, as it did before")
    elif turn.spec.revert_on_deletion:
        _enter(turn, Stage.TARGET, "the target's pods are made ready to serve users again")
        turn.set(stage_since=turn.now)
    else:
        _let_go(turn)


def _let_go(turn: Turn) -> None:
    turn.set(stage=Stage.NONE, stage_since=None)


def _enter(turn: Turn, stage: Stage, message: str) -> None:
    turn.become(Phase.TERMINATING, reason="Reverting", message=message, stage=stage)


def _revert(turn: Turn) -> None:
    if not turn.spec.revert_on_deletion:
        _let_go(turn)  # somebody took it back: users are served wherever they are now
        return
    match turn.status.stage:
        case Stage.TARGET:
            _wake_the_target(turn)
        case Stage.RETURN:
            _return_users(turn)
        case Stage.RESTORE:
            if _settled(turn, there=turn.seen.undone.routes):
                _enter(turn, Stage.DRAIN, "the primary's pods finish what they have")
                turn.set(stage_since=turn.now)
        case Stage.DRAIN:
            if turn.reached(turn.status.stage_since, turn.spec.drain_seconds):
                _enter(turn, Stage.REMOVE, "what the controller made is deleted")
        case _ if turn.seen.undone.objects:
            who = "the promoted version" if turn.spec.versions_stay else "the target"
            turn.tell("Reverted", f"{who} serves all users as before the Canary; what the controller made is gone")
            _let_go(turn)


def _wake_the_target(turn: Turn) -> None:
    """Users stay where they are until the target can take them all."""
    follow_health(turn)
    target = turn.target
    if target is None:
        turn.tell(
            "NotReverted",
            "the target does not exist, so nothing can take the users over; what serves them is left as it is",
            warning=True,
        )
        _let_go(turn)
        return
    problem = turn.seen.undone.problem or _other_version(turn)
    floor = max(1, turn.primary.ready if turn.primary is not None else 1)
    if problem is None and not _is_enough(turn, target, floor=floor):
        problem = _not_ready(turn, target)
    if problem is not None:
        turn.ready = problem
        turn.explain("Reverting", problem.message)
    elif turn.is_known(target, floor=floor, share=100):
        _enter(turn, Stage.RETURN, "users go to the target's pods")
        turn.route(100)


def _is_enough(turn: Turn, target: Workload, *, floor: int) -> bool:
    """Can the target take everybody over from so many pods of the primary?"""
    return is_ready(turn.spec, Role.CANARY, target) and carries(turn.spec, target, floor=floor, share=100)


def _not_ready(turn: Turn, target: Workload) -> Problem:
    """The target's pods are on their way. That is news only when they are seen to be broken, or take too long."""
    late = turn.reached(turn.status.stage_since, turn.spec.progress_deadline_seconds)
    if not late and target.trouble is None:
        return Problem(reason="Reverting", message="users stay where they are until the target's pods are ready")
    scarce = f": {turn.seen.scarcity.message}" if turn.seen.scarcity is not None else ""
    what = f"users stay where they are: {missing(target, name='the target')}{scarce}"
    return Problem(reason="TargetNotReady", message=what)


def _other_version(turn: Turn) -> Problem | None:
    """What was never promoted must not come to users in silence, by a deletion of all things."""
    target = turn.target
    if target is None or may_serve(turn.status, turn.seen):
        return None
    return Problem(
        reason="TargetNotPromoted",
        message=f"the target has revision {target.revision}, which was not promoted; users stay with the primary. Set "
        "its template back (kubectl rollout undo) to go on, or spec.revertOnDeletion to false to let the primary serve",
    )


def _return_users(turn: Turn) -> None:
    """Routes and the apex Service lead to the target; then the proxies get their time."""
    if turn.spec.versions_stay:
        follow_health(turn)
    elif not turn.has_pods(turn.target) and turn.has_pods(turn.primary):
        _enter(turn, Stage.TARGET, "the target has lost its pods: users are with the primary")
        turn.set(stage_since=turn.now)
        turn.route(0)
        return
    routes = turn.seen.routes
    there = turn.seen.undone.apex and (routes.canary_weight is None or routes.confirmed)
    if _settled(turn, there=there):
        _enter(turn, Stage.RESTORE, "the routes become what they were")


def _settled(turn: Turn, *, there: bool) -> bool:
    """True when what the stage is for has been there for settleSeconds."""
    if turn.status.stage_since is None:
        if there:
            turn.set(stage_since=turn.now)
            turn.wake(turn.now + timedelta(seconds=turn.spec.settle_seconds))
        return False
    return turn.reached(turn.status.stage_since, turn.spec.settle_seconds)
