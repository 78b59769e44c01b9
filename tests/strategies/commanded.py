"""What became of a command, and the ways in which something else holds the run meanwhile."""

from strategies.commands import Verb
from strategies.snapshot import Problem
from tests.strategies.world import World


def answer(world: World) -> tuple[bool, str]:
    """What became of the last command."""
    told = world.status.command
    assert told is not None
    return told.accepted, told.message


def refused(world: World) -> str:
    """Why the command was refused, which was told once and changed nothing else."""
    accepted, message = answer(world)
    assert not accepted
    assert "CommandRefused" in world.told
    return message


def hold(world: World, how: str) -> None:
    """Something that keeps the run from going on."""
    if how == "paused":
        world.edit(paused=True)
    elif how == "paused by hand":
        world.give(Verb.PAUSE)
    elif how == "Prometheus away":
        world.answerer = lambda question: None
    elif how == "stale":
        world.hold = Problem(reason="StaleCache", message="stale")
    elif how == "refused":
        world.refusal = Problem(reason="HostTaken", message="taken")
    elif how == "set by hand":
        world.by_hand(3)
    elif how == "contested":
        world.contested = Problem(reason="Contested", message="somebody")
