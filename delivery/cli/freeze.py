"""`delivery freeze` and `delivery unfreeze`: no rollout starts or goes on, until a moment or until somebody says so."""

from dataclasses import replace

import click

from delivery.cli.holding import in_home
from delivery.cli.reaching import Cluster, Where, reach, reaching


@click.command()
@click.option("--until", required=True, metavar="WHEN", help="90m, 4h, 1d12h, or a time with its zone.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; every Canary says it.")
@in_home
@reaching
def freeze(until: str, reason: str, controller_namespace: str, where: Where) -> None:
    """Hold all rollouts: no run starts, no traffic rises, nothing is promoted. Rollbacks go on.

    It ends by itself. With -n it is for the Canaries of one namespace.
    """
    import getpass
    from datetime import UTC, datetime

    from delivery.gates import freezing

    now = datetime.now(UTC)
    try:
        end = freezing.moment(until, now)
    except freezing.MomentError as error:
        raise click.UsageError(f"--until: {error}") from error
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        user = ""
    place = where.namespace or controller_namespace
    body = freezing.freeze(place, end, reason, user, now)

    async def create(cluster: Cluster) -> None:
        from delivery.cluster.objects import FREEZES

        await cluster.create(FREEZES, body)

    reach(replace(where, namespace=place), create)
    whose = f"the Canaries of namespace {place}" if where.namespace else "all Canaries"
    click.echo(f"frozen until {end:%Y-%m-%d %H:%M} UTC: {whose} ({body['metadata']['name']} in {place})")


@click.command()
@in_home
@reaching
def unfreeze(controller_namespace: str, where: Where) -> None:
    """End the freezes of the whole controller, or with -n those of one namespace."""
    place = where.namespace or controller_namespace

    async def end(cluster: Cluster) -> int:
        from delivery.cluster.objects import FREEZES, Ref

        found = await cluster.list(FREEZES)
        for body in found:
            await cluster.delete(Ref.of(FREEZES, body))
        return len(found)

    ended = reach(replace(where, namespace=place), end)
    click.echo(f"{ended or 'no'} freeze{'s' if ended != 1 else ''} ended in {place}")
