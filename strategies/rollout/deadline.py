"""The progress deadline: time during which a role's own pods hold the run up, and no other time."""

from datetime import timedelta

from strategies.rollout.turn import Turn


def overdue(turn: Turn, *, stuck: bool, standing: bool = False) -> bool:
    """True when the run has been stuck for progressDeadlineSeconds.

    The clock runs while `stuck` (pods not ready, capacity lacking), keeps its reading while `standing` (somebody else
    holds the run: a pause, Prometheus, a stale cache) and is reset when the pods are well.
    """
    run = turn.run
    if not stuck:
        if run.stuck_since is not None or run.spent_seconds:
            turn.set_run(stuck_since=None, spent_seconds=0.0)
        return False
    if standing:
        if run.stuck_since is not None:
            spent = run.spent_seconds + (turn.now - run.stuck_since).total_seconds()
            turn.set_run(stuck_since=None, spent_seconds=round(spent, 3))
        return False
    if run.stuck_since is None:
        turn.set_run(stuck_since=turn.now)
    left = turn.spec.progress_deadline_seconds - turn.run.spent_seconds
    since = turn.run.stuck_since
    return since is not None and turn.reached(since, max(0.0, left)) and turn.now >= since + timedelta(seconds=left)
