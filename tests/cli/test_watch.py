"""`delivery get --watch`: it follows what happens, and leaves the terminal as it was, whatever ends it."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from delivery.api.status import dump
from delivery.cluster.objects import CANARIES, Ref
from tests.cli.programs import PATIENCE, ended, environment, started
from tests.cli.served import Served
from tests.terminal import recorded

ALTERNATE, NORMAL, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
NEXT = replace(recorded.PROGRESSING, canary_weight=25, step="3/4", message="at 25 %, windows are being judged")


class Terminal:
    """A terminal with the program in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process, self._master, self.text = process, master, ""

    def until(self, said: str) -> None:
        """Read until it has said this."""
        end = time.monotonic() + PATIENCE
        while said not in self.text:
            assert time.monotonic() < end, f"{said!r} never came: {self.text[-2000:]!r}"
            if not self._more(1.0):
                assert said in self.text, f"it ended before {said!r}: {self.text[-2000:]!r}"

    def rest(self) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + PATIENCE
        while self._more(1.0):
            assert time.monotonic() < end, f"it goes on: {self.text[-2000:]!r}"
        return self.process.wait(timeout=PATIENCE)

    def _more(self, patience: float) -> bool:
        if not select.select([self._master], [], [], patience)[0]:
            return True
        try:
            got = os.read(self._master, 65536)
        except OSError:  # Linux: nobody has the other end open
            return False
        self.text += got.decode(errors="replace")
        return bool(got)


@contextmanager
def terminal(served: Served, *arguments: str, columns: int = 100, **env: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "delivery.cli", *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment(served, **size, **env), start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=PATIENCE)
        os.close(master)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace_and_the_terminal_is_as_before(served: Served, number: int) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    with terminal(served, "get", "reviews", "--watch") as screen:
        screen.until("step 2 of 4")
        served.status(CANARIES, "reviews", dump(NEXT))
        screen.until("step 3 of 4")
        screen.process.send_signal(number)
        code = screen.rest()

    assert code == 128 + number
    assert "Traceback" not in screen.text
    assert "Aborted" not in screen.text
    assert screen.text.index(ALTERNATE) < screen.text.rindex(NORMAL)
    assert CURSOR in screen.text[screen.text.rindex(ALTERNATE) :]


def test_no_color_has_no_colours_on_a_terminal_either(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    with terminal(served, "get", "reviews") as coloured:
        assert coloured.rest() == 0
    with terminal(served, "get", "reviews", "--no-color") as plain:
        assert plain.rest() == 0
    with terminal(served, "get", "reviews", NO_COLOR="1") as asked:
        assert asked.rest() == 0

    assert "\x1b[1;31m" in coloured.text
    for screen in (plain, asked):
        assert "step 2 of 4" in screen.text
        assert "\x1b[1;31m" not in screen.text
        assert "\x1b[3" not in screen.text


def test_a_narrow_terminal_is_never_overrun(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    with terminal(served, "get", "reviews", "--no-color", columns=40) as screen:
        assert screen.rest() == 0

    plain = screen.text.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")
    assert max(map(len, plain.splitlines())) <= 40


def test_without_a_terminal_it_writes_a_line_a_change(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    with started(served, "get", "reviews", "--watch") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        served.status(CANARIES, "reviews", dump(NEXT))
        second = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process)

    assert "Progressing, step 2 of 4, wanted 10 %, seen 9.8 %: Analysing" in first
    assert "step 3 of 4, wanted 25 %" in second
    assert "\x1b" not in first + second
    assert (code, err) == (130, "")


def test_programs_get_a_line_of_json_a_change_until_the_canary_is_deleted(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    with started(served, "get", "reviews", "--watch", "-o", "json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["step"] == 2
        served.then(lambda: served.store.delete(Ref(CANARIES, "default", "reviews")))
        code, _, err = ended(process)

    assert (code, err) == (0, "")


def test_a_canary_that_does_not_exist_is_said_before_anything_is_drawn(served: Served) -> None:
    with terminal(served, "get", "nobody", "--watch") as screen:
        assert screen.rest() == 1

    assert "there is no Canary 'nobody'" in screen.text
    assert "Traceback" not in screen.text
