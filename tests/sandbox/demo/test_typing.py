"""Commands that a story types are processes like a person's: they are answered, refused, or ended with the story."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import NAMESPACES
from delivery.sandbox import kubeconfig_file
from delivery.sandbox.definitions import install_all
from delivery.sandbox.demo.typing import Shell, TypingError
from delivery.sandbox.server import ApiServer
from delivery.sandbox.stage import controller_environment
from tests.sandbox.stage.processes import descendants, gone, until_time

FREEZE = "delivery freeze --until 2h --reason 'the big days' -n bookinfo"


@pytest.fixture
def shown() -> list[tuple[str, str]]:
    return []


@pytest.fixture
async def shell(tmp_path: Path, shown: list[tuple[str, str]]) -> AsyncIterator[Shell]:
    store = Store(SystemClock())
    store.create(NAMESPACES, {"metadata": {"name": "bookinfo"}})
    server = ApiServer(store, clock=SystemClock())
    install_all(store, ())
    async with server.serve() as url:
        with kubeconfig_file.written(tmp_path / "kubeconfig", url) as kubeconfig:
            environment = controller_environment(os.environ)
            yield Shell(kubeconfig=kubeconfig, environment=environment, typed=lambda *both: shown.append(both))


async def test_a_command_is_shown_with_its_answer_on_one_line(shell: Shell, shown: list[tuple[str, str]]) -> None:
    said = await shell.type(FREEZE)
    assert said.startswith("frozen until ")
    assert "\n" not in said
    assert shown == [(FREEZE, said)]


async def test_a_command_that_is_refused_ends_the_story_and_says_why(
    shell: Shell, shown: list[tuple[str, str]]
) -> None:
    line = "delivery abort reviews -n bookinfo"
    with pytest.raises(TypingError, match=r"exit code 1: .*there is no Canary 'reviews' in namespace bookinfo"):
        await shell.type(line)
    assert [each for each, _ in shown] == [line]


async def test_who_stops_typing_leaves_no_process(shell: Shell, shown: list[tuple[str, str]]) -> None:
    typing = asyncio.create_task(shell.type(FREEZE))
    before = descendants(os.getpid())
    await until_time(lambda: descendants(os.getpid()) - before)
    mine = descendants(os.getpid()) - before
    typing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await typing
    await gone(mine)
    assert shown == []
