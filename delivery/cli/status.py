"""`delivery status`: how it stands with the version that was released, and for scripts an exit code by its outcome."""

from typing import TYPE_CHECKING

import click

from delivery.cli.reaching import Where, reach, reaching
from delivery.cli.showing import emit, showing

if TYPE_CHECKING:
    from delivery.terminal.outcome import Standing

EPILOG = """\
Exit codes with --wait: 0 promoted; 1 the cluster cannot be asked; 2 a wrong call; 3 rolled back or refused; 4 cancelled
(the target went back to what is promoted); 5 superseded by a newer revision; 6 not so far within --timeout; 7 the
Canary was deleted; 130 Ctrl-C.
"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--wait", "waits", is_flag=True, help="Wait for the outcome, and answer by the exit code.")
@click.option(
    *("--for", "until"),
    type=click.Choice(("promoted", "finished")),
    default="promoted",
    show_default=True,
    help="promoted: until the outcome is decided; finished: until nothing is left to do, too.",
)
@click.option("--timeout", metavar="DURATION", help="Wait so long at most, such as 30m; by default without an end.")
@click.option("--revision", metavar="REVISION", help="Wait for this one; by default that of the target as it is now.")
@showing
@reaching
def status(
    name: str,
    waits: bool,
    until: str,
    timeout: str | None,
    revision: str | None,
    form: str,
    no_color: bool,
    where: Where,
) -> None:
    """Say how it stands with the version that the target has now; with --wait, wait for its outcome.

    An older version's outcome is never taken for it. A lost connection is made anew.
    """
    from delivery.cli.waiting import Wish, is_done, wait
    from delivery.terminal.outcome import EXIT_CODES, LATE

    wish = Wish(name=name, revision=revision or "", finished=until == "finished", waits=waits, quiet=form != "text")
    limit = _seconds(timeout)
    found = reach(where, lambda cluster: wait(cluster, wish, timeout=limit))
    _say(found, form)
    done = is_done(found, finished=wish.finished)
    raise SystemExit(0 if not waits else EXIT_CODES[found.outcome] if done else LATE)


def _say(found: "Standing", form: str) -> None:
    if form == "text":
        from delivery.cli.waiting import sentence

        click.echo(sentence(found))
        return
    from delivery.terminal.shape import shaped

    emit(shaped("Standing", found), form)


def _seconds(text: str | None) -> float | None:
    """A duration, or a number of seconds."""
    from delivery.api.durations import seconds

    if text is None:
        return None
    try:
        return float(text) if text.isdigit() else seconds(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from error
