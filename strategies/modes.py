"""From moving traffic to looking on, and back: what of a status may be given up for it, and when.

A status that was written while looking on says nothing that a rollout could go on from, and the other way round. So a
change of mode begins anew, and it does so only when nothing of ours is under way.
"""

from strategies.status import Phase, Stage, Status


def begun_anew(status: Status) -> Status:
    """The status from which a rollout begins: one that was written while looking on counts as none."""
    return carried(status) if status.phase is Phase.OBSERVING else status


def carried(status: Status) -> Status:
    """An empty status with what outlives a change of mode: the fence, old runs, what people said and are to be told."""
    return Status(
        fence=status.fence,
        history=status.history,
        outbox=status.outbox,
        posted=status.posted,
        conditions=status.conditions,
        observed_generation=status.observed_generation,
        command=status.command,
        paused=status.paused,
    )


def rests(status: Status) -> bool:
    """Is nothing of ours under way, so that we may look on from now on?"""
    if status.phase is Phase.OBSERVING:
        return True
    return status.run is None and status.stage is Stage.NONE and status.phase is not Phase.TERMINATING


def untouched(status: Status) -> bool:
    """Has nobody ever begun to roll out by this status?"""
    return status.phase in (Phase.NONE, Phase.OBSERVING) or (status.phase is Phase.INITIALIZING and rests(status))
