"""`delivery get`: one Canary on one screen."""

from typing import TYPE_CHECKING

import click

from delivery.cli.holding import in_home
from delivery.cli.reaching import Cluster, Where, reach, reaching
from delivery.cli.showing import emit, show, showing

if TYPE_CHECKING:
    from delivery.terminal.screen import Screen


@click.command()
@click.argument("name")
@click.option("-w", "--watch", is_flag=True, help="Go on showing it until Ctrl-C; without a terminal a line a change.")
@in_home
@showing
@reaching
def get(name: str, watch: bool, controller_namespace: str, form: str, no_color: bool, where: Where) -> None:
    """Show what a Canary does and why: traffic, pods, checks, gates, what people said, timers, Events, what is next."""
    if watch:
        from delivery.cli.following import watch_screen

        raise SystemExit(watch_screen(where, name, home=controller_namespace, form=form, no_color=no_color))

    async def looked(cluster: Cluster) -> "Screen":
        return await take(cluster, name, controller_namespace)

    found = reach(where, looked)
    if form == "text":
        from delivery.terminal.view import screen

        show(screen(found), no_color=no_color)
        return
    from delivery.terminal.shape import shaped

    emit(shaped("CanaryView", found), form)


async def take(cluster: Cluster, name: str, home: str) -> "Screen":
    """The present moment of a Canary."""
    from delivery.cli.looking import readable, see
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.look import look

    with readable(name):
        return look(await see(cluster, await cluster.canary(name), home), SystemClock().now())
