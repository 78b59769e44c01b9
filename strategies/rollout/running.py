"""A run in progress: watched at every moment, raised only when everything allows it."""

from dataclasses import replace
from datetime import timedelta

from strategies.gates import GateKind
from strategies.readiness import carries, is_ready, missing
from strategies.rollout.approving import denied, expired
from strategies.rollout.calendars import closed_on
from strategies.rollout.deadline import overdue
from strategies.rollout.ending import cancel, roll_back
from strategies.rollout.gating import may_pass
from strategies.rollout.hooks import rollback_asked, silent, tested_before
from strategies.rollout.promoting import promote
from strategies.rollout.renewing import renew
from strategies.rollout.starting import restart
from strategies.rollout.turn import Turn
from strategies.rollout.unserved import unserved
from strategies.rollout.warming import awaited
from strategies.rollout.windows import judge, open_step, passed
from strategies.snapshot import Problem, Workload
from strategies.status import Phase, Skip
from strategies.traffic import Role


def progress(turn: Turn) -> None:
    """Phases PROGRESSING and WAITING_PROMOTION."""
    target = turn.target
    if target is None:
        roll_back(
            turn,
            Problem(reason="TargetDeleted", message="the target was deleted in the middle of its run"),
            forget=True,
        )
    elif target.revision == turn.status.last_promoted_spec:
        cancel(turn)
    elif target.revision != turn.run.revision:
        restart(turn, target)
    elif turn.run.renewing:
        renew(turn, target)
    elif target.trouble is not None:
        roll_back(turn, Problem(reason="PodHealth", message=target.trouble.message))
    elif problem := rollback_asked(turn, of=turn.run.id, since=turn.run.started) or denied(turn) or expired(turn):
        roll_back(turn, problem)
    elif turn.status.canary_weight > 0 and not turn.has_pods(target) and turn.has_pods(turn.primary):
        withdraw(turn)
    elif problem := closed_on(turn):
        roll_back(turn, problem, forget=True)
    elif problem := judge(turn) if turn.run.step >= 0 else None:
        roll_back(turn, problem)
    else:
        turn.analysis = turn.analysis or silent(turn)
        _notice_override(turn)
        _admit_testers(turn, target)
        _raise_or_hold(turn, target)


def withdraw(turn: Turn) -> None:
    """The canary has lost its last ready pod: users leave it at once, and the steps begin anew when pods are back."""
    weight = turn.status.canary_weight
    turn.become(Phase.PROGRESSING, reason="CanaryNotReady", message=missing(turn.target, name="the canary"))
    turn.route(0)
    turn.set(checks=tuple(replace(check, passes=0) for check in turn.status.checks))  # tests before the steps too
    turn.set_run(step=-1, windows_from=None, override=None, testers=False, skip=Skip.NONE)
    turn.tell("Withdrawn", f"no pod of the canary is ready: its {weight} % go back to the primary", warning=True)


def _notice_override(turn: Turn) -> None:
    """A hand edit that takes users off the canary is a decision of people; it is held until they say otherwise."""
    run, routes = turn.run, turn.seen.routes
    weight = turn.status.canary_weight if run.override is None else run.override
    if routes.hand_edited and routes.canary_weight is not None and routes.canary_weight < weight:
        turn.set_run(override=routes.canary_weight, override_paused=False)
        turn.tell(
            "ManualOverride",
            f"somebody set the canary's weight to {routes.canary_weight} % by hand; it is held there: "
            f"`delivery resume {turn.spec.name}`, or set spec.paused and clear it to go on, or release a new revision",
            warning=True,
        )
    elif run.override is not None and turn.spec.paused and not run.override_paused:
        turn.set_run(override_paused=True)
    elif run.override is not None and run.override_paused and not turn.spec.paused:
        turn.set_run(override=None, override_paused=False)
        open_step(turn)  # what was measured at another weight says nothing about this step's


def _admit_testers(turn: Turn, target: Workload) -> None:
    """Testers meet the canary from its first known pods on, at weight 0 already."""
    if not turn.spec.analysis.testers or turn.run.testers or not turn.seen.finalizer:
        return
    free = turn.seen.hold is None and turn.seen.refusal is None and unserved(turn.spec) is None
    if free and is_ready(turn.spec, Role.CANARY, target) and turn.is_known(target, floor=1, share=1):
        turn.set_run(testers=True)


def _held(turn: Turn) -> Problem | None:
    """What forbids any step forward although the run goes on being watched."""
    if turn.run.override is not None:
        return Problem(
            reason="ManualOverride",
            message=f"the weight was set to {turn.run.override} % by hand; `delivery resume {turn.spec.name}`, or "
            "set spec.paused and clear it to go on",
        )
    if (paused := turn.paused()) is not None:
        return paused
    if turn.seen.hold is not None:
        return turn.seen.hold
    if turn.seen.refusal is not None:
        return turn.seen.refusal
    if turn.seen.contested is not None:
        return turn.seen.contested
    return unserved(turn.spec)


def _raise_or_hold(turn: Turn, target: Workload) -> None:
    """One step forward if checks, capacity and people allow it; else the reason why not."""
    held = _held(turn)
    step = turn.plan.index_of(turn.status.canary_weight, turn.run.step)
    # Not by the step found above: a policy edited in the middle of a run moves no traffic by itself.
    done = turn.run.step < 0 or turn.spec.skip_analysis or turn.run.skip is not Skip.NONE or passed(turn)
    ending = step + 1 >= len(turn.plan) or turn.run.skip is Skip.REST
    ahead = turn.status.canary_weight if ending else turn.plan.traffic(step + 1).load
    if ending and turn.spec.shares_pods:
        ahead = 100  # what is promoted carries everybody
    lacking = _lacking(turn, target, share=ahead if done else turn.status.canary_weight, ending=ending)
    standing = held is not None or (lacking is None and not done)
    if overdue(turn, stuck=lacking is not None, standing=standing):
        message = f"no progress in {turn.spec.progress_deadline_seconds:.0f} s: {lacking.message if lacking else ''}"
        roll_back(turn, Problem(reason="ProgressDeadlineExceeded", message=message))
    elif held is not None:
        _say(turn, held)
        if held is turn.seen.refusal or held is turn.seen.hold:
            turn.ready = held
    elif lacking is not None:
        _say(turn, lacking)
        _note_waiting(turn, lacking, at_end=done and ending)
    elif not done:
        _say(turn, turn.analysis or _analysing(turn))
    elif not ending:
        _step_up(turn, step + 1)
    elif may_pass(turn, *_before_promotion(turn, step), step=len(turn.plan)):
        promote(turn)
    else:
        _say_closed(turn)


def _before_promotion(turn: Turn, step: int) -> tuple[GateKind, ...]:
    """The gates that are asked. Whoever leaves steps out leaves out time and checks, not those who have a say in them:
    a promotion brings everybody to the new version, as the last of these steps would.
    """
    if step + 1 < len(turn.plan):
        return (GateKind.TRAFFIC_INCREASE, GateKind.PROMOTION)
    return (GateKind.PROMOTION,)


def _lacking(turn: Turn, target: Workload, *, share: int, ending: bool) -> Problem | None:
    """Which pods are missing for the next share, if any."""
    spec, floor = turn.spec, turn.run.floor
    if not is_ready(spec, Role.CANARY, target):
        return Problem(reason="CanaryNotReady", message=missing(target, name="the canary"))
    if not turn.has_pods(turn.primary):
        return Problem(reason="PrimaryNotReady", message=missing(turn.primary, name="the primary"))
    if not carries(spec, target, floor=floor, share=share):
        return Problem(
            reason="CanaryLacksCapacity",
            message=f"{target.ready} ready pods of the canary are too few for {share} % of what {floor} carried"
            + (f": {turn.seen.scarcity.message}" if turn.seen.scarcity is not None else ""),
        )
    if ending and not carries(spec, turn.primary, floor=floor, share=100 - turn.status.canary_weight):
        return Problem(
            reason="PrimaryLacksCapacity",
            message=f"{turn.primary.ready if turn.primary else 0} ready pods of the primary are too few for a "
            f"promotion (the run began with {floor})",
        )
    return None


def _say(turn: Turn, problem: Problem) -> None:
    if (turn.status.reason, turn.status.message) != (problem.reason, problem.message):
        turn.explain(problem.reason, problem.message)


def _note_waiting(turn: Turn, lacking: Problem, *, at_end: bool) -> None:
    """WAITING_PROMOTION says that only capacity stands between the run and its promotion."""
    if at_end and lacking.reason == "PrimaryLacksCapacity" and turn.status.phase is Phase.PROGRESSING:
        turn.become(Phase.WAITING_PROMOTION, reason=lacking.reason, message=lacking.message)
        turn.tell("WaitingPromotion", lacking.message, warning=True)


def _is_tested(turn: Turn) -> bool:
    """Have the pre-rollout hooks passed? If not the run waits for them, or has failed by them."""
    problem, done = tested_before(turn)
    turn.analysis = turn.analysis or silent(turn)
    if problem is not None:
        roll_back(turn, problem)
    elif not done:
        message = "pre-rollout hooks are asked before the canary gets any request"
        _say(turn, turn.analysis or Problem(reason="PreRollout", message=message))
    return problem is None and done


def _say_closed(turn: Turn) -> None:
    """The run stands before a gate, unless it has ended there. Before a promotion that is a phase of its own."""
    waiting = turn.status.waiting
    if waiting is None or not waiting.gates:
        return
    if waiting.before is GateKind.PROMOTION and turn.status.phase is Phase.PROGRESSING:
        turn.become(Phase.WAITING_PROMOTION, reason="GateClosed", message=waiting.message)
    else:
        _say(turn, Problem(reason="GateClosed", message=waiting.message))


def _step_up(turn: Turn, step: int) -> None:
    """The next weight, if the Canary carries our finalizer: else a deletion could leave it where it stands."""
    if not turn.seen.finalizer or not turn.seen.copied:
        lacking = "copies of configs" if turn.seen.finalizer else "finalizer"
        _say(turn, Problem(reason="ScalingUp", message=f"waiting for the {lacking} to be written"))
        return
    traffic = turn.plan.traffic(step)
    if not turn.is_known(turn.target, floor=turn.run.floor, share=traffic.load):
        _say(
            turn, Problem(reason="Settling", message="the canary's pods are ready; the proxies are given time to know")
        )
        return
    if turn.run.step < 0 and not _is_tested(turn):
        return
    gates = turn.plan.steps[step].gates
    if gates and not may_pass(turn, *gates, step=step):
        _say_closed(turn)
        return
    turn.route(traffic.canary, mirror=traffic.mirror, matched=traffic.matched)
    turn.set_run(step=step)
    open_step(turn)
    turn.become(Phase.PROGRESSING, reason="Analysing", message=f"{_where(turn)}, windows are being judged")
    turn.tell("Advanced", f"{turn.status.revision}: {_asked(turn)} (step {step + 1} of {len(turn.plan)})")
    turn.wake(turn.now + timedelta(seconds=turn.spec.settle_seconds))


def _analysing(turn: Turn) -> Problem:
    """What the run is waiting for while everything is as it should be."""
    if turn.run.step >= 0 and (until := awaited(turn)) is not None:
        warm = f"{until:%H:%M:%S} UTC, when the canary's pods have warmed up"
        return Problem(reason="WarmingUp", message=f"{_where(turn)}, windows begin at {warm}")
    return Problem(reason="Analysing", message=f"{_where(turn)}, windows are being judged")


def _where(turn: Turn) -> str:
    """Where the run stands, in few words."""
    run, weight = turn.run, turn.status.canary_weight
    copies = f", copies of {run.mirror} % of requests to the canary" if run.mirror else ""
    matching = " of the matching requests" if run.matched and weight else ""
    return f"at {weight} %{matching}{copies}"


def _asked(turn: Turn) -> str:
    """What a step asks of the routes."""
    run, weight = turn.run, turn.status.canary_weight
    if run.mirror and not weight:
        return f"copies of {run.mirror} % of requests to the canary"
    return f"{weight} % of {'the matching requests' if run.matched else 'requests'} to the canary"
