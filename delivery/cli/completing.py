"""`delivery completion`, and completion of `kubectl delivery`.

Shells ask the program itself, in words that click answers. kubectl asks plugins in words of its own: it calls
`kubectl_complete-delivery` with the arguments so far and reads a line for each proposal, then a directive. Names of
Canaries are not proposed: a key press must not ask a cluster.
"""

import sys
from collections.abc import Sequence

import click

NO_FILES, DEFAULT = ":4", ":0"
"""cobra's directives: propose no file names; propose them if there is nothing else."""


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete `delivery`.

    In bash and zsh: source <(delivery completion SHELL); in fish: delivery completion fish | source. Completion of
    `kubectl delivery` needs kubectl's own and nothing else.
    """
    from click.shell_completion import get_completion_class

    from delivery.cli import main

    writer = get_completion_class(shell)
    if writer is None:
        raise click.ClickException(f"{shell} is not known to this program")
    click.echo(writer(main, {}, "delivery", "_DELIVERY_COMPLETE").source())


def proposals(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """What may come next and what it does, given everything typed after `kubectl delivery`; the last may be a part."""
    from click.shell_completion import ShellComplete

    from delivery.cli import main

    *before, part = arguments or ("",)
    found = ShellComplete(main, {}, "delivery", "_DELIVERY_COMPLETE").get_completions(before, part)
    return [(each.value, each.help or "") for each in found if each.type == "plain"]


def kubectl() -> None:
    """The program kubectl_complete-delivery."""
    found = proposals(sys.argv[1:])
    for value, about in found:
        click.echo(f"{value}\t{about}" if about else value)
    click.echo(NO_FILES if found else DEFAULT)
