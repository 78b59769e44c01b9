"""A program beside the sandbox: kept running, and gone when it shall be."""

import sys

import pytest

from delivery.sandbox.child import Child
from tests.sandbox.stage.processes import running, text_of, until_time

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
POLITE = "import signal, sys; print('up', flush=True); signal.sigwait([signal.SIGTERM]); print('bye', flush=True)"
SHORT = "raise SystemExit(7)"


@pytest.fixture
def child(tmp_path):
    def make(code, *, restart=True):
        ends = []
        command = [sys.executable, "-c", code]
        one = Child(command, log=tmp_path / "log", env={}, ended=ends.append, restart=restart)
        return one, ends, tmp_path / "log"

    return make


async def test_asked_to_stop_it_may_finish_what_it_does(child):
    one, ends, log = child("import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); " + POLITE)
    await one.start()
    await until_time(lambda: "up" in text_of(log))
    await one.stop(seconds=30.0)
    assert text_of(log) == "up\nbye\n"
    assert ends == []
    assert one.pid is None


async def test_one_that_does_not_stop_is_killed(child):
    one, _, log = child(STUBBORN)
    await one.start()
    await until_time(lambda: "up" in text_of(log))
    pid = one.pid
    await one.stop(seconds=0.1)
    assert running({pid}) == set()
    await one.stop()


async def test_one_that_ends_is_started_again_with_its_code_told(child):
    one, ends, _ = child(SHORT)
    await one.start()
    await until_time(lambda: one.starts == 2)
    await one.stop()
    assert ends[0] == 7


async def test_unless_nobody_wants_it(child):
    one, ends, _ = child(SHORT, restart=False)
    await one.start()
    await until_time(lambda: ends)
    assert (ends, one.starts, one.pid) == ([7], 1, None)
    await one.stop()


async def test_killed_it_is_not_started_again(child):
    one, _, log = child(STUBBORN)
    await one.start()
    await until_time(lambda: "up" in text_of(log))
    pid = one.pid
    one.kill()
    await until_time(lambda: not running({pid}))
    assert one.starts == 1
