"""`delivery why`: the last decision about a Canary, in plain words."""

from typing import TYPE_CHECKING

import click

from delivery.cli.holding import in_home
from delivery.cli.reaching import Cluster, Where, reach, reaching
from delivery.cli.showing import emit, show, showing

if TYPE_CHECKING:
    from delivery.terminal.why import Why


@click.command()
@click.argument("name")
@in_home
@showing
@reaching
def why(name: str, controller_namespace: str, form: str, no_color: bool, where: Where) -> None:
    """Explain a Canary: what was decided last and on which numbers, what would have changed it, what it waits for."""
    found = reach(where, lambda cluster: _explained(cluster, name, controller_namespace))
    if form == "text":
        from delivery.terminal.why import view

        show(view(found), no_color=no_color)
        return
    from delivery.terminal.shape import shaped

    emit(shaped("Explanation", found), form)


async def _explained(cluster: Cluster, name: str, home: str) -> "Why":
    from delivery.cli.looking import readable, see_held
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.why import why as explain

    seen = await see_held(cluster, await cluster.canary(name), home)
    with readable(name):
        return explain(seen, SystemClock().now())
