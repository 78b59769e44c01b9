"""`delivery demo`: a good release promoted and a bad one rolled back, before one's eyes."""

from pathlib import Path

import click

from delivery.cli.extra import without_extra


@click.command()
@click.option("--story", "name", metavar="NAME", help="Another story; --list names them.")
@click.option("--list", "listed", is_flag=True, help="Name the stories and end.")
@click.option("--plain", is_flag=True, help="Lines instead of a screen; so it is without a terminal, too.")
@click.option("--prometheus", metavar="auto|binary|embedded", default="auto", show_default=True, help="Which one.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write the last decision as an SVG.")
def demo(name: str | None, listed: bool, plain: bool, prometheus: str, picture: Path | None) -> None:
    """Watch the controller promote a good version of Bookinfo's reviews and roll a bad one back.

    Everything runs on this machine, in a sandbox that ends with the demo; no cluster is needed or touched. Ends with 0
    only if every run ended as its story promises, judged from the cluster's objects, and with 1 if one did not.
    """
    try:
        from rich.console import Console

        from delivery.sandbox.demo.session import run
        from delivery.sandbox.demo.stories import DEFAULT, STORIES
        from delivery.sandbox.settings import PROMETHEUS
    except ModuleNotFoundError as error:
        raise without_extra(error) from error
    if listed:
        click.echo("\n".join(f"{each:22} {story.about}" for each, story in STORIES.items()))
        return
    if name is not None and name not in STORIES:
        raise click.BadParameter(f"{name!r} given, allowed: {', '.join(STORIES)}", param_hint="--story")
    if prometheus not in PROMETHEUS:
        raise click.BadParameter(f"{prometheus!r} given, allowed: {', '.join(PROMETHEUS)}", param_hint="--prometheus")
    story = STORIES[name or DEFAULT]
    raise SystemExit(run(story, prometheus=prometheus, plain=plain, console=Console(), picture=picture))
