"""The command line answers at once, and says what is wrong with a call."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

import delivery
from delivery.cli import COMMANDS, main

HEAVY = {
    *("kopf", "kubernetes", "pydantic", "aiohttp", "apscheduler", "prometheus_api_client", "structlog", "yaml"),
    "rich",
}


LIGHT = ("crds", "get", "list", "history", "why", "status", "completion")
"""Whose help is asked for often, and answered by what people wait for."""


def modules_after(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `delivery ARGUMENTS`."""
    program = (
        "import sys\nfrom delivery.cli import main\n"
        f"main({list(arguments)!r}, standalone_mode=False)\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(ended.stderr.split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("version",), ("completion", "bash"), *((name, "--help") for name in LIGHT)]
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = modules_after(*arguments)

    assert "delivery.cli" in loaded
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("delivery.api.")]


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    for name, command in COMMANDS.items():
        assert name in result.output
        assert command.about in " ".join(result.output.split())


def test_version_says_which_program_this_is() -> None:
    assert CliRunner().invoke(main, ["version"]).output == f"delivery {delivery.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rollout"], "No such command 'rollout'"),
        (["crds", "--ouput", "x"], "No such option"),
        (["crds", "surplus"], "unexpected extra argument"),
        ([], "Usage:"),
    ],
)
def test_a_wrong_call_is_explained_and_ends_with_2(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert says in result.output


def test_a_first_look_builds_no_models_of_specs_and_brings_nothing_that_decides() -> None:
    program = (
        "import sys\nimport delivery.cli.looking, delivery.terminal.look, delivery.terminal.view\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert not set(ran.stderr.split()) & {
        *("delivery.api.canary", "delivery.api.analysis", "kopf"),
        *("strategies.rollout", "delivery.gates.calendar", "apscheduler"),
    }
