"""What a Canary asks for that is not done: where it decides about traffic, no run may start or go a step further."""

from strategies.snapshot import Problem
from strategies.spec import RolloutSpec


def unserved(spec: RolloutSpec) -> Problem | None:
    """Why a run would do something else than was asked for, if so."""
    if spec.misplaced_blocking:
        return Problem(reason="NotForThisProvider", message="; ".join(spec.misplaced_blocking))
    if spec.blocking:
        return Problem(
            reason="NotYetActedOn",
            message=f"{', '.join(spec.blocking)}: accepted but not acted on by this version, and they decide where "
            "traffic goes; take them out to go on",
        )
    return None
