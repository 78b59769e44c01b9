"""`delivery list` and `delivery history`: many Canaries, and the past of one."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import click

from delivery.cli.holding import freezes, hours, in_home
from delivery.cli.reaching import Cluster, Where, reach, reaching
from delivery.cli.showing import emit, show, showing
from delivery.cluster.objects import CANARIES

if TYPE_CHECKING:
    from delivery.terminal.runs import RunLine
    from delivery.terminal.seen import Seen


@click.command("list")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Those with these labels, such as team=shop.")
@in_home
@showing
@reaching(everywhere=True)
def list_canaries(selector: str, controller_namespace: str, form: str, no_color: bool, where: Where) -> None:
    """List Canaries with what each is doing, what holds it, and what it does next."""
    from delivery.cluster.clock import SystemClock
    from delivery.terminal.rows import Rows, rows
    from delivery.terminal.shape import listed as shaped

    now = SystemClock().now()
    seen, notes = reach(where, lambda cluster: _listed(cluster, selector, controller_namespace, now))
    found = rows(seen, now)
    if form == "text":
        show(Rows(found, now, everywhere=where.everywhere, notes=notes), no_color=no_color)
    else:
        emit({**shaped("CanaryRow", found), "notes": list(notes)}, form)


async def _listed(
    cluster: Cluster, selector: str, home: str, now: datetime
) -> "tuple[tuple[Seen, ...], tuple[str, ...]]":
    from delivery.terminal.seen import Seen

    places = (None,) if cluster.namespace is None else (cluster.namespace, home)
    canaries, held = await asyncio.gather(cluster.list(CANARIES, selector=selector), freezes(cluster, *places))
    seen = tuple(
        Seen(canary=each, freezes=held.bodies, freezes_known=held.known, home=home, hours=hours(each, now))
        for each in canaries
    )
    return seen, held.notes if seen else ()


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
