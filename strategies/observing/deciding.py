"""What we would do with a run that is somebody else's: the same windows, checks and limits, and no deed.

Our own steps go on as they would: a step ends when its checks have passed, whatever weight the other side has reached
by then. Their weights move while our windows go on, for counts of both roles can be compared at any weight. After a
verdict to roll back the windows go on too, to count what users went on meeting.
"""

from datetime import timedelta

from metrics.verdict import Outcome
from strategies.observing.following import note, watched
from strategies.readiness import is_ready, missing
from strategies.rollout.asking import check_of
from strategies.rollout.deadline import overdue
from strategies.rollout.turn import Turn, brief
from strategies.rollout.windows import judge, open_step, passed
from strategies.snapshot import Problem, Workload
from strategies.status import Would
from strategies.traffic import Role

WHY = 160
"""Characters of a verdict's reason that are kept for the comparison."""


def decide(turn: Turn, target: Workload, *, met: bool) -> None:
    """Judge what has been measured; say once what would be done."""
    would = watched(turn).would
    if would is Would.ROLL_BACK:
        _count_on(turn)
    elif would is None:
        if (problem := _problem(turn, target)) is not None:
            _roll_back(turn, problem)
        else:
            _go_on(turn, target, met=met)


def _problem(turn: Turn, target: Workload) -> Problem | None:
    """Why the run would have been rolled back now."""
    if target.trouble is not None:
        return Problem(reason="PodHealth", message=target.trouble.message)
    problem = judge(turn) if turn.run.step >= 0 else None
    if problem is not None:
        return problem
    standing = turn.spec.paused or turn.seen.hold is not None
    if overdue(turn, stuck=not is_ready(turn.spec, Role.CANARY, target), standing=standing):
        lacking = missing(target, name="the canary")
        message = f"no progress in {turn.spec.progress_deadline_seconds:.0f} s: {lacking}"
        return Problem(reason="ProgressDeadlineExceeded", message=message)
    return None


def _go_on(turn: Turn, target: Workload, *, met: bool) -> None:
    """The next of our steps, if we would take it."""
    plan, step = turn.plan, turn.run.step
    if turn.spec.paused:
        turn.explain("Paused", "spec.paused is set; no step would be taken")
    elif step < 0 and not _may_begin(turn, target, met=met):
        turn.explain("Watching", f"{_where(turn)}; waiting until its canary is ready and meets users")
    elif len(plan) == 0 or (step >= 0 and passed(turn) and step + 1 >= len(plan)):
        _promote(turn)
    elif step < 0 or passed(turn):
        _step_up(turn, step + 1)
    else:
        turn.explain("Watching", f"{_where(turn)}; this Canary would be at step {step + 1} of {len(plan)}")


def _may_begin(turn: Turn, target: Workload, *, met: bool) -> bool:
    """Is there something to be measured: its pods are ready, and users meet them if our first step wants that?"""
    beside = len(turn.plan) == 0 or turn.plan.traffic(0).load == 0
    return is_ready(turn.spec, Role.CANARY, target) and (met or beside)


def _step_up(turn: Turn, step: int) -> None:
    turn.set_run(step=step)
    open_step(turn)
    turn.wake(turn.now + timedelta(seconds=turn.spec.settle_seconds))
    place = f"step {step + 1} of {len(turn.plan)}"
    turn.explain("Watching", f"{_where(turn)}; this Canary would be at {place}")
    asked = turn.plan.traffic(step)
    turn.tell("WouldAdvance", f"Would have gone to {place}, {asked.canary} % to the canary; {_where(turn)}")


def _promote(turn: Turn) -> None:
    words = f"Would have promoted {turn.run.revision} {_where(turn)}: all its checks have passed"
    note(turn, would=Would.PROMOTE, at=turn.now, weight=turn.status.canary_weight, why="all checks had passed")
    turn.tell(Would.PROMOTE.value, words)
    turn.explain(Would.PROMOTE.value, words)


def _roll_back(turn: Turn, problem: Problem) -> None:
    weight = turn.status.canary_weight
    words = f"Would have rolled back at {weight} %: {problem.message}"
    note(
        turn,
        would=Would.ROLL_BACK,
        at=turn.now,
        weight=weight,
        why=brief(problem.message, WHY),
        counts=_counting(turn),
    )
    turn.tell(Would.ROLL_BACK.value, words, warning=True)
    turn.explain(Would.ROLL_BACK.value, words)


def _where(turn: Turn) -> str:
    return f"at {turn.status.canary_weight} % by {turn.seen.mover.name}"


def _counting(turn: Turn) -> str:
    """The check whose counts say what users went on meeting: one that fails, or any that counts."""
    counting = [each for each in turn.status.checks if each.evidence is not None]
    failing = [each for each in counting if Outcome.FAIL in (each.outcome, each.whole)]
    return next((each.name for each in (*failing, *counting)), "")


def _count_on(turn: Turn) -> None:
    """Go on measuring, deciding nothing and telling nothing."""
    if turn.run.step < 0:
        return
    known = watched(turn)
    before = check_of(turn, known.counts)
    outbox, failed, told = turn.status.outbox, turn.status.failed_checks, turn.told
    judge(turn)
    turn.set(outbox=outbox, failed_checks=failed)
    turn.told = told
    after = check_of(turn, known.counts)
    if after is not None and after.evidence is not None and (before is None or after.window > before.window):
        note(turn, bad=round(known.bad + after.evidence.canary_bad, 3))
