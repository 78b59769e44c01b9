"""Which Canaries only look on, and what is told where that cannot be."""

from datetime import datetime

from delivery.cluster.objects import Object
from delivery.controller.finalizing import is_held
from strategies.modes import rests
from strategies.status import Announcement, Phase, Status


def may_look_on(body: Object, status: Status) -> bool:
    """Is nothing of ours under way? Our finalizer is: it goes with the end of what was begun."""
    return status.phase is Phase.OBSERVING or (rests(status) and not is_held(body))


def left_alone(body: Object, now: datetime) -> Announcement:
    """That a controller which only looks on does not look at this Canary; the same for each spec of it."""
    generation = body["metadata"].get("generation", 0)
    return Announcement(
        id=f"observe-{generation}-leftalone",
        at=now,
        reason="LeftAlone",
        message="a controller with --observe leaves this Canary alone: another controller has begun to roll it out; "
        "delete the Canary and create it anew, with mode observe, once that one is gone",
        warning=True,
    )
