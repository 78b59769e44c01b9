"""Leaving a role: users first, pods last.

Rolled back, cancelled, promoted or deleted, the end is the same: the routes say so and the API server has confirmed
it, then the proxies get their time, then nobody asks any more, and only then do pods go.
"""

from datetime import timedelta
from math import floor as floor_of

from metrics.verdict import Outcome
from strategies.questions import Ask, Question
from strategies.readiness import is_ready, missing
from strategies.rollout.safety import safe_weight
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem
from strategies.status import OPEN_PHASES, Phase, Result, Stage
from strategies.traffic import Role


def roll_back(turn: Turn, problem: Problem, *, forget: bool = False) -> None:
    """End the run badly: users to where they are safe, at once.

    With `forget`, the same revision starts a new run when it is seen again.
    """
    weight = turn.status.canary_weight
    turn.tell("RolledBack", f"Rolled back at {weight} %: {problem.message}", warning=True)
    turn.close_run(Result.ROLLED_BACK, problem.reason)
    changes = {"last_applied_spec": ""} if forget else {}
    turn.become(Phase.FAILED, reason=problem.reason, message=problem.message, stage=Stage.ROUTES, **changes)
    turn.route(safe_weight(turn))


def refuse_revision(turn: Turn, revision: str, problem: Problem) -> None:
    """A revision whose run has not begun is not to be released: it counts as tried.

    What was being left is left as before; where a run has just been closed, users leave it now.
    """
    leaves = turn.status.phase in OPEN_PHASES
    stage, since = (Stage.ROUTES, None) if leaves else (turn.status.stage, turn.status.stage_since)
    turn.tell("Refused", f"revision {revision} is not released: {problem.message}", warning=True)
    turn.become(
        Phase.FAILED,
        reason=problem.reason,
        message=problem.message,
        stage=stage,
        revision=revision,
        last_applied_spec=revision,
    )
    turn.set(stage_since=since)
    if leaves:
        turn.route(safe_weight(turn))


def cancel(turn: Turn) -> None:
    """End the run because its target went back to what is promoted."""
    turn.tell("Cancelled", "the target is back at the promoted revision; the run is cancelled")
    turn.close_run(Result.CANCELLED, "RevertedToPromoted")
    turn.become(
        Phase.SUCCEEDED,
        reason="RevertedToPromoted",
        message="the target is back at the promoted revision",
        stage=Stage.ROUTES,
        last_applied_spec=turn.status.last_promoted_spec,
        revision=turn.status.last_promoted_spec,
    )
    turn.route(safe_weight(turn))


def leave(turn: Turn) -> bool:
    """Go on leaving the canary (stages ROUTES, DRAIN); True when its pods may go."""
    if turn.status.stage is Stage.ROUTES:
        before = turn.status.canary_weight
        turn.route(safe_weight(turn))
        if turn.status.canary_weight > 0:
            turn.ready = Problem(
                reason="PrimaryNotReady",
                message=f"users stay on the canary: {missing(turn.primary, name='the primary')}",
            )
            return False
        if before != 0 or not turn.seen.routes.confirmed:
            return False
        turn.set(stage=Stage.DRAIN, stage_since=turn.now)
    if turn.status.stage is Stage.DRAIN:
        return _drained(turn)
    return True


def _drained(turn: Turn) -> bool:
    """True when the proxies have had their time and nobody asks the canary any more, and the primary can stand alone.

    Prometheus is believed when it says that requests have stopped; it can delay the end by drainMaxSeconds, not more.
    """
    spec, since = turn.spec, turn.status.stage_since
    if not turn.reached(since, spec.drain_seconds):
        _say_what_pods_wait_for(turn)
        return False
    if not is_ready(spec, Role.PRIMARY, turn.primary) and not _may_go_on(turn):
        turn.ready = Problem(
            reason="PrimaryNotReady",
            message=f"the canary's pods are kept: {missing(turn.primary, name='the primary')}",
        )
        return False
    if _is_one(turn):
        return True  # who asks the canary asks the primary
    return turn.reached(since, max(spec.drain_seconds, spec.drain_max_seconds)) or _nobody_asks(turn)


def _may_go_on(turn: Turn) -> bool:
    """Need nothing wait for a primary that serves, although not all of its pods come up?

    Not where versions stay, for no pods are taken away; nor where a revision, perhaps a fix, waits for the end of an
    initialisation, when the primary's pods had the time that any pods have.
    """
    target, phase = turn.target, turn.status.phase
    if phase is Phase.FINALISING or not turn.has_pods(turn.primary):
        return False
    if turn.spec.versions_stay:
        return True
    if phase is not Phase.INITIALIZING or target is None or target.revision == turn.status.last_promoted_spec:
        return False
    return turn.reached(turn.status.stage_since, turn.spec.progress_deadline_seconds)


def _is_one(turn: Turn) -> bool:
    """Are both roles the same pods, and counts tell roles by their pods?"""
    same = turn.target is not None and turn.primary is not None and turn.target.revision == turn.primary.revision
    return same and turn.spec.told_by_pods


_NOT_YET = {
    Outcome.FAIL: "; they still get some",
    Outcome.ERROR: "; Prometheus cannot tell",
    Outcome.INCONCLUSIVE: "; nobody counts them",
}


def _say_what_pods_wait_for(turn: Turn, answer: Outcome | None = None) -> None:
    """In the phases that have nothing else to say: users are where they belong, pods wait for the last requests."""
    if turn.status.phase not in (Phase.INITIALIZING, Phase.FINALISING):
        return
    if answer is not None or turn.status.reason != "Draining":
        limit = max(turn.spec.drain_seconds, turn.spec.drain_max_seconds)
        message = (
            f"users are with the primary; the target's pods stay until they get no more requests, at most {limit:.0f} s"
        )
        turn.explain("Draining", message + _NOT_YET.get(answer or Outcome.PASS, ""))
    if turn.status.phase is Phase.INITIALIZING:
        turn.ready = Problem(reason="Draining", message=turn.status.message)


def _nobody_asks(turn: Turn) -> bool:
    spec, since = turn.spec, turn.status.stage_since
    if since is None:
        return False
    scrape, length = spec.scrape_interval_seconds, 2 * spec.scrape_interval_seconds
    if not turn.reached(since, spec.drain_seconds + scrape):
        _say_what_pods_wait_for(turn)
        return False
    first = since + timedelta(seconds=spec.drain_seconds)
    number = floor_of(((turn.now - first).total_seconds() - scrape) / length)
    end = first + timedelta(seconds=number * length)
    run = (
        turn.status.run.id if turn.status.run is not None else turn.status.history[-1].id if turn.status.history else ""
    )
    question = Question(
        run=run,
        step=-1,
        kind=Ask.DRAINED,
        name="drained",
        window=number,
        start=max(since, end - timedelta(seconds=length)),
        end=end,
        at=end + timedelta(seconds=scrape),
    )
    answer = turn.answers.get(question)
    if answer is not None and answer.outcome is Outcome.PASS:
        return True
    _say_what_pods_wait_for(turn, answer.outcome if answer is not None else None)
    turn.questions.add(question)  # also when it was answered "no": so the answer is kept until the next one is due
    turn.wake(end + timedelta(seconds=scrape + length))
    return False
