"""`delivery gates` as a process: it serves, remembers, ends on SIGTERM, and says what it needs."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from delivery.cli import main
from delivery.cli.gates import gates


def start(state, *options):
    """The process and its port."""
    command = [sys.executable, "-m", "delivery.cli", "gates", "--listen", "127.0.0.1:0", f"--state={state}", *options]
    env = {**os.environ, "DELIVERY_GATES_TOKEN": "t0ken"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    for line in process.stdout:
        if '"listening"' in line:
            return process, json.loads(line)["port"]
    raise AssertionError(process.wait())


def ask(port, path):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=b'{"name": "reviews", "namespace": "shop"}',
        headers={"Authorization": "Bearer t0ken"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_serves_until_it_is_asked_to_stop_and_remembers(tmp_path):
    state = tmp_path / "gates.json"
    for expected in (403, 200):
        process, port = start(state)
        try:
            assert ask(port, "/gate/check") == expected
            assert ask(port, "/gate/open") == 202
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "t0ken" not in rest


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "given neither, allowed a token of your choice"),
        (["--token-file=TOKEN", "--listen=nowhere"], "--listen"),
        (["--token-file=TOKEN", "--state=WRONG"], "is no file of gates"),
    ],
)
def test_what_it_cannot_use_is_named(tmp_path, options, says):
    (tmp_path / "TOKEN").write_text("t0ken")
    (tmp_path / "WRONG").write_text("hello")
    options = [each.replace("TOKEN", str(tmp_path / "TOKEN")) for each in options]
    options = [each.replace("WRONG", str(tmp_path / "WRONG")) for each in options]
    state = [] if any(each.startswith("--state") for each in options) else [f"--state={tmp_path / 'gates.json'}"]
    result = CliRunner(env={"DELIVERY_GATES_TOKEN": ""}).invoke(gates, [*state, *options])
    assert (result.exit_code, says in result.output) == (2, True)


def test_the_help_names_its_paths():
    assert "/gate/open" in CliRunner().invoke(main, ["gates", "--help"]).output
