"""`delivery why`: the last decision about a Canary, in plain words."""

from typing import TYPE_CHECKING

import click

from delivery.cli.reaching import Cluster, Where, reach, reaching
from delivery.cli.showing import emit, show, showing

if TYPE_CHECKING:
    from delivery.terminal.why import Why


@click.command()
@click.argument("name")
@showing
@reaching
def why(name: str, form: str, no_color: bool, where: Where) -> None:
    """Explain a Canary: what was decided last and on which numbers, what would have changed it, what it waits for."""
    found = reach(where, lambda cluster: _explained(cluster, name))
    if form == "text":
        from delivery.terminal.why import view

        show(view(found), no_color=no_color)
        return
    from delivery.terminal.shape import shaped

    emit(shaped("Explanation", found), form)


async def _explained(cluster: Cluster, name: str) -> "Why":
    from delivery.cli.looking import readable, see_told
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.why import why as explain

    seen = await see_told(cluster, await cluster.canary(name))
    with readable(name):
        return explain(seen, SystemClock().now())
