"""Where the other side stands: when a run of theirs begins, whom it meets, and how it ended.

It is read off what everybody can see, weights and templates, and not off the other side's own status: so it holds for
any controller, and for people. What a cache shows of two objects can be out of order, so users who have left the canary
are believed to have left it only after settleSeconds, and so long a run may turn out to be another revision's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from strategies.changing import changed
from strategies.observing.comparing import compared
from strategies.reasons import Reason
from strategies.rollout.starting import new_run
from strategies.rollout.turn import Turn
from strategies.snapshot import Workload
from strategies.status import Observation, Result, Would

_ENDS: Mapping[Result, Reason] = {
    Result.OBSERVED_PROMOTION: "ObservedPromotion",
    Result.OBSERVED_ROLLBACK: "ObservedRollback",
    Result.OBSERVED_END: "ObservedEnd",
}
_WOULD: Mapping[Would, Reason] = {Would.ROLL_BACK: "WouldRollBack", Would.PROMOTE: "WouldPromote"}


def follow(turn: Turn) -> None:
    """End the run that is over, begin the one that is new, and note who meets whom."""
    target = turn.target
    if target is None:
        if turn.status.run is not None:
            _end(turn, Result.OBSERVED_END, at=turn.now, why="its target was deleted")
        return
    if turn.status.run is not None:
        _note_users(turn, target)
        _end_if_over(turn, target)
    if turn.status.run is None and _begins(turn, target):
        _begin(turn, target)
        _note_users(turn, target)
    _note_weight(turn)


def watched(turn: Turn) -> Observation:
    """What is kept of the run that is looked at."""
    return turn.run.observed or Observation()


def note(turn: Turn, **changes: object) -> None:
    """Change what is kept of it."""
    turn.set_run(observed=changed(watched(turn), changes))


def users_share(turn: Turn) -> int:
    """The percent that the routes give to the canary; 0 where no route splits."""
    return turn.seen.routes.canary_weight or 0


def meets(turn: Turn) -> bool:
    """Do users, or copies of their requests, meet the canary now?"""
    return users_share(turn) > 0 or turn.seen.routes.mirror > 0


def _note_weight(turn: Turn) -> None:
    routes = turn.seen.routes
    matched = routes.everybody_weight is not None and routes.everybody_weight < users_share(turn)
    turn.route(users_share(turn), mirror=routes.mirror, matched=matched)


def _note_users(turn: Turn, target: Workload) -> None:
    known = watched(turn)
    if meets(turn):
        note(turn, met=True, left=None)
    elif (known.met or target.replicas == 0) and known.left is None:
        note(turn, left=turn.now)
    elif not known.met and target.replicas > 0:
        note(turn, left=None)


def _begins(turn: Turn, target: Workload) -> bool:
    """Does somebody bring this revision to users? Seen by its pods, or by users who meet them."""
    status, share = turn.status, users_share(turn)
    if not status.last_applied_spec:  # the first look: only what is under way can be told from what has long been so
        turn.set(last_applied_spec=target.revision, revision=target.revision)
        return 0 < share < 100 or turn.seen.routes.mirror > 0
    serves = share >= 100 and not turn.seen.mover.copies
    if status.canary_weight == 0 and share > 0 and not serves:
        return True
    if target.revision == status.last_applied_spec:
        return False
    if serves or _is_primarys(turn, target):  # who serves everybody is tried by nobody
        turn.set(last_applied_spec=target.revision, revision=target.revision)
        return False
    return target.replicas > 0


def _is_primarys(turn: Turn, target: Workload) -> bool:
    return turn.primary is not None and turn.primary.revision == target.revision


def _begin(turn: Turn, target: Workload) -> None:
    primary = turn.primary.revision if turn.primary is not None else ""
    run = new_run(turn, target.revision, floor=max(1, turn.primary.ready if turn.primary is not None else 1))
    turn.set(
        run=replace(run, observed=Observation(primary=primary)),
        revision=target.revision,
        last_applied_spec=target.revision,
        failed_checks=0,
        iterations=0,
        checks=(),
        seen_weight=None,
    )
    turn.explain("Watching", f"{turn.seen.mover.name} brings revision {target.revision}")
    turn.tell("RunObserved", f"{turn.seen.mover.name} brings revision {target.revision}; this Canary only looks on")


def _end_if_over(turn: Turn, target: Workload) -> None:
    known = watched(turn)
    if _is_copied(turn, known) or (not turn.seen.mover.copies and users_share(turn) >= 100):
        _end(turn, Result.OBSERVED_PROMOTION, at=turn.now)
    elif target.revision != turn.run.revision:
        if _is_primarys(turn, target):
            _end(turn, Result.OBSERVED_ROLLBACK, at=turn.now)
            turn.set(last_applied_spec=target.revision)
        elif turn.now < turn.run.started + timedelta(seconds=turn.spec.settle_seconds):
            turn.set(run=None)  # the routes were seen before the pods that they lead to: it begins with these
        else:
            _end(turn, Result.OBSERVED_END, at=turn.now, why="a newer revision came")
    elif known.left is not None and turn.reached(known.left, turn.spec.settle_seconds):
        _end(turn, Result.OBSERVED_ROLLBACK, at=known.left)


def _is_copied(turn: Turn, known: Observation) -> bool:
    """Has the primary become what the target is, since the run began?"""
    primary = turn.primary
    return primary is not None and turn.seen.mover.alike and known.primary not in ("", primary.revision)


def _end(turn: Turn, result: Result, *, at: datetime, why: str = "") -> None:
    """Close the run, and hold what happened against what we would have done."""
    known = watched(turn)
    words, differs = compared(turn, known, result, at=at, why=why)
    turn.tell(result.value, words, warning=differs)
    turn.close_run(result, _WOULD[known.would] if known.would is not None else "Undecided")
    turn.explain(_ENDS[result], words)
