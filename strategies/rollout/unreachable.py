"""A canary that gets users by its weight and none by the counts: nobody can reach it."""

from datetime import datetime

from metrics.verdict import Counts
from strategies.changing import altered
from strategies.rollout.turn import Turn
from strategies.snapshot import Problem

SILENT_WINDOWS = 3
"""Windows without one canary request before a canary counts as unreachable..."""
SILENT_EXPECTED = 30.0
"""... and the canary requests that must have been expected in them."""


def weigh(turn: Turn, counts: Counts | None, *, window: int, end: datetime) -> Problem | None:
    """Note the window and the share that was seen; a Problem when the canary should have been seen and was not."""
    run = turn.run
    weight = turn.status.canary_weight if run.override is None else run.override
    silent, expected = _silence(turn, counts, weight=weight)
    noted = {"traffic_window": window, "traffic_end": end, "silent_windows": silent, "silent_expected": expected}
    share = counts.share if counts is not None else None
    seen = turn.status.seen_weight if share is None else round(share, 1)
    turn.status = altered(turn.status, {"run": altered(run, noted), "seen_weight": seen})
    if counts is None or silent < SILENT_WINDOWS or expected < SILENT_EXPECTED:
        return None
    return Problem(
        reason="CanaryUnreachable",
        message=f"none of about {expected:.0f} requests expected in {silent} windows reached the "
        f"canary at {weight} %; look at the port, the Service's selector and the sidecar of its pods",
    )


def _silence(turn: Turn, counts: Counts | None, *, weight: int) -> tuple[int, float]:
    """The windows in a row in which the canary got nobody, with the requests that it should have got in them."""
    run = turn.run
    if counts is None:
        return run.silent_windows, run.silent_expected
    if counts.canary > 0 or weight == 0 or not turn.spec.everybody_routed:
        return 0, 0.0
    return run.silent_windows + 1, run.silent_expected + counts.expected * weight / 100
