"""`delivery undo`: back to the version that was promoted before, and a word about who will not leave it there."""

import click

from delivery.cli.reaching import Cluster, ReachError, Where, reach, reaching

TRIES = 5


@click.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@reaching
def undo(name: str, dry_run: bool, where: Where) -> None:
    """Set the target of Canary NAME back to the version that was promoted before.

    While a run is open, or has failed, that is the promoted version, and the run ends. Between runs it is the version
    before the promoted one, which is analysed like any other; `delivery promote --full` hurries it. The write is yours,
    with your rights; what your GitOps tool will do next is said.
    """
    lines = reach(where, lambda cluster: _undo(cluster, name, dry_run=dry_run))
    click.echo("\n".join(lines))


async def _undo(cluster: Cluster, name: str, *, dry_run: bool) -> list[str]:
    from delivery.cluster.errors import Conflict
    from delivery.cluster.objects import REPLICA_SETS
    from delivery.gates import undoing

    canary = await cluster.canary(name)
    try:
        ref = undoing.target_of(canary)
        past = await cluster.list(REPLICA_SETS)
        for _ in range(TRIES):
            target = await cluster.get(ref.kind, ref.name)
            way = undoing.way_back(canary, target, past)
            if dry_run:
                break
            try:
                await cluster.patch(ref, undoing.ops_for(target, way))
            except Conflict:
                continue
            break
        else:
            raise ReachError(f"{ref} was changed {TRIES} times meanwhile; say it again")
    except undoing.NoWayBackError as error:
        raise ReachError(str(error)) from error
    goes = "would go" if dry_run else "goes"
    which = f"revision {way.revision}" if way.promoted else "the latest one of its ReplicaSets that has not failed"
    return [
        f"{name}: {ref} {goes} back to {which}: {way.images}",
        *(f"next: {each}" for each in undoing.keepers(target)),
    ]
