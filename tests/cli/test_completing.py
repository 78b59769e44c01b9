"""Completion: scripts for three shells, and what kubectl asks of a plugin."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from delivery.cli import COMMANDS, main
from delivery.cli.completing import kubectl, proposals
from tests.cli.programs import environment
from tests.cli.served import Served
from tests.cli.test_help import HEAVY


@pytest.mark.parametrize(("shell", "says"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete ")])
def test_each_shell_has_its_script(shell: str, says: str) -> None:
    found = CliRunner().invoke(main, ["completion", shell])

    assert found.exit_code == 0, found.output
    assert says in found.output
    assert "_DELIVERY_COMPLETE" in found.output


def test_another_shell_is_a_wrong_call() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


def test_verbs_options_and_values_are_proposed() -> None:
    assert [name for name, _ in proposals([""])] == sorted(COMMANDS)
    assert proposals(["wh"]) == [("why", COMMANDS["why"].about)]
    assert ("--watch", "Go on showing it until Ctrl-C; without a terminal a line a change.") in proposals(
        ["get", "--w"]
    )
    assert [name for name, _ in proposals(["get", "-o", ""])] == ["text", "json", "yaml"]
    assert proposals(["get", ""]) == [], "a key press asks no cluster"


def test_a_key_press_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom delivery.cli.completing import proposals\n"
        "proposals(['']); proposals(['get', '--'])\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert not set(ran.stderr.split()) & HEAVY


def test_kubectl_is_answered_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-delivery", "his"])
    kubectl()
    assert capsys.readouterr().out == f"history\t{COMMANDS['history'].about}\n:4\n"
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-delivery", "lint", ""])
    kubectl()
    assert capsys.readouterr().out == ":0\n", "files, where nothing of ours may come"


@pytest.fixture
def plugged(served: Served, tmp_path: Path) -> dict[str, str]:
    """An environment in which kubectl finds the plugin and its completion by PATH, as an installation has them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    entries = {
        "kubectl-delivery": "from delivery.cli import plugin as run",
        "kubectl_complete-delivery": "from delivery.cli.completing import kubectl as run",
    }
    for name, text in entries.items():
        file = folder / name
        file.write_text(f"#!{sys.executable}\n{text}\nrun()\n")
        file.chmod(0o755)
    made = environment(served)
    return {**made, "PATH": os.pathsep.join((str(folder), made["PATH"]))}


def run(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    found = shutil.which("kubectl", path=environ["PATH"])
    assert found is not None, "the development extra installs one"
    return subprocess.run([found, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_kubectl_delivery_is_the_same_program(served: Served, plugged: dict[str, str]) -> None:
    served.canary("reviews")

    listed = run(plugged, "delivery", "list")
    assert (listed.returncode, "reviews" in listed.stdout) == (0, True), listed.stderr
    assert run(plugged, "delivery", "--help").stdout.startswith("Usage: kubectl delivery [OPTIONS]")
    assert run(plugged, "delivery", "get", "nobody").returncode == 1


def test_kubectl_completes_the_plugin_s_verbs(plugged: dict[str, str]) -> None:
    found = run(plugged, "__complete", "delivery", "wh")

    assert found.stdout.splitlines()[0] == f"why\t{COMMANDS['why'].about}", found.stderr
    assert ":4" in found.stdout
