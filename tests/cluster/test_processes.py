"""The harness itself: it never takes another program's port for its own, and never skips in silence."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.harness.processes import (
    NotStartedError,
    PortLostError,
    Program,
    free_port,
    start_on_free_ports,
)

HERE = Path(__file__)


def server(port: int, folder: Path) -> Program:
    return Program([sys.executable, "-m", "http.server", str(port), "--bind=127.0.0.1"], log=folder / "server.log")


def test_a_program_is_ready_when_it_listens_itself(tmp_path: Path) -> None:
    port = free_port()
    program = server(port, tmp_path)

    program.wait_until(lambda: program.listens_on(port))
    program.stop()

    assert not program.running


def test_another_programs_port_is_not_taken_for_its_own(tmp_path: Path) -> None:
    tries: list[int] = []

    with socket.create_server(("127.0.0.1", 0)) as other:

        def start() -> Program:
            port = free_port() if tries else other.getsockname()[1]
            tries.append(port)
            program = server(port, tmp_path)
            program.wait_until(lambda: program.listens_on(port))
            return program

        started = start_on_free_ports(start)
        assert not started.listens_on(other.getsockname()[1])
        started.stop()

    assert len(tries) == 2


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    program = Program([sys.executable, "-c", "raise SystemExit('no such flag')"], log=tmp_path / "log")

    with pytest.raises(NotStartedError, match="no such flag") as failure:
        program.wait_until(lambda: False)

    assert not isinstance(failure.value, PortLostError)


@pytest.mark.parametrize(
    ("required", "code", "words"),
    [
        ("", 0, "KUBEBUILDER_ASSETS is not set"),
        ("1", 1, "REQUIRE_CLUSTER=1, but KUBEBUILDER_ASSETS is not set"),
    ],
)
def test_without_a_control_plane_tests_are_skipped_with_the_reason_or_fail_where_it_was_promised(
    required: str, code: int, words: str
) -> None:
    env = {**os.environ, "REQUIRE_CLUSTER": required, "KUBEBUILDER_ASSETS": ""}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"{HERE.with_name('test_harness.py')}",
    ]

    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, cwd=HERE.parents[2])

    assert done.returncode == code
    assert words in done.stdout
