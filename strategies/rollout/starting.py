"""Between runs: what holds the next one back, what begins it, and when users go back or a primary is healed instead."""

from dataclasses import replace
from datetime import timedelta

from strategies.gates import GateKind, GateRecord, attempt
from strategies.readiness import carries, is_ready, missing
from strategies.reasons import Reason
from strategies.rollout.ending import refuse_revision
from strategies.rollout.gating import may_pass
from strategies.rollout.hooks import rollback_asked
from strategies.rollout.safety import safe_weight
from strategies.rollout.turn import Turn
from strategies.rollout.unserved import unserved
from strategies.snapshot import Problem, Workload
from strategies.status import Phase, Result, Run, Stage
from strategies.traffic import Role


def obstacle(turn: Turn) -> Problem | None:
    """Why nothing may be created and no run may start."""
    if turn.seen.refusal is not None:
        return turn.seen.refusal
    if (problem := unserved(turn.spec)) is not None:
        return problem
    if turn.target is None:
        return Problem(
            reason="TargetNotFound", message="the target of targetRef does not exist; create it or correct the name"
        )
    return turn.seen.hold


def waits_for(turn: Turn) -> Problem | None:
    """Why a new revision's run may not start yet."""
    problem = obstacle(turn)
    if problem is None and turn.spec.observe:
        return Problem(reason="Observing", message="spec.mode is observe; no run of ours begins")
    return problem or turn.paused(to="start")


def idle(turn: Turn) -> None:
    """Between runs: start one when there is a revision that was neither promoted nor tried."""
    if turn.status.previous_until is not None and turn.reached(turn.status.previous_until, 0):
        turn.set(previous_spec="", previous_until=None)  # from now on it need not be ready to take everybody
    target = turn.target
    if target is None:
        turn.ready = obstacle(turn)
        return
    if target.revision == turn.status.last_promoted_spec:
        _back_to_promoted(turn)
        return
    if target.revision == turn.status.last_applied_spec and turn.status.phase is not Phase.WAITING:
        turn.ready = turn.seen.refusal or _primary_without_pods(turn)
        return
    problem = waits_for(turn)
    if problem is not None:
        _wait(turn, target, problem)
    elif may_go_back(turn, target):
        go_back(turn, target)
    elif not turn.has_pods(turn.primary):
        wait_for_primary(turn, target)
    elif may_start(turn, target):
        start(turn, target)


def may_start(turn: Turn, target: Workload) -> bool:
    """Are the gates before a run open? If not the revision waits; what is being left is left first."""
    if may_pass(turn, GateKind.ROLLOUT, step=-1, of=target.revision):
        return True
    waiting = turn.status.waiting
    if waiting is None:
        return False
    if problem := rollback_asked(turn, of=target.revision, since=waiting.since):
        turn.set(waiting=None)
        refuse_revision(turn, target.revision, problem)
        return False
    told = (turn.status.phase, turn.status.message) == (Phase.WAITING, waiting.message)
    if waiting.gates and not told and turn.status.stage is Stage.NONE:
        turn.become(Phase.WAITING, reason="GateClosed", message=waiting.message, revision=target.revision)
    return False


def restart(turn: Turn, target: Workload, *, why: Reason = "NewerRevision") -> None:
    """The target's revision takes the place of the open run, or waits at the gates before its own.

    A newer one's pods are replacing the analysed ones already, so users leave them at once.
    """
    floor = turn.run.floor
    turn.close_run(Result.SUPERSEDED, why)
    if may_pass(turn, GateKind.ROLLOUT, step=-1, of=target.revision):
        start(turn, target, why="Restarted", floor=floor)
    elif turn.status.waiting is not None:
        message = f"revision {target.revision} waits at the gates before its run; users go back to the primary"
        turn.become(
            Phase.WAITING, reason="GateClosed", message=message, stage=Stage.ROUTES, revision=target.revision
        )
        turn.route(safe_weight(turn))


def _back_to_promoted(turn: Turn) -> None:
    """What is wanted is what is served."""
    if turn.status.phase in (Phase.WAITING, Phase.FAILED):
        turn.become(
            Phase.SUCCEEDED,
            reason="RevertedToPromoted",
            message="the target is back at the promoted revision",
            last_applied_spec=turn.status.last_promoted_spec,
            revision=turn.status.last_promoted_spec,
        )
    turn.ready = turn.seen.refusal or _primary_without_pods(turn)


def _primary_without_pods(turn: Turn) -> Problem | None:
    """Nobody is served; between runs only its own pods, or a new revision, can mend that."""
    if turn.has_pods(turn.primary):
        return None
    return Problem(reason="PrimaryNotReady", message=missing(turn.primary, name="the primary"))


def _wait(turn: Turn, target: Workload, problem: Problem) -> None:
    moved = turn.status.phase is not Phase.WAITING or turn.status.reason != problem.reason
    turn.become(Phase.WAITING, reason=problem.reason, message=problem.message, revision=target.revision)
    if moved:
        turn.tell("Waiting", f"revision {target.revision} waits: {problem.message}")
    turn.ready = problem


def may_go_back(turn: Turn, target: Workload) -> bool:
    """Is the target the version that served users before, and is the way back to it still open?"""
    until = turn.status.previous_until
    return until is not None and turn.now < until and target.revision == turn.status.previous_spec != ""


def go_back(turn: Turn, target: Workload) -> None:
    """The version that served users before serves them again, without another analysis, as soon as it can carry them.

    It need not wait for the version that serves now: that may be what one goes back from.
    """
    floor = max(1, turn.primary.ready if turn.primary is not None else 0)
    ready = is_ready(turn.spec, Role.CANARY, target) and carries(turn.spec, target, floor=floor, share=100)
    if not ready or not turn.is_known(target, floor=floor, share=100):
        if turn.status.previous_until is not None:
            turn.wake(turn.status.previous_until)  # from then on it is a version like any other
        lacking = missing(target, name="the previous version")
        turn.ready = Problem(reason="PreviousNotReady", message=f"users wait to go back: {lacking}")
        return
    turn.become(
        Phase.PROMOTING,
        reason="GoingBack",
        message=f"users go back to {target.revision}, which served them before",
        stage=Stage.PRIMARY,
        run=new_run(turn, target.revision, floor=floor),
        revision=target.revision,
        last_applied_spec=target.revision,
        failed_checks=0,
        checks=(),
        gates=(),
    )
    turn.set(stage_since=turn.now)
    turn.tell("GoingBack", f"users go back to {target.revision}, which served them before, without another analysis")


def wait_for_primary(turn: Turn, target: Workload) -> None:
    """No run beside a primary without pods; but a primary that stays broken is healed by the new revision."""
    turn.ready = Problem(
        reason="PrimaryNotReady",
        message=f"{missing(turn.primary, name='the primary')}; the new revision replaces it without analysis "
        f"if it stays so for {turn.spec.progress_deadline_seconds:.0f} s",
    )
    known = turn.status.condition("Ready")
    if known is None or known.reason != "PrimaryNotReady":
        turn.wake(turn.now + timedelta(seconds=turn.spec.progress_deadline_seconds))
    elif turn.reached(known.last_transition_time, turn.spec.progress_deadline_seconds):
        heal(turn, target, "the primary has no ready pod")


def start(turn: Turn, target: Workload, *, why: str = "NewRevision", floor: int = 1) -> None:
    """Open a run for the target's revision at weight 0; `floor` is that of the run it replaces."""
    primary_ready = turn.primary.ready if turn.primary is not None else 0
    run = new_run(turn, target.revision, floor=max(1, floor, primary_ready))
    renewing = target.outdated
    turn.become(
        Phase.PROGRESSING,
        reason="Renewing" if renewing else "ScalingUp",
        message="the canary's pods began with other configs and are replaced"
        if renewing
        else "the canary's pods are being made ready",
        stage=Stage.ROUTES if renewing else Stage.NONE,
        run=replace(run, renewing=renewing),
        revision=target.revision,
        last_applied_spec=target.revision,
        failed_checks=0,
        iterations=0,
        checks=(),
        gates=_let_in(turn, target.revision),
        seen_weight=None,
        session_affinity_cookie=run.id if turn.spec.analysis.affinity else "",
    )
    turn.route(safe_weight(turn))
    turn.tell(why, f"revision {target.revision}: a run begins, the canary is scaled up")


def _let_in(turn: Turn, revision: str) -> tuple[GateRecord, ...]:
    """Who has let this revision start."""
    name = attempt(revision, turn.now).partition("-")[0]
    return tuple(each for each in turn.status.gates if each.word.opens and each.of.startswith(f"{name}-"))


def new_run(turn: Turn, revision: str, *, floor: int) -> Run:
    """A run with an id that no other run of this Canary has or had."""
    return Run(id=attempt(revision, turn.now), revision=revision, started=turn.now, floor=floor)


def heal(turn: Turn, target: Workload, why: str) -> None:
    """Copy a revision to a broken primary without analysis, users staying where they are until it is ready.

    An open run ends with it, and leaves its floor: the primary must carry what it carried before.
    """
    floor = max(1, target.ready)
    if turn.status.run is not None:
        floor = turn.run.floor
        superseded = turn.run.healing
        turn.close_run(
            Result.SUPERSEDED if superseded else Result.ROLLED_BACK,
            "NewerRevision" if superseded else "PromotionFailed",
        )
    run = replace(new_run(turn, target.revision, floor=floor), healing=True)
    turn.become(
        Phase.PROMOTING,
        reason="Healing",
        message=f"{why}; revision {target.revision} replaces it without analysis",
        stage=Stage.PRIMARY,
        run=run,
        revision=target.revision,
        last_applied_spec=target.revision,
        failed_checks=0,
        checks=(),
        gates=(),
    )
    turn.set(stage_since=turn.now)
    turn.tell("Healing", f"{why}; revision {target.revision} is copied to it without analysis", warning=True)
