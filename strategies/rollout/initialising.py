"""Initialising: the primary comes into being.

A Canary that is new to the cluster must not cost its users a request: the primary is made ready beside what serves
them, then the routes lead to it, then the Service, and the target's pods go last. A Canary that has lost its status
goes the same way, from what it finds (rebuilding.py).
"""

from datetime import timedelta

from strategies.readiness import is_ready, missing
from strategies.rollout.ending import leave
from strategies.rollout.rebuilding import follows_target, has_everybody, leads_users, source
from strategies.rollout.safety import safe_weight
from strategies.rollout.starting import obstacle
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem, Workload
from strategies.status import Phase, Stage
from strategies.traffic import Role


def initialise(turn: Turn) -> None:
    """Walk the stages PRIMARY, ROUTES, APEX, DRAIN, as far as this moment allows."""
    if turn.status.phase is Phase.NONE:
        turn.become(Phase.INITIALIZING, reason="Initializing")
    if turn.status.stage is Stage.NONE:
        _begin(turn)
    elif turn.status.stage is not Stage.PRIMARY and not turn.has_pods(turn.primary) and safe_weight(turn) > 0:
        _give_back(turn)
    elif turn.status.stage is Stage.PRIMARY:
        _make_primary(turn)
    elif turn.status.stage is Stage.ROUTES:
        _make_routes(turn)
    elif turn.status.stage is Stage.APEX:
        if turn.seen.routes.apex_moved and turn.seen.routes.in_sync:
            turn.set(stage=Stage.DRAIN, stage_since=turn.now)
    elif leave(turn):
        turn.tell(
            "Initialized",
            f"{turn.spec.name} is initialised; the primary serves revision {turn.status.last_promoted_spec}",
        )
        turn.become(Phase.INITIALIZED, reason="Initialized", message="the primary serves the target's revision")


def _begin(turn: Turn) -> None:
    """Take the target's revision, or that of a primary which is there already (the status was lost)."""
    turn.ready = obstacle(turn)
    if turn.ready is not None:
        turn.explain(turn.ready.reason, turn.ready.message)
        return
    found = source(turn)
    if found is None:
        return
    turn.become(
        Phase.INITIALIZING,
        reason=found.reason,
        message=found.message,
        stage=Stage.PRIMARY,
        last_promoted_spec=found.revision,
        last_applied_spec=found.revision,
        revision=found.revision,
        canary_weight=turn.seen.routes.everybody,
    )
    turn.set(stage_since=turn.now)
    if not found.certain:
        turn.tell(found.reason, found.message, warning=True)
    works = is_ready(turn.spec, Role.PRIMARY, turn.primary)  # the status alone was lost: nobody has to be alarmed
    turn.ready = Problem(reason="Initializing", message="routes are being made") if works else _on_its_way(turn)


def _on_its_way(turn: Turn) -> Problem:
    """The primary is being made. That is news only when it is seen to be broken, takes too long, or has users."""
    routed = turn.seen.routes.canary_weight is not None
    broken = turn.primary is not None and turn.primary.trouble is not None
    if routed or broken or turn.reached(turn.status.stage_since, turn.spec.progress_deadline_seconds):
        return _primary_not_ready(turn)
    return Problem(reason="Initializing", message="the primary is being made ready")


def _primary_not_ready(turn: Turn) -> Problem:
    lacking = missing(turn.primary, name="the primary")
    if not leads_users(turn) or turn.status.canary_weight > 0:
        return Problem(reason="PrimaryNotReady", message=f"{lacking}; users are served by what served them before")
    deadline = turn.spec.progress_deadline_seconds
    return Problem(
        reason="PrimaryNotReady",
        message=f"{lacking}; users are led to it. A target that works replaces it without analysis, at once if its "
        f"pods are seen to be broken, else after {deadline:.0f} s",
    )


def _give_back(turn: Turn) -> None:
    """The primary lost all its pods while the target, whose pods go last, still serves: users go back there."""
    turn.become(Phase.INITIALIZING, reason="PrimaryNotReady", message="users are with the target", stage=Stage.PRIMARY)
    turn.set(stage_since=turn.now)
    turn.route(safe_weight(turn))
    turn.ready = _primary_not_ready(turn)


def _make_primary(turn: Turn) -> None:
    """Wait for the primary, or for another one in its place."""
    problem, routed = obstacle(turn), turn.seen.routes.canary_weight is not None
    if problem is None and turn.target is not None and follows_target(turn):
        _follow(turn, turn.target)
        return
    both = turn.has_pods(turn.target) and turn.has_pods(turn.primary)
    late = turn.reached(turn.status.stage_since, turn.spec.progress_deadline_seconds)
    if routed and turn.status.canary_weight > 0 and (late or not both):
        turn.route(safe_weight(turn))
    promoted = turn.primary is not None and turn.primary.revision == turn.status.last_promoted_spec
    comes = is_ready(turn.spec, Role.PRIMARY, turn.primary) or has_everybody(turn)
    if problem is not None or not promoted or not comes:
        turn.ready = problem or _on_its_way(turn)
        turn.explain(turn.ready.reason, turn.ready.message)
        return
    if not turn.is_known(turn.primary, floor=turn.primary.ready if turn.primary else 1, share=100):
        return
    turn.become(Phase.INITIALIZING, reason="Initializing", message="routes are being made", stage=Stage.ROUTES)
    turn.route(0)


def _follow(turn: Turn, target: Workload) -> None:
    """The primary is to become what the target is."""
    if leads_users(turn):
        words = f"{target.revision} works and goes to the primary, whose own revision cannot come up"
        turn.tell("HealedWithoutAnalysis", words, warning=True)
        turn.set(stage_since=turn.now)
    turn.set(
        last_promoted_spec=target.revision,
        last_applied_spec=target.revision,
        revision=target.revision,
    )
    turn.ready = _on_its_way(turn)


def _make_routes(turn: Turn) -> None:
    if not turn.has_pods(turn.primary):
        turn.ready = _primary_not_ready(turn)
        return
    if turn.seen.routes.canary_weight is None:
        turn.ready = turn.seen.refusal  # else nobody would hear why no routes come
    if turn.status.stage_since is None:
        if turn.seen.routes.confirmed and turn.seen.routes.canary_weight == 0:
            turn.set(stage_since=turn.now)
            turn.wake(turn.now + timedelta(seconds=turn.spec.settle_seconds))
        return
    if turn.reached(turn.status.stage_since, turn.spec.settle_seconds):
        turn.set(stage=Stage.APEX, stage_since=turn.now)
