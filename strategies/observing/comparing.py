"""What the other side did and what we would have done, in one sentence that somebody can decide by."""

from datetime import datetime

from strategies.rollout.turn import Turn
from strategies.status import Observation, Result, Would

_DONE = {
    Result.OBSERVED_PROMOTION: "promoted",
    Result.OBSERVED_ROLLBACK: "rolled back",
    Result.OBSERVED_END: "came to no end",
}


def compared(turn: Turn, known: Observation, result: Result, *, at: datetime, why: str) -> tuple[str, bool]:
    """The sentence, and whether the two differ so that somebody should look."""
    did = f"{turn.seen.mover.name} {_DONE[result]} at {_clock(at)}" + (f", {why}" if why else "")
    differs = (known.would, result) in (
        (Would.ROLL_BACK, Result.OBSERVED_PROMOTION),
        (Would.PROMOTE, Result.OBSERVED_ROLLBACK),
    )
    return f"{did}; {_ours(turn, known, result, at)}", differs


def _ours(turn: Turn, known: Observation, result: Result, at: datetime) -> str:
    if known.would is None or known.at is None:
        return _undecided(turn, result)
    when = f"at {_clock(known.at)} at {known.weight} %"
    if known.would is Would.PROMOTE:
        return f"this Canary's checks would have promoted {when}{_sooner(known.at, at)}"
    bad = f", about {known.bad:,.0f} bad requests of the canary earlier" if known.bad >= 1 else ""
    return f"this Canary's checks would have rolled back {when}{_sooner(known.at, at)}{bad}: {known.why}"


def _undecided(turn: Turn, result: Result) -> str:
    status, plan = turn.status, turn.plan
    if turn.run.step < 0:
        return "this Canary had measured nothing until then"
    failed = f", {status.failed_checks} of {turn.spec.analysis.threshold} failed checks" if status.failed_checks else ""
    place = f"step {min(turn.run.step + 1, len(plan))} of {len(plan)}{failed}"
    if result is Result.OBSERVED_ROLLBACK:
        return f"this Canary's checks would not have rolled back until then ({place})"
    return f"this Canary's checks had decided nothing until then ({place})"


def _sooner(ours: datetime, theirs: datetime) -> str:
    seconds = max(0.0, (theirs - ours).total_seconds())
    if seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f", {minutes} min {rest} s sooner" if minutes else f", {rest} s sooner"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
