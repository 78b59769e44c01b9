"""What the status says to people and to `kubectl wait`, by Kubernetes' conventions for conditions.

A condition changes its transition time with its status only, so that nothing is written while nothing happens. A
condition that turns bad, or bad for another reason, is told as an Event as well.
"""

from collections.abc import Mapping
from operator import is_
from typing import cast

from strategies.reasons import Reason
from strategies.rollout.calendars import frozen_words
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.status import Condition, Phase, Stage

ORDER = (
    "Ready",
    "Promoted",
    "TrafficSynced",
    "AnalysisHealthy",
    "Observing",
    "Paused",
    "NotYetActedOn",
    "NotForThisProvider",
    "Contested",
    "CapacityUnknown",
    "PreflightWarning",
    "CoarseWeights",
    "MetricsUnresolved",
    "AlertsUnresolved",
    "GateClosed",
    "Frozen",
)
_PHASES: Mapping[Phase, Reason] = {
    Phase.INITIALIZED: "Initialized",
    Phase.WAITING: "Waiting",
    Phase.PROGRESSING: "Progressing",
    Phase.WAITING_PROMOTION: "WaitingPromotion",
    Phase.PROMOTING: "Promoting",
    Phase.FINALISING: "Finalising",
    Phase.SUCCEEDED: "Succeeded",
    Phase.FAILED: "Failed",
    Phase.TERMINATING: "Terminating",
    Phase.OBSERVING: "Observing",
}
"""Phases by their names; before the first one the primary is being made."""
_PROMOTED = {Phase.INITIALIZED: "True", Phase.SUCCEEDED: "True", Phase.FAILED: "False"}


def describe(turn: Turn) -> None:
    """Bring conditions, fence and what is printed up to date."""
    fresh = (
        _ready(turn),
        _promoted(turn),
        _traffic_synced(turn),
        _analysis_healthy(turn),
        _observing(turn),
        _paused(turn),
        _not_yet_acted_on(turn),
        _not_for_this_provider(turn),
        _contested(turn),
        _capacity_unknown(turn),
        _preflight_warning(turn),
        _coarse(turn),
        _metrics_unresolved(turn),
        _alerts_unresolved(turn),
        _gate_closed(turn),
        _frozen(turn),
    )
    conditions = tuple(each for each in fresh if each is not None)
    if turn.spec.generation != turn.status.observed_generation or _differ(conditions, turn.status.conditions):
        _tell_the_bad(turn, conditions)
        turn.set(conditions=conditions, observed_generation=turn.spec.generation)
    run = turn.status.run
    turn.set(step=_step(turn))
    if turn.seen.epoch > turn.status.fence and (run is not None or turn.status.stage is not Stage.NONE):
        turn.set(fence=turn.seen.epoch)


def _step(turn: Turn) -> str:
    """Which step of how many, for people; a policy edited in the middle of a run moves the run's place in it."""
    run, plan = turn.status.run, turn.plan
    if run is None:
        return ""
    ours = turn.status.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
    judging = ours or turn.status.phase is Phase.OBSERVING
    index = plan.index_of(turn.status.canary_weight, run.step) if ours else run.step
    place = f"{min(index + 1, len(plan))}/{len(plan)}"
    checks = plan.checks(index)
    return f"{place} ({turn.status.iterations}/{checks})" if judging and checks > 1 else place


def _differ(new: tuple[Condition, ...], old: tuple[Condition, ...]) -> bool:
    if len(new) == len(old) and all(map(is_, new, old)):
        return False

    def essence(all_: tuple[Condition, ...]) -> list[tuple[str, str, str, str]]:
        return [(each.type, each.status, each.reason, each.message) for each in all_]

    return essence(new) != essence(old)


def _make(turn: Turn, kind: str, status: str, reason: Reason, message: str = "") -> Condition:
    """A condition; its transition time stays while its status stays."""
    known, generation = turn.status.condition(kind), turn.spec.generation
    since = turn.now.replace(microsecond=0)  # as Kubernetes writes times
    if known is not None and known.status == status:
        if known.reason == reason and known.message == brief(message) and known.observed_generation == generation:
            return known
        # A reason is a promise of its own here: PrimaryNotReady's age decides when a broken primary may be healed.
        if kind != "Ready" or known.reason == reason:
            since = known.last_transition_time
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=brief(message),
        last_transition_time=since,
        observed_generation=generation,
    )


def _bad(turn: Turn, kind: str, problem: Problem, *, status: str = "False") -> Condition:
    return _make(turn, kind, status, problem.reason, problem.message)


def _ready(turn: Turn) -> Condition:
    if turn.seen.deleting and turn.ready is None:
        return _make(turn, "Ready", "False", "Deleted", "the Canary is being deleted")
    if turn.spec.suspend and not turn.seen.deleting:
        return _make(turn, "Ready", "False", "Suspended", "spec.suspend is set: nothing is watched or repaired")
    if turn.ready is not None:
        return _bad(turn, "Ready", turn.ready)
    if turn.status.phase is Phase.OBSERVING:
        message = "this Canary only looks on: nothing is written but its status, and no hook or gate is asked"
        return _make(turn, "Ready", "True", "Observing", message)
    if turn.status.phase in (Phase.NONE, Phase.INITIALIZING):
        return _make(turn, "Ready", "False", "Initializing", "the primary, its Services and routes are being made")
    return _make(turn, "Ready", "True", "Watching", "")


def _promoted(turn: Turn) -> Condition:
    phase = turn.status.phase
    reason = _PHASES.get(phase, "Initializing")
    return _make(turn, "Promoted", _PROMOTED.get(phase, "Unknown"), reason, turn.status.message)


def _traffic_synced(turn: Turn) -> Condition:
    routes = turn.seen.routes
    known = turn.status.condition("TrafficSynced")
    if turn.status.phase is Phase.OBSERVING:
        return _make(turn, "TrafficSynced", "Unknown", "Observing", "somebody else writes the routes")
    late = routes.failing_seconds > turn.spec.settle_seconds
    if routes.problem is not None and (late or routes.failing_seconds > 0):
        return _bad(turn, "TrafficSynced", routes.problem)
    if late:
        return _make(turn, "TrafficSynced", "False", "NotConverged", "the routes could not be written in time")
    if routes.in_sync:
        return _make(turn, "TrafficSynced", "True", "Synced")
    if known is not None and known.status == "True":
        return known  # a write on its way is no news
    return known or _make(turn, "TrafficSynced", "Unknown", "NoRoutes", "there are no routes yet")


def _analysis_healthy(turn: Turn) -> Condition:
    run = turn.status.run
    phases = (Phase.PROGRESSING, Phase.WAITING_PROMOTION, Phase.OBSERVING)
    judging = turn.status.phase in phases and not turn.spec.suspend
    if run is not None and judging and turn.analysis is not None:
        return _bad(turn, "AnalysisHealthy", turn.analysis)
    if run is None or run.step < 0 or not judging:
        return _make(turn, "AnalysisHealthy", "Unknown", "NoAnalysis")
    return _make(turn, "AnalysisHealthy", "True", "Measuring")


def _recorded(turn: Turn) -> Reason:
    """The reason that stands in the status; when it was written it was one."""
    return cast("Reason", turn.status.reason)


def _observing(turn: Turn) -> Condition | None:
    """Whether nothing is written, and what would have been done last; with its verdicts, for `kubectl wait`."""
    if not turn.spec.observe:
        return None
    if turn.status.phase is not Phase.OBSERVING:
        message = "spec.mode is observe, and what was begun is finished first"
        return _make(turn, "Observing", "False", "RunInProgress", message)
    return _make(turn, "Observing", "True", _recorded(turn) or "Watching", turn.status.message)


def _paused(turn: Turn) -> Condition | None:
    """That somebody has paused it by a command; spec.paused is in the spec for everybody to see."""
    told = turn.paused_by_hand()
    return None if told is None else _make(turn, "Paused", "True", "PausedByHand", told.message)


def _not_yet_acted_on(turn: Turn) -> Condition | None:
    if not turn.spec.blocking and not turn.spec.not_acted_on:
        return None
    fields = tuple(dict.fromkeys((*turn.spec.blocking, *turn.spec.not_acted_on)))
    return _make(turn, "NotYetActedOn", "True", "FieldsWithoutEffect", f"accepted without effect: {', '.join(fields)}")


def _not_for_this_provider(turn: Turn) -> Condition | None:
    if not turn.spec.misplaced:
        return None
    return _make(turn, "NotForThisProvider", "True", "FieldsOfOtherProviders", "; ".join(turn.spec.misplaced))


def _contested(turn: Turn) -> Condition | None:
    return _bad(turn, "Contested", turn.seen.contested, status="True") if turn.seen.contested is not None else None


def _capacity_unknown(turn: Turn) -> Condition | None:
    """Pods that nobody can see are neither waited for nor counted; people have to know that."""
    if not turn.spec.capacity_check:
        return None
    roles = (("primary", turn.primary), ("canary", turn.target))
    unseen = [name for name, workload in roles if workload is not None and workload.unseen]
    if not unseen:
        return None
    message = (
        f"the Service of the {' and of the '.join(unseen)} selects no pods: what is behind it counts as ready, "
        "whatever its share; set spec.traffic.capacityCheck to false if that is meant"
    )
    return _make(turn, "CapacityUnknown", "True", "PodsUnknown", message)


def _coarse(turn: Turn) -> Condition | None:
    coarse = turn.seen.routes.coarse
    return _bad(turn, "CoarseWeights", coarse, status="True") if coarse is not None else None


def _metrics_unresolved(turn: Turn) -> Condition | None:
    problem = turn.seen.unmeasurable
    return _bad(turn, "MetricsUnresolved", problem, status="True") if problem is not None else None


def _alerts_unresolved(turn: Turn) -> Condition | None:
    """Somebody wants to be told and cannot be: that holds nothing up, and so has to be seen."""
    problem = turn.seen.unalertable
    return _bad(turn, "AlertsUnresolved", problem, status="True") if problem is not None else None


def _gate_closed(turn: Turn) -> Condition | None:
    """Whom the run waits for, and before what; its transition time is not when it came here, `since` is."""
    waiting = turn.status.waiting
    if waiting is None or not waiting.gates:
        return None
    message = f"before {waiting.before.value} since {waiting.since:%Y-%m-%d %H:%M:%S} UTC: {waiting.message}"
    return _make(turn, "GateClosed", "True", "GateClosed", message)


def _frozen(turn: Turn) -> Condition | None:
    """That rollouts are frozen is said on each Canary, also where nothing waits."""
    if turn.seen.frozen is None:
        return None
    turn.wake(turn.seen.frozen.until)
    return _make(turn, "Frozen", "True", "Frozen", frozen_words(turn))


def _preflight_warning(turn: Turn) -> Condition | None:
    return _bad(turn, "PreflightWarning", turn.seen.warning, status="True") if turn.seen.warning is not None else None


_BAD_WHEN_TRUE = ORDER[ORDER.index("NotYetActedOn") :]
_QUIET = {"Initializing", "Draining", "NoAnalysis", "Deleted", "Reverting", "NoRoutes", "Suspended", "RunInProgress"}


def _news(each: Condition) -> tuple[str, ...]:
    """What of a condition is told anew when it changes: of a warning also which objects it is about."""
    return (each.status, each.reason, each.message if each.type == "PreflightWarning" else "")


def _is_told_otherwise(turn: Turn, each: Condition) -> bool:
    """A freeze is one Event: with a run when it begins, of a revision that waits when it comes to its gate."""
    waiting = turn.status.waiting
    if each.type == "GateClosed":
        return turn.status.run is not None and waiting is not None and waiting.gates == ("freeze",)
    return each.type == "Frozen" and turn.status.run is None


def _tell_the_bad(turn: Turn, conditions: tuple[Condition, ...]) -> None:
    for each in conditions:
        if each.type == "Promoted" or each.reason in _QUIET or _is_told_otherwise(turn, each):
            continue
        bad = each.status == "False" or each.type in _BAD_WHEN_TRUE
        known = turn.status.condition(each.type)
        if bad and (known is None or _news(each) != _news(known)):
            already = any(note.reason == each.reason and note.at == turn.now for note in turn.status.outbox)
            if not already:
                muted = each.type == "GateClosed" and turn.status.waiting is not None and turn.status.waiting.muted
                turn.tell(each.reason, each.message, warning=True, muted=muted)
