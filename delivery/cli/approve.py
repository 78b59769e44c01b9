"""`delivery approve` and `delivery deny`: a person's word on a gate at which a rollout waits."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from delivery.cli.reaching import Cluster, ReachError, Where, reach, reaching

if TYPE_CHECKING:
    from delivery.gates.speaking import Saying

_OPTIONS = (
    click.argument("name"),
    click.option("--gate", metavar="GATE", required=True, help="Name of the gate, as in spec.analysis.gates."),
    click.option("--reason", metavar="TEXT", required=True, help="Why; it is kept in the history of the run."),
    click.option("--run", metavar="ID", default="", help="The run that is meant, if only that one is."),
)


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_shared
@click.option("--all-steps", is_flag=True, help="Open a gate before each increase for all increases of the run.")
@reaching
def approve(name: str, gate: str, reason: str, run: str, all_steps: bool, where: Where) -> None:
    """Open a gate at which the rollout of Canary NAME waits.

    The word is for the run that waits now and for no other. Said twice it is said once.
    """
    _say(where, name, gate=gate, reason=reason, run=run, every=all_steps, approves=True)


@click.command()
@_shared
@reaching
def deny(name: str, gate: str, reason: str, run: str, where: Where) -> None:
    """Refuse what goes out by Canary NAME: its run is rolled back at once, whether it has come to the gate or not."""
    _say(where, name, gate=gate, reason=reason, run=run, approves=False)


def _say(where: Where, name: str, **said: Any) -> None:
    import getpass

    from delivery.gates.speaking import Saying

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        user = ""
    saying = Saying(user=user, **said)
    click.echo(reach(where, lambda cluster: _create(cluster, name, saying)))


async def _create(cluster: Cluster, name: str, saying: "Saying") -> str:
    from delivery.cluster.errors import Conflict
    from delivery.cluster.objects import APPROVALS
    from delivery.gates import speaking

    canary = await cluster.canary(name)
    if (known := speaking.already(canary, saying)) is not None:
        return known
    try:
        body = speaking.approval(canary, saying)
    except speaking.NotWaitingError as error:
        raise ReachError(str(error)) from error
    verb, run = ("approved" if saying.approves else "denied"), body["spec"]["run"]
    try:
        await cluster.create(APPROVALS, body)
    except Conflict:
        there = await cluster.get(APPROVALS, body["metadata"]["name"], namespace=body["metadata"]["namespace"])
        return (
            f"gate {saying.gate} of {name} (run {run}) was {verb} already by {there['spec'].get('user') or 'somebody'}"
        )
    return f"gate {saying.gate} of {name} is {verb} (run {run})"
