"""`delivery sandbox`: a cluster in this process, to try rollouts with kubectl."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from delivery.cli.extra import without_extra


@click.command()
@click.option("--port", metavar="PORT", default="0", help="Port of the API server.  [default: a free one]")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Keep all objects in this file, and begin with what it holds."
)
@click.option("--prometheus", metavar="auto|binary|embedded", default="auto", show_default=True, help="Which one.")
@click.option("--no-controller", is_flag=True, help="Start no controller; run your own with `delivery run`.")
@click.option("--no-restart", is_flag=True, help="Leave the controller dead if it dies.")
@click.option("--no-bookinfo", is_flag=True, help="Begin with an empty cluster instead of Istio's example.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Where to write the kubeconfig.  [default: a temporary file]"
)
@click.option("--lag", metavar="MIN-MAX", default="0.1-2", show_default=True, help="Seconds until a proxy knows.")
@click.option(
    "--crds", multiple=True, type=click.Path(path_type=Path), help="Definitions to apply, such as Istio's; repeatable."
)
@click.option(
    "--requests-per-second", default="50", show_default=True, help="What users send to Bookinfo and to each Canary."
)
def sandbox(**given: Any) -> None:
    """Run a cluster in this process: an API server for kubectl, simulated pods and mesh, Prometheus, the controller.

    Nothing outside of it is touched, ~/.kube/config neither. Ctrl-C or SIGTERM end everything that it started, and the
    exit code is 0 then; a second Ctrl-C does not wait. It is for trying things, not for production.
    """
    try:
        from delivery.sandbox.session import run
        from delivery.sandbox.settings import Settings, SettingsError
    except ModuleNotFoundError as error:
        raise without_extra(error) from error
    given["controller"] = not given.pop("no_controller")
    given["restart_controller"] = not given.pop("no_restart")
    given["bookinfo"] = not given.pop("no_bookinfo")
    try:
        settings = Settings.parse(given)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    raise SystemExit(run(settings, say=_say, problem=_problem))


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be closed; that is no reason to end
        click.echo(text)


def _problem(text: str) -> None:
    with suppress(OSError):
        click.echo(f"sandbox: {text}", err=True)
