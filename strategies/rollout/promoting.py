"""From the last step to the end: what was analysed becomes the primary, then users go there, then the canary rests.

If the primary breaks on the way, users stay with the canary, which was analysed and works.
"""

from datetime import timedelta

from strategies.readiness import carries, is_ready, missing
from strategies.reasons import Reason
from strategies.rollout.deadline import overdue
from strategies.rollout.ending import cancel, leave, roll_back
from strategies.rollout.safety import follow_health, safe_weight
from strategies.rollout.starting import heal, restart
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem
from strategies.status import Phase, Result, Stage
from strategies.traffic import Role


def promote(turn: Turn) -> None:
    """Begin the promotion: the primary gets the analysed template, traffic stays as it is."""
    turn.become(
        Phase.PROMOTING,
        reason="Promoting",
        message="the canary's template is copied to the primary"
        if turn.run.hurried
        else "the analysed template is copied to the primary",
        stage=Stage.PRIMARY,
    )
    turn.set(stage_since=turn.now)
    turn.set_run(stuck_since=None, spent_seconds=0.0, override=None, mirror=0)
    passed = "is promoted by hand, before the end of its analysis," if turn.run.hurried else "passed its analysis"
    turn.tell("Promoting", f"{turn.status.revision} {passed} and is copied to the primary")


def copy(turn: Turn) -> None:
    """Phase PROMOTING: wait for the primary, or find that it breaks."""
    run, primary = turn.run, turn.primary
    copied = primary is not None and primary.revision == run.revision
    analysed = turn.target is not None and turn.target.revision == run.revision
    back = turn.target is not None and turn.target.revision == turn.status.last_promoted_spec
    if back and not copied and not run.healing:
        return cancel(turn)
    if not analysed and _lost_its_source(turn, copied=copied):
        return None
    if run.healing:
        _follow_fix(turn)
        return _heal(turn)
    _honour(turn)
    if not analysed and turn.has_pods(primary):
        turn.route(0)  # the canary's pods are no longer what was analysed
    ready = copied and is_ready(turn.spec, Role.PRIMARY, primary)
    enough = ready and carries(turn.spec, primary, floor=run.floor, share=100)
    if copied and primary is not None and primary.trouble is not None:
        break_promotion(turn, primary.trouble)
    elif not enough or turn.is_known(primary, floor=run.floor, share=100):
        _go_on(turn, enough=enough)
    return None


def _go_on(turn: Turn, *, enough: bool) -> None:
    """Users go to the primary when it has enough pods that the proxies know, and nobody holds that back."""
    held = turn.seen.hold or turn.seen.contested or turn.paused()
    if overdue(turn, stuck=not enough, standing=held is not None):
        break_promotion(
            turn, Problem(reason="ProgressDeadlineExceeded", message=missing(turn.primary, name="the primary"))
        )
    elif held is not None:
        turn.explain(held.reason, held.message)
        turn.ready = turn.seen.hold
    elif enough and not _goes_back_in_steps(turn):
        finalise(turn, reason="Finalising", message="users go to the primary")
    elif not enough and turn.status.reason != "Promoting":
        turn.explain("Promoting", "waiting for the primary's pods")


def _goes_back_in_steps(turn: Turn) -> bool:
    """Move users to the promoted primary by stepWeightPromotion; False when the rest of them may go at once.

    The first step comes with the primary's pods, each further one an interval later. Who is there already, or
    matches nothing any more, has no steps left, whatever the routes say.
    """
    step, weight = turn.spec.analysis.step_weight_promotion, turn.status.canary_weight
    if step <= 0 or weight <= step:
        return False
    stepping = turn.status.stage is Stage.ROUTES
    pause = max(turn.spec.analysis.interval_seconds, turn.spec.settle_seconds)
    if stepping and not (turn.seen.routes.in_sync and turn.reached(turn.status.stage_since, pause)):
        return True
    turn.route(weight - step, matched=turn.run.matched)
    turn.set(stage=Stage.ROUTES, stage_since=turn.now)
    turn.explain("Promoting", f"users go back to the primary in steps: {weight - step} % are left with the canary")
    turn.wake(turn.now + timedelta(seconds=pause))
    return True


def _lost_its_source(turn: Turn, *, copied: bool) -> bool:
    """The analysed template is neither on the primary nor to be found: what was promised cannot be kept."""
    if copied or turn.seen.resolvable:
        return False
    target = turn.target
    if target is None:
        roll_back(
            turn, Problem(reason="TargetDeleted", message="the target was deleted before it was promoted"), forget=True
        )
    elif turn.run.healing:
        return False
    else:
        restart(turn, target)
    return True


def _follow_fix(turn: Turn) -> None:
    """While healing, a newer fix replaces an older one."""
    target = turn.target
    if target is not None and target.revision != turn.run.revision:
        heal(turn, target, "a newer revision came while the primary was being healed")


def _heal(turn: Turn) -> None:
    run = turn.run
    primary = turn.primary
    copied = primary is not None and primary.revision == run.revision
    known = turn.is_known(primary, floor=run.floor, share=100)
    if copied and known and is_ready(turn.spec, Role.PRIMARY, primary):
        finalise(turn, reason="HealedWithoutAnalysis", message="the primary works again; users go there")
        return
    follow_health(turn)
    turn.ready = Problem(reason="PrimaryNotReady", message=f"being healed: {missing(primary, name='the primary')}")


def break_promotion(turn: Turn, problem: Problem) -> None:
    """The promotion broke the primary: users to the canary if it works; the run stays open until somebody mends it."""
    analysed = turn.target is not None and turn.target.revision == turn.run.revision
    weight = safe_weight(turn, broken_promotion=analysed)
    where = "the canary" if weight > 0 else "the primary"
    message = (
        f"the promotion broke the primary, users are served by {where}, a fixed revision of the target heals it: "
        f"{problem.message}"
    )
    turn.become(Phase.FAILED, reason="PromotionFailed", message=message, stage=Stage.ROUTES)
    turn.route(weight)
    turn.set_run(stuck_since=None, spent_seconds=0.0, testers=False)
    turn.ready = Problem(reason="PromotionFailed", message=message)
    turn.tell("PromotionFailed", message, warning=True)


def broken(turn: Turn) -> None:
    """Phase FAILED with the run still open: the primary recovers, or a fix comes, or users stay where they are safe."""
    run, primary, target = turn.run, turn.primary, turn.target
    turn.ready = Problem(reason="PromotionFailed", message=turn.status.message)
    if turn.status.stage is Stage.ROUTES and turn.seen.routes.confirmed:
        turn.set(stage=Stage.PRIMARY)  # users are safe: from here on a suspension holds
    _honour(turn)
    copied = primary is not None and primary.revision == run.revision
    if target is not None and target.revision != run.revision:
        heal(turn, target, "the last promotion broke the primary")
    elif (
        copied
        and is_ready(turn.spec, Role.PRIMARY, primary)
        and carries(turn.spec, primary, floor=run.floor, share=100)
        and turn.is_known(primary, floor=run.floor, share=100)
    ):
        finalise(turn, reason="PromotionRecovered", message="the primary has become ready after all; users go there")
    else:
        follow_health(turn)


def _honour(turn: Turn) -> None:
    """Somebody took users off the canary by hand. They go to the primary in the end anyway: so be it."""
    routes = turn.seen.routes
    if not routes.hand_edited or routes.canary_weight is None or routes.canary_weight >= turn.status.canary_weight:
        return
    turn.route(routes.canary_weight, matched=turn.run.matched)
    turn.tell("ManualOverride", f"somebody set the canary's weight to {routes.canary_weight} % by hand", warning=True)


def finalise(turn: Turn, *, reason: Reason, message: str) -> None:
    """All users to the primary."""
    turn.become(Phase.FINALISING, reason=reason, message=message, stage=Stage.ROUTES)
    turn.set_run(testers=False)
    turn.route(0)


def finish(turn: Turn) -> None:
    """Phase FINALISING: leave the canary; then the run has succeeded."""
    analysed = turn.target is not None and turn.target.revision == turn.run.revision
    canary_works = analysed and turn.has_pods(turn.target)
    lacking = _lacking(turn) if canary_works else None
    if canary_works and not turn.has_pods(turn.primary):
        break_promotion(turn, Problem(reason="PrimaryNotReady", message=missing(turn.primary, name="the primary")))
    elif overdue(turn, stuck=lacking is not None) and lacking is not None:
        break_promotion(turn, lacking)
    elif lacking is not None:
        turn.ready = lacking
    elif leave(turn):
        _succeed(turn)


def _lacking(turn: Turn) -> Problem | None:
    """Why users can't go to the promoted primary yet; None once the routes lead there."""
    if not turn.seen.routes.canary_weight or carries(turn.spec, turn.primary, floor=turn.run.floor, share=100):
        return None
    return Problem(
        reason="PrimaryLacksCapacity",
        message=f"{turn.primary.ready if turn.primary else 0} ready pods of the primary are too few for all users "
        f"(the run began with {turn.run.floor}); they stay where they are until the pods are back",
    )


def _succeed(turn: Turn) -> None:
    run = turn.run
    healed = run.healing
    reason: Reason = "HealedWithoutAnalysis" if healed else "Promoted"
    message = f"{run.revision} serves all users{_unanalysed(turn)}"
    turn.tell(reason, message, warning=healed)
    turn.close_run(Result.PROMOTED, reason, weight=100)
    _keep_previous(turn)
    turn.become(Phase.SUCCEEDED, reason=reason, message=message, last_promoted_spec=run.revision)


def _unanalysed(turn: Turn) -> str:
    """What has to be said aloud of a revision that did not go through all of its analysis."""
    if turn.run.healing:
        return " without having been analysed"
    return "; it was promoted by hand, before the end of its analysis" if turn.run.hurried else ""


def _keep_previous(turn: Turn) -> None:
    """Where versions stay up after their time, the one that served until now may do so again at once for a while."""
    keep = turn.spec.keep_previous_seconds
    if keep > 0:
        until = turn.now + timedelta(seconds=keep)
        turn.set(previous_spec=turn.status.last_promoted_spec, previous_until=until)
    elif turn.status.previous_spec:
        turn.set(previous_spec="", previous_until=None)
