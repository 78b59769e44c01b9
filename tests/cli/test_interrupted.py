"""Ctrl-C ends every command in the same way, whatever it was at: exit code 130, and no traceback."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from delivery import __main__ as program
from delivery.cli import LazyGroup, main
from tests.foreground import foreground

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def silent() -> Iterator[tuple[int, threading.Event]]:
    """A server that takes requests and answers none: its port, and whether somebody has asked."""
    asked, over = threading.Event(), threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            over.wait(PATIENCE)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, asked
    over.set()
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "reviews"),
        ("get", "reviews", "--watch"),
        ("list", "-A"),
        ("why", "reviews"),
        ("history", "reviews"),
        ("status", "reviews", "--wait"),
        ("promote", "reviews"),
        ("undo", "reviews"),
        ("freeze", "--until", "2h", "--reason", "fair"),
        ("plan", "-f", "examples/reviews-canary/canary.yaml", "--against", "cluster"),
        ("judge", "--namespace", "shop", "--primary", "a", "--canary", "b", "--since", "1h"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_ctrl_c_while_a_server_does_not_answer(
    arguments: tuple[str, ...], silent: tuple[int, threading.Event], tmp_path: Path
) -> None:
    port, asked = silent
    config = tmp_path / "config"
    config.write_text(
        "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], users: [{name: u, user: {}}], "
        f'clusters: [{{name: k, cluster: {{server: "http://127.0.0.1:{port}"}}}}]}}'
    )
    where = ("--prometheus", f"http://127.0.0.1:{port}") if arguments[0] == "judge" else ("--kubeconfig", str(config))
    process = subprocess.Popen(
        [sys.executable, "-m", "delivery", *arguments, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path)},
        preexec_fn=foreground,
    )
    try:
        assert asked.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Aborted" not in err


def interrupted() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_in_the_middle_of_a_command() -> None:
    group = LazyGroup()
    group.get_command = lambda ctx, name: click.Command(name, callback=interrupted)  # type: ignore[method-assign]

    assert CliRunner().invoke(group, ["any"]).exit_code == 130


def test_ctrl_c_while_the_program_is_loaded() -> None:
    """Before the first line of the command line is there to hear of it."""
    text = (
        "import sys\n"
        "class Loader:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Loader())\n"
        "from delivery import __main__ as program\n"
        "program.{run}()\n"
    )
    for run in ("run", "plugin"):
        ended = subprocess.run(
            [sys.executable, "-c", text.replace("{run}", run)], capture_output=True, text=True, cwd=ROOT, timeout=60
        )
        assert (ended.returncode, ended.stderr) == (130, "")


def test_the_program_is_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for run, name in ((program.run, "delivery"), (program.plugin, "kubectl delivery")):
        monkeypatch.setattr(sys, "argv", ["delivery", "--help"])
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(f"Usage: {name} [OPTIONS]")
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
