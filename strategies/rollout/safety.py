"""Where users are safe: chosen by health, never by role."""

from strategies.rollout.turn import Turn


def safe_weight(turn: Turn, *, broken_promotion: bool = False) -> int:
    """The canary weight at which the most users are served by pods that work.

    0 when the primary has a ready pod: one is enough, a rollback never waits for capacity. Else 100 when the canary
    has ready pods and is not seen to be broken; else where most of them are. After a broken promotion the canary, which
    was analysed and works, comes first, whatever old pods of the primary are still ready.
    """
    canary_works = turn.has_pods(turn.target) and turn.target is not None and turn.target.trouble is None
    if broken_promotion and canary_works:
        return 100
    if turn.has_pods(turn.primary):
        return 0
    if canary_works:
        return 100
    matched = turn.status.run is not None and turn.status.run.matched
    return 0 if matched else turn.status.canary_weight


def follow_health(turn: Turn) -> None:
    """A role that has lost its last pod gives its users to the one that has some."""
    if turn.status.canary_weight > 0 and not turn.has_pods(turn.target) and turn.has_pods(turn.primary):
        turn.route(0)
    elif turn.status.canary_weight < 100 and not turn.has_pods(turn.primary) and turn.has_pods(turn.target):
        turn.route(100)
