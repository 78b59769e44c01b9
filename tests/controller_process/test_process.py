"""How the process ends: as a real process, with real signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

LIMIT = 20.0

PROGRAM = """
import asyncio, os, sys
from delivery.cluster.errors import NotLeader
from delivery.controller.process import run_process
from delivery.observability import logs

logs.configure(level="info", fmt="json")

async def say(word):
    print(word, flush=True)

async def waits():
    await say("started")
    try:
        await asyncio.Event().wait()
    finally:
        await say("gave the Lease back")

async def clings():
    await say("started")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await say("clinging")

async def returns():
    await say("started")

async def loses():
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(NotLeader("somebody else holds it")))

async def crashes():
    await fails(KeyError("a bug"))

async def fails(error):
    raise error

async def cancelled():
    raise asyncio.CancelledError

sys.exit(run_process(globals()[sys.argv[1]]))
"""


class Program:
    """A process of our own that runs one of the stories above."""

    def __init__(self, story: str) -> None:
        root = str(Path(__file__).parents[2])
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, story],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )
        self.guard = threading.Timer(LIMIT, self.process.kill)
        self.guard.start()

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        _, errors = self.process.communicate()
        self.guard.cancel()
        return self.process.returncode, [json.loads(line) for line in errors.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_stop(number: signal.Signals) -> None:
    program = Program("waits")
    assert program.says() == "started"
    program.process.send_signal(number)
    assert program.says() == "gave the Lease back"
    code, lines = program.end()
    assert code == 0
    assert [line["event"] for line in lines] == ["stopping", "stopped"]
    assert lines[-1]["signal"] == number.name


def test_a_second_signal_kills() -> None:
    program = Program("clings")
    assert program.says() == "started"
    program.process.send_signal(signal.SIGTERM)
    assert program.says() == "clinging"
    program.process.send_signal(signal.SIGTERM)
    code, _ = program.end()
    assert code == -signal.SIGTERM


def test_an_end_without_a_signal_is_clean_too() -> None:
    code, lines = Program("returns").end()
    assert code == 0
    assert lines[-1]["event"] == "stopped"


def test_a_lost_lease_is_an_exit_with_1_and_its_reason_in_one_line() -> None:
    code, (line,) = Program("loses").end()
    assert code == 1
    assert line["event"] == "stopped: the Lease was lost"
    assert line["reason"] == "NotLeader: somebody else holds it"
    assert "exception" not in line


def test_a_crash_is_an_exit_with_1_and_a_traceback() -> None:
    code, (line,) = Program("crashes").end()
    assert code == 1
    assert line["reason"] == "KeyError: 'a bug'"
    assert "Traceback" in line["exception"]


def test_being_cancelled_from_within_is_no_clean_stop() -> None:
    code, (line,) = Program("cancelled").end()
    assert code == 1
    assert line["event"] == "stopped: cancelled from within"
