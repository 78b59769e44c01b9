"""A canary that gets users by its weight and none by the counts: nobody can reach it."""

from metrics.verdict import Counts
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem

SILENT_WINDOWS = 3
"""Windows without one canary request before a canary counts as unreachable..."""
SILENT_EXPECTED = 30.0
"""... and the canary requests that must have been expected in them."""


def weigh(turn: Turn, counts: Counts) -> Problem | None:
    """Note the share that was seen; a Problem when the canary should have been seen and was not."""
    if counts.share is not None:
        turn.set(seen_weight=round(counts.share, 1))
    weight = turn.status.canary_weight if turn.run.override is None else turn.run.override
    if counts.canary > 0 or weight == 0 or not turn.spec.everybody_routed:
        turn.set_run(silent_windows=0, silent_expected=0.0)
        return None
    run = turn.run
    expected = run.silent_expected + counts.expected * weight / 100
    turn.set_run(silent_windows=run.silent_windows + 1, silent_expected=expected)
    if turn.run.silent_windows < SILENT_WINDOWS or expected < SILENT_EXPECTED:
        return None
    return Problem(
        reason="CanaryUnreachable",
        message=f"none of about {expected:.0f} requests expected in {turn.run.silent_windows} windows reached the "
        f"canary at {weight} %; look at the port, the Service's selector and the sidecar of its pods",
    )
