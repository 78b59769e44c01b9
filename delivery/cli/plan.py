"""`delivery plan`: what a Canary would do, before it is applied."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from delivery.cli.reaching import Where, reach, reaching

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_GREEN, _RED = "green", "red"


@click.command()
@click.option("-f", "--file", "files", type=_FILE, multiple=True, required=True, help="Manifests; can be repeated.")
@click.option(
    "--against",
    type=click.Choice(["empty", "cluster"]),
    default="empty",
    show_default=True,
    help="What is there before: only what the files hold, or what the cluster has too.",
)
@click.option("--steps", "only_steps", is_flag=True, help="When what happens, without the objects.")
@click.option("--notes", is_flag=True, help="Show the controller's own annotations too.")
@click.option(
    "--scrape-interval-seconds", type=click.FloatRange(0.1, 3600), default=15.0, show_default=True, help="Prometheus'."
)
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
@click.option("--no-color", is_flag=True, help="Also by the environment variable NO_COLOR, and without a terminal.")
@reaching
def plan(where: Where, files: tuple[Path, ...], against: str, scrape_interval_seconds: float, **given: Any) -> None:
    """Show every step of a rollout with its time, and every object that would be written, as a diff.

    The files hold one Canary and what is to be there with it: its target, Services, VirtualServices. The controller
    itself plays it, in memory and in virtual time: the Canary is applied, then a new version is released that passes
    every check. Nothing is written anywhere; with --against cluster, objects of the namespace are read.
    """
    from delivery.rehearsal.cast import UnplayableError, cast
    from delivery.rehearsal.play import Rehearsal

    _quiet()
    documents = _documents(files)
    where = _there(where, documents)
    namespace = where.namespace or "default"
    try:
        if against == "cluster":
            documents, namespace = reach(where, lambda cluster: _with_cluster(cluster, documents))
        played = cast(documents, file=", ".join(map(str, files)), namespace=namespace)
        applied, released = Rehearsal(played, scrape_seconds=scrape_interval_seconds).play()
    except UnplayableError as error:
        raise click.UsageError(str(error)) from error
    _show(played, (applied, released), **given)


def _quiet() -> None:
    """The controller that plays here has nothing to log: what it does is the answer."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _documents(files: tuple[Path, ...]) -> list[Any]:
    """The objects in the files, those of Lists one by one."""
    from delivery.lint.documents import read

    found: list[Any] = []
    for file in files:
        try:
            documents, wrong = read(file.read_text(encoding="utf-8"), file=str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{file}: cannot be read: {error}") from error
        if wrong:
            raise click.UsageError("\n".join(f"{each.file}:{each.line}: {each.message}" for each in wrong))
        found += [each.body for each in documents]
    return found


def _there(where: Where, documents: list[Any]) -> Where:
    """Where the Canary is to be: in the namespace that its manifest names; else in that of -n, or of the context."""
    metas = [each.get("metadata") for each in documents if isinstance(each, dict) and each.get("kind") == "Canary"]
    named = [meta["namespace"] for meta in metas if isinstance(meta, dict) and isinstance(meta.get("namespace"), str)]
    if not named:
        return where
    if where.namespace not in (None, named[0]):
        raise click.UsageError(
            f"-n: given {where.namespace}, allowed {named[0]}, which is metadata.namespace of the Canary"
        )
    return replace(where, namespace=named[0])


async def _with_cluster(cluster: Any, given: list[Any]) -> tuple[list[Any], str]:
    """What the files hold and what the cluster has besides, and the namespace in which that is.

    Nothing that a controller of ours has made is left out.
    """
    from delivery.cli.reaching import MissingError
    from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES

    names = {_identity(each, cluster.namespace) for each in given if isinstance(each, dict)}
    found = list(given)
    for kind in (DEPLOYMENTS, DAEMON_SETS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES):
        try:
            there = await cluster.list(kind)
        except MissingError:
            continue
        bodies = [{**body, "kind": kind.kind, "apiVersion": kind.api_version} for body in there]
        found += [body for body in bodies if _identity(body, cluster.namespace) not in names]
    return found, cluster.namespace


def _identity(body: Any, namespace: str | None) -> tuple[str, str, str]:
    meta = body.get("metadata") or {}
    return str(body.get("kind")), str(meta.get("namespace") or namespace), str(meta.get("name"))


def _show(played: Any, acts: Any, *, only_steps: bool, notes: bool, output: str, no_color: bool) -> None:
    if output == "text":
        _in_words(played, acts, only_steps=only_steps, notes=notes, color=False if no_color else None)
        return
    from delivery.rehearsal.showing import moments, steps

    shown = {
        "canary": f"{played.key.namespace}/{played.key.name}",
        "assumed": list(played.assumed),
        "acts": [
            {
                "act": act.name,
                "seconds": round(act.seconds, 1),
                "steps": [{"seconds": round(at, 1), "what": what} for at, what in steps(act)],
                "moments": [
                    {
                        "seconds": round(each.seconds, 1),
                        "what": each.title,
                        "changes": [{"object": name, "diff": text} for name, text in each.changes],
                    }
                    for each in (() if only_steps else moments(act, notes=notes))
                ],
            }
            for act in acts
        ],
    }
    if output == "json":
        click.echo(json.dumps(shown, indent=2))
    else:
        import yaml

        click.echo(yaml.safe_dump(shown, sort_keys=False), nl=False)


def _in_words(played: Any, acts: Any, *, only_steps: bool, notes: bool, color: bool | None) -> None:
    from delivery.rehearsal.play import POD_SECONDS
    from delivery.rehearsal.showing import clock, moments, steps

    titles = {"apply": "kubectl apply", "release": "a new version"}
    click.echo(f"Canary {played.key.namespace}/{played.key.name}, if all goes well:")
    for sentence in (*played.assumed, f"a pod takes {POD_SECONDS:g} s to become ready, every check passes"):
        click.echo(f"  assumed: {sentence}")
    for act in acts:
        click.secho(f"\n{titles[act.name]}: {clock(act.seconds)}", bold=True, color=color)
        if only_steps:
            for at, what in steps(act):
                click.echo(f"  +{clock(at):>8}  {what}")
            continue
        for moment in moments(act, notes=notes):
            click.secho(f"\n  +{clock(moment.seconds)}  {moment.title}", bold=True, color=color)
            for name, text in moment.changes:
                click.echo(f"    {name}")
                for line in text.splitlines():
                    colour = {"+": _GREEN, "-": _RED}.get(line[:1])
                    click.secho(f"      {line}", fg=colour, color=color)
