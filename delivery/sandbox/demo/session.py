"""The demo in a terminal: what is said at its end, how signals end it, and with which exit code."""

import asyncio
import signal
from pathlib import Path

from rich.console import Console

from delivery.sandbox.client import RefusedError
from delivery.sandbox.demo.picture import draw
from delivery.sandbox.demo.play import Outcome, play, settings
from delivery.sandbox.demo.scene import StoryError
from delivery.sandbox.demo.show import opened
from delivery.sandbox.demo.slack import table as table_of_slack
from delivery.sandbox.demo.stories import Story
from delivery.sandbox.demo.summary import table
from delivery.sandbox.demo.typing import TypingError
from delivery.sandbox.session import UNUSABLE
from delivery.sandbox.stage import Sandbox, open_sandbox

LOG_LINES = 20
BESIDE = """Look on from another terminal:
  export KUBECONFIG={kubeconfig}
  kubectl -n bookinfo get pdc --watch
"""


def run(story: Story, *, prometheus: str, plain: bool, console: Console, picture: Path | None) -> int:
    """Play a story and answer the exit code.

    0: every run ended as the story promises, by the cluster's objects. 1: one did not. 2: something that it was given
    cannot be used. 130 and 143: SIGINT and SIGTERM ended it. Whatever was started is gone then.
    """
    try:
        return asyncio.run(_run(story, prometheus, plain, console, picture))
    except _Stopped as stopped:
        console.print("stopped; everything that the demo started is gone")
        return 128 + stopped.number


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    def __init__(self, number: int) -> None:
        self.number = number


async def _run(story: Story, prometheus: str, plain: bool, console: Console, picture: Path | None) -> int:
    problems: list[str] = []
    received: list[int] = []
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        async with open_sandbox(settings(prometheus), problem=problems.append) as sandbox:
            return await _told(story, sandbox, plain, console, picture, problems)
    except UNUSABLE as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 2
    except asyncio.CancelledError:
        if not received:
            raise
        raise _Stopped(received[0]) from None


async def _told(
    story: Story, sandbox: Sandbox, plain: bool, console: Console, picture: Path | None, problems: list[str]
) -> int:
    outcome = Outcome()
    console.print(
        BESIDE.format(kubeconfig=sandbox.kubeconfig), style="dim", markup=False, highlight=False, soft_wrap=True
    )
    with opened(console, plain=plain) as show:
        try:
            await play(story, sandbox, show, outcome)
        except (StoryError, RefusedError, TypingError) as error:
            outcome.complaints.append(str(error))
    console.print(table(outcome.runs))
    if outcome.slack:
        console.print(table_of_slack(outcome.slack))
    if picture is not None and outcome.picture is not None:
        draw(outcome.picture, picture)
    if not outcome.complaints:
        console.print("Every run ended as promised, by the cluster's own objects.", style="green")
        return 0
    for text in [*outcome.complaints, *problems, *_log(sandbox)]:
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


def _log(sandbox: Sandbox) -> list[str]:
    """The last that the controller said: its folder goes with the demo."""
    if sandbox.controller is None or not sandbox.controller.log.exists():
        return []
    return ["the controller's last words:", *sandbox.controller.log.read_text().splitlines()[-LOG_LINES:]]
