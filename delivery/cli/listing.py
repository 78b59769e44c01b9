"""`delivery list` and `delivery history`: many Canaries, and the past of one."""

from typing import TYPE_CHECKING

import click

from delivery.cli.reaching import Cluster, Where, reach, reaching
from delivery.cli.showing import emit, show, showing
from delivery.cluster.objects import CANARIES, Object

if TYPE_CHECKING:
    from delivery.terminal.runs import RunLine


@click.command("list")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Those with these labels, such as team=shop.")
@showing
@reaching(everywhere=True)
def list_canaries(selector: str, form: str, no_color: bool, where: Where) -> None:
    """List Canaries with what each is doing and what it does next."""

    async def listed(cluster: Cluster) -> list[Object]:
        return await cluster.list(CANARIES, selector=selector)

    canaries = reach(where, listed)
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.rows import Rows, rows
    from delivery.terminal.shape import listed as shaped

    now = SystemClock().now()
    found = rows(canaries, now)
    if form == "text":
        show(Rows(found, now, everywhere=where.everywhere), no_color=no_color)
    else:
        emit(shaped("CanaryRow", found), form)


@click.command()
@click.argument("name")
@showing
@reaching
def history(name: str, form: str, no_color: bool, where: Where) -> None:
    """Show the last runs of a Canary: when, how long, how they ended, and why."""
    found = reach(where, lambda cluster: _runs(cluster, name))
    from delivery.terminal.runs import view
    from delivery.terminal.shape import listed as shaped

    if form == "text":
        show(view(found), no_color=no_color)
    else:
        emit(shaped("Run", found), form)


async def _runs(cluster: Cluster, name: str) -> "tuple[RunLine, ...]":
    from delivery.cli.looking import readable, see_told
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.runs import runs

    seen = await see_told(cluster, await cluster.canary(name))
    with readable(name):
        return runs(seen.status, seen.events, SystemClock().now())
