"""What a Canary starts from that finds traces of an earlier life: the status was lost, or the primary never came.

The status says who serves users; without it objects do, the primary first and then what is remembered of it beside it.
Where nothing tells, the target is taken and people hear of it. What was taken need not work: then a target that works
takes its place, and is never called analysed.
"""

from dataclasses import dataclass

from strategies.reasons import Reason
from strategies.rollout.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The revision that is taken for the one that serves users, and why."""

    revision: str
    reason: Reason
    message: str
    certain: bool = True


def source(turn: Turn) -> Source | None:
    """Who serves users, or is to; None when there is nothing to begin with."""
    if turn.primary is not None:
        words = "the status was lost and is rebuilt from the primary"
        return Source(revision=turn.primary.revision, reason="Rebuilding", message=words)
    if turn.seen.recalled:
        words = "status and primary service were lost and are rebuilt from what the canary service remembers"
        return Source(revision=turn.seen.recalled, reason="Rebuilding", message=words)
    if turn.target is None:
        return None
    revision = turn.target.revision
    if not _is_routed(turn):
        return Source(revision=revision, reason="Initializing", message="the primary is being made ready")
    words = (
        f"which revision served users is recorded nowhere any more; the target's, {revision}, is taken for it. Should "
        "it be wrong, release the right one"
    )
    return Source(revision=revision, reason="PrimaryUnknown", message=words, certain=False)


def follows_target(turn: Turn) -> bool:
    """Does a primary that is not ready yet take the target's newer revision?

    While nothing leads to it, always: a fix must be able to arrive. Where users are led to it, only if it cannot serve
    them, and the target beside it works.
    """
    target = turn.target
    if target is None or target.revision == turn.status.last_promoted_spec:
        return False
    return not leads_users(turn) or _cannot_come(turn)


def leads_users(turn: Turn) -> bool:
    """Are users led to the primary, by routes or by the apex Service?"""
    return _is_routed(turn) or turn.seen.routes.apex_moved


def has_everybody(turn: Turn) -> bool:
    """Do pods of the primary serve everybody already, be it with others that do not come up? To wait for those would
    only keep the next revision from coming.
    """
    routes = turn.seen.routes
    return routes.canary_weight == 0 and routes.everybody == 0 and turn.has_pods(turn.primary)


def _cannot_come(turn: Turn) -> bool:
    """Is none of the primary's newest pods ready, with one seen to be broken, or has it had none at all for too long?

    Behind routes, pods of an older template serve users well enough.
    """
    if not turn.has_pods(turn.target):
        return False
    primary, serves = turn.primary, turn.has_pods(turn.primary)
    broken = primary is not None and primary.trouble is not None and primary.updated_ready == 0
    if broken and not (serves and _is_routed(turn)):
        return True
    return not serves and turn.reached(turn.status.stage_since, turn.spec.progress_deadline_seconds)


def _is_routed(turn: Turn) -> bool:
    return turn.seen.routes.canary_weight is not None
